"""Chime's events, applied to rosters and meetings: in any order, and however often each is told."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from datasources import meeting_sightings
from datasources.contention import LostRace, settle
from datasources.meeting_rosters import Rosters
from datasources.meeting_rows import meeting_step, session_goes_on
from datasources.meetings import Meetings
from datasources.ports import RecordStore
from datasources.transactions import Guarded, commit
from domain.chime import EventDetail, detail_of
from domain.meeting_attendees import MeetingAttendee, closed, one_version_on
from domain.meeting_presence import Sighting
from domain.meetings import Meeting, ended_meeting, transcription_ended
from domain.times import Timestamp, from_epoch, later

LATEST_SECONDS = 24 * 3600
"""After so long an event counts no more, for what would be needed to weigh it may be forgotten."""
_SIGHTINGS: Mapping[str, str] = {
    "chime:AttendeeJoined": "JOINED",
    "chime:AttendeeLeft": "LEFT",
    "chime:AttendeeDeleted": "LEFT",
    "chime:AttendeeDropped": "DROPPED",
}
_ENDED = "chime:MeetingEnded"
_NOT_TRANSCRIBED = {"chime:TranscriptionStopped": False, "chime:TranscriptionFailed": True}
"""Whether that is a failure. After TranscriptionInterrupted Chime goes on by itself, or tells that it failed."""

_log = logging.getLogger(__name__)


class Changed(msgspec.Struct, frozen=True):
    """What an event changed, to be told to subscribers."""

    meeting: Meeting | None = None
    attendees: Sequence[MeetingAttendee] = ()
    pipeline: tuple[str, str] | None = None
    """A meeting's id and that of a media pipeline of which there is news; nothing was written for it."""


class MeetingEvents:
    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self._meetings = Meetings(store)
        self._rosters = Rosters(store)

    async def apply(self, event: Any, now: Timestamp) -> Changed:
        """
        Args:
            event: as EventBridge brings it. What is no Chime event of a meeting of ours changes nothing.

        Raises:
            DomainError: THROTTLED, DEPENDENCY_FAILED: it has to be told again.
        """
        detail = detail_of(event)
        if detail is None:
            return Changed()
        at = from_epoch(detail.timestamp / 1000)
        if detail.media_pipeline_id is not None:
            return Changed(pipeline=(detail.external_meeting_id, detail.media_pipeline_id))
        if detail.event_type in _NOT_TRANSCRIBED:
            return Changed(meeting=await self._transcription_ended(detail, at))
        kind = _SIGHTINGS.get(detail.event_type)
        if kind is None and detail.event_type != _ENDED:
            return Changed()
        if later(at, seconds=LATEST_SECONDS) <= now:
            _log.warning("a Chime event came too late", extra={"event": detail.event_type})
            return Changed()
        if kind is None:
            return Changed(meeting=await self.call_ended(detail.external_meeting_id, detail.meeting_id, at))
        return Changed(attendees=await self._seen(detail, kind, at))

    async def call_ended(self, meeting_id: str, session_id: str, at: Timestamp) -> Meeting | None:
        """Remembers that a Chime meeting is over, from which the roster follows; the meeting if that ended it too."""

        async def attempt() -> Meeting | None:
            meeting = await self._meetings.get(meeting_id)
            if meeting is None:
                return None
            writes = await meeting_sightings.closing(self._store, meeting, session_id, at)
            ended: Meeting | None = None
            if meeting.is_live and meeting.session is not None and meeting.session.meeting_id == session_id:
                ended = ended_meeting(meeting, "TIMED_OUT", at)
                writes.append((meeting_step(meeting, ended), LostRace()))
            if writes:
                await commit(self._store, writes)
            return ended

        return await settle(attempt, "The meeting")

    async def _transcription_ended(self, detail: EventDetail, at: Timestamp) -> Meeting | None:
        """The meeting, None where nothing changed."""
        if await self._meetings.get(detail.external_meeting_id) is None:
            return None
        has_failed = _NOT_TRANSCRIBED[detail.event_type]
        meeting, is_changed = await self._meetings.update(
            detail.external_meeting_id,
            lambda before: transcription_ended(before, detail.meeting_id, at, has_failed=has_failed),
        )
        return meeting if is_changed else None

    async def end_of(self, meeting_id: str, session_id: str) -> Timestamp | None:
        """When a Chime meeting ended, as far as is known."""
        return (await meeting_sightings.session_ends(self._store, meeting_id)).get(session_id)

    async def close(self, meeting_id: str, at: Timestamp) -> AsyncIterator[MeetingAttendee]:
        """Close what is open in the roster after the end of a Chime meeting at `at`, and give the rows that changed.

        Nobody keeps a seat in a meeting that is over.
        """
        meeting = await self._meetings.get(meeting_id)
        if meeting is None:
            return
        async for row in self._rosters.walk(meeting_id):
            if row.is_joined or row.is_seen_now:
                after = await self._close(row, at, is_over=meeting.is_over)
                if after is not None:
                    yield after

    async def _close(self, row: MeetingAttendee, at: Timestamp, *, is_over: bool) -> MeetingAttendee | None:
        """None where nothing changed."""

        async def attempt() -> MeetingAttendee | None:
            before = await self._rosters.get(row.meeting_id, row.user_id)
            if before is None:
                return None
            known = await meeting_sightings.read(self._store, before.meeting_id, before.user_id)
            after = known.applied(before)
            if is_over or before.session_id in known.session_ends:
                after = closed(after, at)
            after = one_version_on(before, after)
            if after is before:
                return None
            await commit(self._store, meeting_sightings.steps(before, after))
            return after

        return await settle(attempt, "The meeting")

    async def _seen(self, detail: EventDetail, kind: str, at: Timestamp) -> Sequence[MeetingAttendee]:
        """The rows that changed of who was seen, in the roster of a breakout and in that of its parent."""
        user_id, attendee_id = detail.external_user_id, detail.attendee_id
        meeting = await self._meetings.get(detail.external_meeting_id)
        if user_id is None or attendee_id is None or meeting is None:
            return ()
        sighting = Sighting(at, kind, detail.meeting_id, attendee_id)
        rows = [await self._see(meeting_id, user_id, sighting) for meeting_id in meeting_sightings.rosters_of(meeting)]
        return [row for row in rows if row is not None]

    async def _see(self, meeting_id: str, user_id: str, sighting: Sighting) -> MeetingAttendee | None:
        """The row of who was seen, None where nothing changed: strangers, such as recorders, have no row."""

        async def attempt() -> MeetingAttendee | None:
            before = await self._rosters.get(meeting_id, user_id)
            if before is None:
                return None
            known = await meeting_sightings.read(self._store, meeting_id, user_id)
            if sighting in known.sightings or (known.is_full and sighting.kind == "JOINED"):
                return None
            after = one_version_on(before, known.applied(before, sighting))
            writes: list[Guarded] = meeting_sightings.steps(before, after, sighting)
            if sighting.session_id not in known.session_ends:  # its end closes what it finds, and nothing later
                writes.append((session_goes_on(meeting_id, sighting.session_id), LostRace()))
            await commit(self._store, writes)
            return None if after is before else after

        return await settle(attempt, "The meeting")
