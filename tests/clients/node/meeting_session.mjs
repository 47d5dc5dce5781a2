// Builds amazon-chime-sdk-js's MeetingSessionConfiguration from what joinMeeting answered, and reads it back.
//
// stdin: the MeetingJoin; stdout: what the session would use
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

globalThis.window ??= globalThis;
globalThis.self ??= globalThis;
const require = createRequire(import.meta.url);
const { MeetingSessionConfiguration } = require("amazon-chime-sdk-js");

const join = JSON.parse(readFileSync(0, "utf8"));
const configuration = new MeetingSessionConfiguration(
  { MeetingId: join.chimeMeetingId, MediaRegion: join.mediaRegion, MediaPlacement: join.mediaPlacement },
  { AttendeeId: join.chimeAttendeeId, ExternalUserId: join.externalUserId, JoinToken: join.joinToken },
);
process.stdout.write(
  JSON.stringify({
    meetingId: configuration.meetingId,
    // Field by field: as a whole they hide the token.
    attendeeId: configuration.credentials.attendeeId,
    externalUserId: configuration.credentials.externalUserId,
    joinToken: configuration.credentials.joinToken,
    audioHostURL: configuration.urls.audioHostURL,
    signalingURL: configuration.urls.signalingURL,
    turnControlURL: configuration.urls.turnControlURL ?? null,
    eventIngestionURL: configuration.urls.eventIngestionURL ?? null,
  }),
);
