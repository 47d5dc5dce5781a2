"""Calls: opening a meeting at the engine, admitting users to it, and ending it.

The record decides, never the engine: a Chime meeting counts only once it stands in its meeting's record, an attendee
once they stand in the roster. What lost a race is undone at the engine.
"""

import asyncio
import logging
from collections.abc import Sequence

from datasources import meeting_sightings
from datasources.conditions import Condition, all_of, equals, less
from datasources.contention import LostRace, settle
from datasources.meeting_engine import CallGone, MeetingEngine
from datasources.meeting_rosters import Rosters
from datasources.meeting_rows import attendee_step, meeting_key, meeting_step, seats_taken
from datasources.meetings import Meetings
from datasources.ports import Change, Check, RecordStore, Write
from datasources.tables import MEETINGS
from datasources.transactions import Guarded, commit
from domain.chime import ChimeAttendee, ChimeMeeting
from domain.errors import RETRYABLE, Code, DomainError, not_found
from domain.media_regions import nearest
from domain.meeting_attendees import MeetingAttendee, admitted, freed, require_may_meet, seated, unseated
from domain.meetings import (
    MOST_ATTENDEES,
    Meeting,
    MeetingEndReason,
    MeetingJoin,
    ended_meeting,
    may_renew_session,
    opened_meeting,
    require_live,
    require_may_open,
    session_token,
    with_session,
)
from domain.times import Timestamp

_FREED_AT_ONCE = 10

_log = logging.getLogger(__name__)


