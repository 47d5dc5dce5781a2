"""Recordings of meetings: their states, and each step between them as a pure function.

    CAPTURING -> PROCESSING -> READY or FAILED; CAPTURING -> FAILED

While PROCESSING the captured pieces become one file, the file becomes a media, and the media is processed.
"""

from typing import Any, Literal

import msgspec

from domain.errors import invalid_state
from domain.records import Record
from domain.times import Timestamp, later

RecordingStatus = Literal["CAPTURING", "PROCESSING", "READY", "FAILED"]

LOOK_SECONDS = 60
"""Between two looks at what a recording waits for; its end is told too, but only at best."""
_PROCESSED_SECONDS = 24 * 3600
_UNSEEN_SECONDS = 300
"""After so long a capture that never got its pipeline is given up: who started it is gone."""


class MeetingRecording(Record, frozen=True):
    """A row of table Recordings. Its id begins with its meeting's.

    Never shown: `capture_id` and `capture_arn` name the pipeline that records, `whole_id` the one that makes one file,
    which is kept under `whole_key`; `media_id` the media that this became; `due_at` when to look after it.
    """

    id: str
    meeting_id: str
    status: str
    started_at: Timestamp
    version: int
    stopped_at: Timestamp | None = None
    error_message: str | None = None
    due_at: Timestamp | None = None
    capture_id: str | None = None
    capture_arn: str | None = None
    whole_id: str | None = None
    whole_key: str | None = None
    media_id: str | None = None

    @property
    def token(self) -> str:
        """Names it to the engine, which takes no dot."""
        return self.id.rpartition(".")[2]

    @property
    def is_final(self) -> bool:
        return self.status in ("READY", "FAILED")

    def has_taken_too_long(self, now: Timestamp) -> bool:
        return self.stopped_at is not None and later(self.stopped_at, seconds=_PROCESSED_SECONDS) <= now

    def is_lost(self, now: Timestamp) -> bool:
        return self.capture_id is None and later(self.started_at, seconds=_UNSEEN_SECONDS) <= now


def meeting_id_of(recording_id: str) -> str:
    return recording_id.partition(".")[0]


def started(meeting_id: str, unique: str, now: Timestamp) -> MeetingRecording:
    """
    Args:
        unique: a fresh ULID.
    """
    return MeetingRecording(
        id=f"{meeting_id}.{unique}",
        meeting_id=meeting_id,
        status="CAPTURING",
        started_at=now,
        version=1,
        due_at=later(now, seconds=LOOK_SECONDS),
    )


def capturing(before: MeetingRecording, capture_id: str, capture_arn: str) -> MeetingRecording:
    """With the pipeline that records. Raises INVALID_STATE when it was stopped meanwhile."""
    _require(before, "CAPTURING")
    return _next(before, capture_id=capture_id, capture_arn=capture_arn)


def stopped(before: MeetingRecording, now: Timestamp) -> MeetingRecording:
    """No more is recorded; what there is waits to be processed. Raises INVALID_STATE."""
    _require(before, "CAPTURING")
    if before.capture_id is None:
        return failed(msgspec.structs.replace(before, stopped_at=now), "Nothing was recorded.")
    return _next(before, status="PROCESSING", stopped_at=now, due_at=now)


def joined(before: MeetingRecording, whole_id: str, whole_key: str, now: Timestamp) -> MeetingRecording:
    """One file is being made of it."""
    _require(before, "PROCESSING")
    return _next(before, whole_id=whole_id, whole_key=whole_key, due_at=later(now, seconds=LOOK_SECONDS))


def filed(before: MeetingRecording, media_id: str, now: Timestamp) -> MeetingRecording:
    """The file is a media, which is being processed."""
    _require(before, "PROCESSING")
    return _next(before, media_id=media_id, due_at=later(now, seconds=LOOK_SECONDS))


def ready(before: MeetingRecording) -> MeetingRecording:
    _require(before, "PROCESSING")
    return _next(before, status="READY", due_at=None)


def failed(before: MeetingRecording, message: str) -> MeetingRecording:
    """
    Args:
        message: one sentence for the host; nothing of our inside.
    """
    if before.is_final:
        raise invalid_state(before.status, "The recording is final.")
    return _next(before, status="FAILED", error_message=message, due_at=None)


def waiting(before: MeetingRecording, until: Timestamp) -> MeetingRecording:
    """To be looked after again; shown as it is, and so of the same version."""
    return msgspec.structs.replace(before, due_at=until)


def _require(recording: MeetingRecording, status: RecordingStatus) -> None:
    if recording.status != status:
        raise invalid_state(recording.status, f"The recording is not {status}.")


def _next(before: MeetingRecording, **changes: Any) -> MeetingRecording:
    return msgspec.structs.replace(before, **changes, version=before.version + 1)
