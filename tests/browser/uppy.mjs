// An application that uploads with Uppy, for tests to drive.

import AwsS3 from "@uppy/aws-s3";
import Uppy from "@uppy/core";

import { addUploads } from "../../examples/uppy.mjs";

const told = [];

globalThis.uploader = {
  told,
  async start(options, name, type, pattern, size, pauseAt) {
    const bytes = new Uint8Array(size).map((_, at) => (at * 31 + (at >> 12)) & 255);
    bytes.set(pattern);
    const uppy = addUploads(new Uppy(), AwsS3, { ...options, token: async () => options.token });
    this.uppy = uppy;
    let parts = 0;
    uppy.on("s3-multipart:part-uploaded", () => {
      parts += 1;
      if (parts === pauseAt) {
        uppy.pauseAll();
        told.push({ paused: parts });
      }
    });
    uppy.on("upload-success", (_, { body }) => told.push({ media: body.media, parts }));
    uppy.on("upload-error", (_, { message, errorType }) => told.push({ message, errorType }));
    uppy.addFile({ name, type, data: new File([bytes], name, { type }) });
    uppy.upload();
  },
  resume() {
    this.uppy.resumeAll();
  },
};