class Calls:
    """
    Args:
        regions: media regions that may be used, at least one.
    """

    def __init__(self, store: RecordStore, engine: MeetingEngine, regions: Sequence[str]) -> None:
        self._store = store
        self._engine = engine
        self._regions = tuple(regions)
        self._meetings = Meetings(store)
        self._rosters = Rosters(store)

    async def start(self, meeting_id: str, *, time_zone: str, now: Timestamp) -> tuple[Meeting, bool]:
        """The LIVE meeting, and whether this call opened it. Whoever loses a race gets the winner's.

        Args:
            time_zone: of the host, near whom the media region is.

        Raises:
            DomainError: NOT_FOUND, INVALID_STATE, MEETING_TOO_EARLY; MEETING_NOT_LIVE for a breakout whose parent
                is not; THROTTLED, DEPENDENCY_FAILED.
        """
        made: list[ChimeMeeting] = []

        async def attempt() -> tuple[Meeting, bool]:
            meeting = await self._get(meeting_id)
            if meeting.is_live:
                return meeting, False
            if meeting.is_over and made:
                await self._engine.delete_meeting(made[-1].meeting_id)
            require_may_open(meeting, now)
            parent_is_live = await self._parent(meeting)
            made.append(await self._new_session(meeting, nearest(time_zone, self._regions)))
            opened = opened_meeting(meeting, made[-1], now)
            await commit(self._store, [(meeting_step(meeting, opened), LostRace()), *parent_is_live])
            return opened, True

        return await settle(attempt, "The meeting")

    async def join(self, meeting_id: str, user_id: str, now: Timestamp) -> MeetingJoin:
        """A seat in a LIVE meeting, and the credentials for it; the same ones again while the user keeps the seat.

        Raises:
            DomainError: NOT_FOUND, MEETING_NOT_LIVE, MEETING_FULL, REMOVED_FROM_MEETING, FORBIDDEN (USER_ID);
                LIMIT_EXCEEDED for who came and went 2,000 times; THROTTLED, DEPENDENCY_FAILED.
        """
        require_may_meet(user_id)

        async def attempt() -> MeetingJoin:
            meeting, before, row = await self._admit(meeting_id, user_id, now)
            try:
                return await self._place(meeting, row)
            except CallGone:
                await self._renew(meeting_id, now)
                raise LostRace from None
            except DomainError:
                await self._give_back(before, row)
                raise

        return await settle(attempt, "The meeting")

    async def end(self, meeting_id: str, reason: MeetingEndReason, at: Timestamp) -> tuple[Meeting, bool]:
        """The ENDED meeting, and whether this call ended it. Breakouts, recordings and the roster follow from it.

        Raises:
            DomainError: NOT_FOUND, INVALID_STATE, THROTTLED.
        """

        async def attempt() -> tuple[Meeting, bool]:
            meeting = await self._get(meeting_id)
            if meeting.status == "ENDED":
                return meeting, False
            ended = ended_meeting(meeting, reason, at)
            writes: list[Guarded] = [(meeting_step(meeting, ended), LostRace())]
            if meeting.session is not None:
                session_id = meeting.session.meeting_id
                writes += await meeting_sightings.closing(self._store, meeting, session_id, at)
            await commit(self._store, writes)
            return ended, True

        ended, is_new = await settle(attempt, "The meeting")
        if is_new:
            await self._hang_up(ended)
        return ended, is_new

    async def hang_up(self, meeting: Meeting) -> None:
        """End the Chime meeting of a meeting that is over, if that has not happened yet."""
        if meeting.session is not None:
            await self._engine.delete_meeting(meeting.session.meeting_id)

    async def is_lost(self, meeting: Meeting) -> bool:
        """Whether the Chime meeting of a LIVE meeting is over, as its end may not have been told."""
        if meeting.session is None:
            return False
        try:
            await self._engine.get_meeting(meeting.session.meeting_id)
        except CallGone:
            return True
        return False

    # Steps of a join

    async def _admit(
        self, meeting_id: str, user_id: str, now: Timestamp
    ) -> tuple[Meeting, MeetingAttendee | None, MeetingAttendee]:
        """The meeting, and the user's row before and after: the user has a seat when this returns. Raises LostRace."""
        meeting, before = await asyncio.gather(self._get(meeting_id), self._rosters.get(meeting_id, user_id))
        require_live(meeting)
        after = admitted(meeting, user_id, before, now)
        if after is before:
            return meeting, before, after
        live: Condition = equals("status", "LIVE")
        write: Write = Check(MEETINGS, meeting_key(meeting_id), live)
        seats = seats_taken(before, after)
        if seats:
            if meeting.attendee_count >= meeting.max_attendees:
                raise _full()
            if (await meeting_sightings.read(self._store, meeting_id, user_id)).is_full:
                raise meeting_sightings.too_many()
            room = all_of(live, less("attendeeCount", meeting.max_attendees))
            write = Change(MEETINGS, meeting_key(meeting_id), seats, room)
        await commit(self._store, [(attendee_step(before, after), LostRace()), (write, LostRace())])
        return meeting, before, after

    async def _place(self, meeting: Meeting, row: MeetingAttendee) -> MeetingJoin:
        """The user's place in the call, as it stands in the roster. Raises LostRace, CallGone."""
        session = meeting.session
        if session is None:
            raise LostRace
        attendee = await self._attendee(meeting, session, row)
        if not _has(row, attendee, session):
            placed = seated(row, session.meeting_id, attendee.attendee_id)
            try:
                await commit(self._store, [(attendee_step(row, placed), LostRace())])
            except LostRace:
                await self._undo(session, attendee)
        return _join(await self._get(meeting.id), session, attendee)

    async def _attendee(self, meeting: Meeting, session: ChimeMeeting, row: MeetingAttendee) -> ChimeAttendee:
        if row.session_id == session.meeting_id and row.attendee_id is not None:
            try:
                return await self._engine.get_attendee(session.meeting_id, row.attendee_id)
            except CallGone:  # the attendee, or the meeting: creating one tells
                pass
        try:
            return await self._engine.create_attendee(session.meeting_id, row.user_id)
        except DomainError as refusal:
            # There is a seat. Places of those who left without a word may still count at the engine.
            if refusal.code != Code.MEETING_FULL or not await self._free_places(meeting, session):
                raise
        return await self._engine.create_attendee(session.meeting_id, row.user_id)

    async def _undo(self, session: ChimeMeeting, attendee: ChimeAttendee) -> None:
        """Somebody else changed the row: fine if they put the same attendee there. Any other attendee is nobody's,
        and goes. Raises LostRace."""
        row = await self._rosters.get(session.external_meeting_id, attendee.external_user_id)
        if row is not None and row.is_joined and _has(row, attendee, session):
            return
        if row is None or not row.is_joined or row.attendee_id is not None:
            await self._engine.delete_attendee(session.meeting_id, attendee.attendee_id)
        raise LostRace

    async def _give_back(self, before: MeetingAttendee | None, row: MeetingAttendee) -> None:
        """The seat of a join that came to nothing, if it was taken by that join."""
        if before is not None and before.is_joined:
            return
        try:
            await commit(self._store, meeting_sightings.steps(row, unseated(row, before)))
        except LostRace:  # another join of the user holds it
            return

    async def _free_places(self, meeting: Meeting, session: ChimeMeeting) -> int:
        """Delete the attendees of some who have left; how many there were."""
        number = 0
        async for row in self._rosters.walk(meeting.id):
            if row.status != "LEFT" or row.session_id != session.meeting_id or row.attendee_id is None:
                continue
            await self._engine.delete_attendee(session.meeting_id, row.attendee_id)
            try:
                await commit(self._store, [(attendee_step(row, freed(row)), LostRace())])
            except LostRace:  # they are back
                continue
            number += 1
            if number == _FREED_AT_ONCE:
                break
        return number

    async def _renew(self, meeting_id: str, now: Timestamp) -> None:
        """A LIVE meeting whose Chime meeting is gone gets a new one, or ends when its time is over."""
        meeting = await self._get(meeting_id)
        lost = meeting.session
        if not meeting.is_live or lost is None or not await self.is_lost(meeting):
            return
        if not may_renew_session(meeting, now):
            await self.end(meeting.id, "TIMED_OUT", now)
            return
        session = await self._new_session(meeting, lost.media_region)
        renewed = with_session(meeting, session)
        closing = await meeting_sightings.closing(self._store, meeting, lost.meeting_id, now)
        try:
            await commit(self._store, [(meeting_step(meeting, renewed), LostRace()), *closing])
        except LostRace:
            present = await self._get(meeting.id)
            if present.session is None or present.session.meeting_id != session.meeting_id:
                await self._engine.delete_meeting(session.meeting_id)

    # Parts

    async def _get(self, meeting_id: str) -> Meeting:
        meeting = await self._meetings.get(meeting_id)
        if meeting is None:
            raise not_found("meeting")
        return meeting

    async def _parent(self, meeting: Meeting) -> list[Guarded]:
        """The check that a breakout's parent is LIVE. Raises MEETING_NOT_LIVE."""
        if meeting.parent_meeting_id is None:
            return []
        require_live(await self._get(meeting.parent_meeting_id))
        key = meeting_key(meeting.parent_meeting_id)
        return [(Check(MEETINGS, key, equals("status", "LIVE")), LostRace())]

    async def _new_session(self, meeting: Meeting, region: str) -> ChimeMeeting:
        """Some room above our own count, which is the one that admits: a recorder is an attendee at Chime too."""
        return await self._engine.create_meeting(
            token=session_token(meeting),
            external_id=meeting.id,
            media_region=region,
            most=min(MOST_ATTENDEES, meeting.max_attendees + 2),
        )

    async def _hang_up(self, meeting: Meeting) -> None:
        """At once, if it can be done; a worker sees to it in any case."""
        try:
            await self.hang_up(meeting)
        except DomainError as refusal:
            if refusal.code not in RETRYABLE:
                raise
            _log.warning("a call could not be ended at once: %s", refusal.code)


def _has(row: MeetingAttendee, attendee: ChimeAttendee, session: ChimeMeeting) -> bool:
    return (row.session_id, row.attendee_id) == (session.meeting_id, attendee.attendee_id)


def _join(meeting: Meeting, session: ChimeMeeting, attendee: ChimeAttendee) -> MeetingJoin:
    return MeetingJoin(
        meeting=meeting,
        chime_meeting_id=session.meeting_id,
        media_region=session.media_region,
        media_placement=session.media_placement,
        chime_attendee_id=attendee.attendee_id,
        external_user_id=attendee.external_user_id,
        join_token=attendee.join_token,
    )


def _full() -> DomainError:
    return DomainError(Code.MEETING_FULL, "The meeting is full.")
