"""Recordings: started and stopped by calls, and then brought on step by step until their media is there.

Each step is written before the next one begins, and each may be repeated: whatever was lost on the way, a look at
what the recording waits for goes on from where it stands.
"""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from datasources.blobs import BlobStore
from datasources.conditions import equals, not_exists
from datasources.contention import LostRace, settle
from datasources.media import Media
from datasources.media_rows import new_media
from datasources.media_uses import Use, uses
from datasources.meeting_engine import RECORDING, CallGone, MeetingEngine, Pipeline, feature_disabled
from datasources.meeting_rows import meeting_step
from datasources.meetings import Meetings
from datasources.ports import Item, Put, RecordStore, SortRange
from datasources.readable import readable
from datasources.storage_quota import charged_anyway
from datasources.tables import RECORDINGS
from datasources.transactions import Guarded, commit
from domain import recordings as steps
from domain.errors import RETRYABLE, Code, DomainError, not_found
from domain.file_keys import incoming, recorded_pieces, recorded_whole
from domain.media import Hurdle, MediaAsset
from domain.meetings import Meeting, not_live, require_live, with_recording
from domain.recordings import MeetingRecording, meeting_id_of
from domain.records import to_item
from domain.times import Timestamp, later

_OPEN = "OPEN"
"""The partition of DueIndex with all that is not final."""
_LOOKED_AFTER_AT_ONCE = 50
_CONTENT_TYPE = "video/mp4"

_log = logging.getLogger(__name__)


