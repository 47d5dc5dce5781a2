// Makes Uppy's S3 plugin (@uppy/aws-s3 5) upload into EduConnect:
//
//   addUploads(new Uppy(), AwsS3, { endpoint, token: async () => "…", kind: "VIDEO" })
//
// A file that was begun earlier, here or on another device, goes on where it ended. What a file has become stands in
// `response.body.media` of Uppy's upload-success event.

const MIB = 1024 * 1024;
const MOST_PARTS = 10_000;
const SET_BY_BROWSERS = ["content-length", "host"];

const START = "mutation ($input: InitiateUploadInput!) { initiateUpload(input: $input) { id } }";
const BEGUN = `query ($next: String) { listMyUploads(status: UPLOADING, nextToken: $next) {
  items { id fileName sizeBytes contentType partSizeBytes } nextToken } }`;
const STORED = `query ($id: ID!, $next: String) { listUploadParts(uploadId: $id, nextToken: $next) {
  items { partNumber sizeBytes etag } nextToken } }`;
const SIGN = `mutation ($input: SignUploadPartsInput!) {
  signUploadParts(input: $input) { request { url headers { name value } } } }`;
const COMPLETE = "mutation ($input: CompleteUploadInput!) { completeUpload(input: $input) { media { id status } } }";
const ABORT = "mutation ($id: ID!) { abortUpload(id: $id) { id } }";

/** The API's refusal; `errorType` says which. */
export class Refused extends Error {
  constructor({ message, errorType }) {
    super(message);
    this.errorType = errorType;
  }
}

/** Uppy with uploads. `token` is asked for before every call; `partBytes` is how much one request carries, at least. */
export function addUploads(uppy, AwsS3, { endpoint, token, kind, purpose = "LESSON", partBytes = 8 * MIB }) {
  const ask = asker(endpoint, token);
  const partBytesOf = ({ size }) => Math.max(partBytes, Math.ceil(size / MOST_PARTS / MIB) * MIB);

  async function resume(ids) {
    const begun = await ask.all(BEGUN, {});
    for (const file of ids.map((id) => uppy.getFile(id))) {
      const same = ({ fileName, sizeBytes, contentType, partSizeBytes }) =>
        fileName === file.name && sizeBytes === file.size && contentType === file.type && partSizeBytes === partBytesOf(file);
      const upload = begun.find(same);
      if (upload && !file.s3Multipart) uppy.setFileState(file.id, { s3Multipart: { uploadId: upload.id, key: upload.id } });
    }
  }

  uppy.addPreProcessor(resume);
  return uppy.use(AwsS3, {
    shouldUseMultipart: true,
    getChunkSize: partBytesOf,
    async createMultipartUpload({ name, size, type }) {
      const input = { kind, purpose, fileName: name, contentType: type, sizeBytes: size };
      const { id } = await ask(START, { input: { ...input, multipart: true, partSizeBytes: partBytesOf({ size }) } });
      return { uploadId: id, key: id };
    },
    async listParts(_, { uploadId }) {
      const parts = await ask.all(STORED, { id: uploadId });
      return parts.map(({ partNumber, sizeBytes, etag }) => ({ PartNumber: partNumber, Size: sizeBytes, ETag: etag }));
    },
    async signPart(_, { uploadId, partNumber, signal }) {
      const [{ request }] = await ask(SIGN, { input: { uploadId, parts: [{ partNumber }] } }, signal);
      const headers = request.headers.filter(({ name }) => !SET_BY_BROWSERS.includes(name.toLowerCase()));
      return { method: "PUT", url: request.url, headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])) };
    },
    async completeMultipartUpload(_, { uploadId, parts }) {
      const given = parts.map(({ PartNumber, ETag }) => ({ partNumber: PartNumber, etag: ETag }));
      const { media } = await ask(COMPLETE, { input: { uploadId, parts: given } });
      return { location: `${endpoint}#${media.id}`, media };
    },
    abortMultipartUpload: (_, { uploadId }) => ask(ABORT, { id: uploadId }),
  });
}

/** Asks for the one root field of an operation; `all` walks its pages. */
function asker(endpoint, token) {
  async function ask(query, variables, signal) {
    const headers = { authorization: await token(), "content-type": "application/json" };
    const answer = await fetch(endpoint, { method: "POST", headers, body: JSON.stringify({ query, variables }), signal });
    const { data, errors } = await answer.json();
    if (errors) throw new Refused(errors[0]);
    return Object.values(data)[0];
  }

  ask.all = async (query, variables) => {
    const items = [];
    let next = null;
    do {
      const page = await ask(query, { ...variables, next });
      items.push(...page.items);
      next = page.nextToken;
    } while (next);
    return items;
  };
  return ask;
}