class Recordings:
    """
    Args:
        hurdles: what a new media has to pass in this deployment before it can be used.
    """

    def __init__(
        self,
        store: RecordStore,
        engine: MeetingEngine,
        blobs: BlobStore,
        media: Media,
        hurdles: Sequence[Hurdle],
        now: Callable[[], Timestamp],
    ) -> None:
        self._store = store
        self._engine = engine
        self._blobs = blobs
        self._media = media
        self._hurdles = tuple(hurdles)
        self._now = now
        self._meetings = Meetings(store)

    async def get(self, recording_id: str) -> MeetingRecording | None:
        item = await self._store.get(RECORDINGS, _key(recording_id))
        return None if item is None else _of(item)

    async def of_meeting(self, meeting_id: str, position: Any, size: int) -> tuple[list[MeetingRecording], Any]:
        """In the order in which they were started."""
        page = await self._store.query(RECORDINGS, meeting_id, limit=size, after=position)
        return readable(page.items, _of), page.last_key

    # Calls

    async def start(self, meeting_id: str, unique: str) -> MeetingRecording:
        """A recording that captures the meeting.

        Args:
            unique: a fresh ULID.

        Raises:
            DomainError: FEATURE_DISABLED, NOT_FOUND, MEETING_NOT_LIVE, RECORDING_RUNNING; THROTTLED,
                DEPENDENCY_FAILED.
        """
        if RECORDING not in self._engine.features:
            raise feature_disabled(RECORDING)
        meeting, recording = await self._begin(meeting_id, unique)
        try:
            if meeting.session is None:
                raise CallGone
            pipeline = await self._engine.start_capture(meeting.session, token=recording.token)
        except DomainError as refusal:
            await self._give_up(recording, "The recording could not be started.")
            raise not_live(meeting) if isinstance(refusal, CallGone) else refusal from None
        return await self._step(recording.id, lambda row: steps.capturing(row, pipeline.id, pipeline.arn))

    async def stop(self, meeting_id: str) -> MeetingRecording:
        """The recording that ran.

        Raises:
            DomainError: FEATURE_DISABLED; NOT_FOUND when none runs; THROTTLED, DEPENDENCY_FAILED.
        """
        if RECORDING not in self._engine.features:
            raise feature_disabled(RECORDING)
        meeting = await self._meetings.get(meeting_id)
        if meeting is None or meeting.recording_id is None:
            raise not_found("recording")
        row = await self._stopped(meeting.recording_id)
        if row.capture_id is not None:
            try:
                await self._engine.stop_capture(row.capture_id)
            except DomainError as refusal:  # it is tried again with the next step
                if refusal.code not in RETRYABLE:
                    raise
        return row

    # What follows

    async def due(self) -> AsyncIterator[MeetingRecording]:
        """What is to be looked after, some dozens at once."""
        page = await self._store.query(
            RECORDINGS, _OPEN, index="DueIndex", sort=SortRange(at_most=self._now()), limit=_LOOKED_AFTER_AT_ONCE
        )
        for item in page.items:
            row = await self.get(item["id"])
            if row is not None and row.due_at is not None and row.due_at <= self._now():
                yield row

    async def of_pipeline(self, meeting_id: str, pipeline_id: str) -> MeetingRecording | None:
        """The recording of a meeting that waits for a pipeline; None when none does."""
        page = await self._store.query(RECORDINGS, meeting_id, descending=True)
        return next((row for row in readable(page.items, _of) if pipeline_id in (row.capture_id, row.whole_id)), None)

    async def advance(self, row: MeetingRecording) -> MeetingRecording | None:
        """The recording after its next step; None when it has to wait, or somebody else is faster.

        Raises:
            DomainError: THROTTLED, DEPENDENCY_FAILED: it is due again, or comes again with the next look.
        """
        try:
            if row.status == "CAPTURING":
                return await self._after_capture(row)
            if row.has_taken_too_long(self._now()):
                return await self._give_up(row, "The recording could not be processed in a day.")
            if row.whole_id is None:
                return await self._join(row)
            if row.media_id is None:
                return await self._file(row)
            return await self._after_media(row)
        except LostRace:
            return None

    async def _after_capture(self, row: MeetingRecording) -> MeetingRecording | None:
        meeting = await self._meetings.get(row.meeting_id)
        if meeting is None or not meeting.is_live or meeting.recording_id != row.id or row.is_lost(self._now()):
            return await self._stopped(row.id)
        state = "GOING_ON" if row.capture_id is None else await self._engine.pipeline_state(row.capture_id)
        if state == "GOING_ON":
            await self.postpone(row)
            return None
        return await self._stopped(row.id)

    async def _join(self, row: MeetingRecording) -> MeetingRecording:
        if row.capture_id is None or row.capture_arn is None:
            return await self._give_up(row, "Nothing was recorded.")
        await self._engine.stop_capture(row.capture_id)
        whole = await self._engine.concatenate(Pipeline(row.capture_id, row.capture_arn), token=row.token)
        return await self._commit(row, steps.joined(row, whole.id, recorded_whole(whole.path), self._now()))

    async def _file(self, row: MeetingRecording) -> MeetingRecording | None:
        state = await self._engine.pipeline_state(row.whole_id or "")
        if state == "GOING_ON":
            await self.postpone(row)
            return None
        meeting = await self._meetings.get(row.meeting_id)
        if state == "FAILED" or meeting is None or row.whole_key is None:
            return await self._give_up(row, "The recording could not be put together.")
        media_id = row.token
        blob = await self._blobs.move(row.whole_key, incoming(meeting.host_id, media_id))
        if blob is None:
            return await self._give_up(row, "Nothing was recorded.")
        media = MediaAsset(
            id=media_id,
            owner_id=meeting.host_id,
            kind="RECORDING",
            purpose="LESSON",
            status="SCANNING",
            file_name=f"{meeting.title}.mp4",
            content_type=_CONTENT_TYPE,
            size_bytes=blob.size,
            created_at=self._now(),
            version=1,
            awaits=self._hurdles,
        )
        made: list[Guarded] = [
            (new_media(media), LostRace()),
            (charged_anyway(media.owner_id, media.size_bytes), LostRace()),
        ]
        return await self._commit(row, steps.filed(row, media_id, self._now()), *made)

    async def _after_media(self, row: MeetingRecording) -> MeetingRecording | None:
        media = await self._media.get(row.media_id or "")
        if media is None or media.status in ("FAILED", "QUARANTINED", "DELETED"):
            return await self._give_up(row, "The recording could not be processed.")
        if not media.is_ready:
            await self.postpone(row)
            return None
        await self._remove_pieces(row)
        return await self._commit(row, steps.ready(row), *uses(media.id, Use("MEETING", row.meeting_id)))

    async def _remove_pieces(self, row: MeetingRecording) -> None:
        """The pieces that were captured; the whole is a media by now."""
        while True:
            pieces = await self._blobs.list_keys(recorded_pieces(row.token))
            if not pieces:
                return
            await self._blobs.delete([piece.key for piece in pieces])

    # Writes

    async def _begin(self, meeting_id: str, unique: str) -> tuple[Meeting, MeetingRecording]:
        async def attempt() -> tuple[Meeting, MeetingRecording]:
            meeting = await self._meetings.get(meeting_id)
            if meeting is None:
                raise not_found("meeting")
            require_live(meeting)
            if meeting.recording_id is not None:
                raise DomainError(Code.RECORDING_RUNNING, "A recording runs already.")
            recording = steps.started(meeting.id, unique, self._now())
            begun = with_recording(meeting, recording.id)
            first = Put(RECORDINGS, _item(recording), not_exists("meetingId"))
            await commit(self._store, [(meeting_step(meeting, begun), LostRace()), (first, LostRace())])
            return begun, recording

        return await settle(attempt, "The meeting")

    async def _stopped(self, recording_id: str) -> MeetingRecording:
        """Also when it was stopped before."""

        async def attempt() -> MeetingRecording:
            row = await self.get(recording_id)
            if row is None:
                raise not_found("recording")
            if row.status != "CAPTURING":
                return row
            return await self._commit(row, steps.stopped(row, self._now()), *await self._freed(row))

        return await settle(attempt, "The meeting")

    async def _give_up(self, row: MeetingRecording, message: str) -> MeetingRecording:
        async def attempt() -> MeetingRecording:
            present = await self.get(row.id) or row
            if present.is_final:
                return present
            return await self._commit(present, steps.failed(present, message), *await self._freed(present))

        _log.warning("recording %s failed", row.id)
        return await settle(attempt, "The meeting")

    async def _freed(self, row: MeetingRecording) -> list[Guarded]:
        """The meeting may be recorded anew."""
        meeting = await self._meetings.get(row.meeting_id)
        if meeting is None or meeting.recording_id != row.id:
            return []
        return [(meeting_step(meeting, with_recording(meeting, None)), LostRace())]

    async def _step(self, recording_id: str, step: Callable[[MeetingRecording], MeetingRecording]) -> MeetingRecording:
        async def attempt() -> MeetingRecording:
            row = await self.get(recording_id)
            if row is None:
                raise not_found("recording")
            return await self._commit(row, step(row))

        return await settle(attempt, "The recording")

    async def postpone(self, row: MeetingRecording) -> None:
        """Look after it again in a minute."""
        later_on = steps.waiting(row, later(self._now(), seconds=steps.LOOK_SECONDS))
        with suppress(LostRace):
            await self._commit(row, later_on)

    async def _commit(self, before: MeetingRecording, after: MeetingRecording, *also: Guarded) -> MeetingRecording:
        """Raises LostRace when the row is another by now."""
        write = Put(RECORDINGS, _item(after), equals("version", before.version))
        await commit(self._store, [(write, LostRace()), *also])
        return after


def _key(recording_id: str) -> dict[str, str]:
    return {"meetingId": meeting_id_of(recording_id), "id": recording_id}


def _item(recording: MeetingRecording) -> Item:
    item: Item = to_item(recording)
    return item if recording.due_at is None else {**item, "queue": _OPEN}


def _of(item: Item) -> MeetingRecording:
    return msgspec.convert(item, MeetingRecording)
