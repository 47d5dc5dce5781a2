"""Meetings and who is invited to them: their records, and the steps that need no call."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any

from datasources import attendance_rows, idempotency
from datasources.batches import get_each
from datasources.conditions import all_of, at_most, equals, one_of
from datasources.contention import LostRace, settle
from datasources.meeting_rosters import Rosters
from datasources.meeting_rows import (
    DUE_SHARDS,
    attendee_step,
    live_partition,
    looked_after,
    meeting_key,
    meeting_of,
    meeting_step,
    new_meeting_row,
)
from datasources.ports import Change, RecordStore, SortRange, Write
from datasources.readable import record_or_none
from datasources.rooms import creation
from datasources.tables import MEETINGS
from datasources.transactions import Guarded, commit
from datasources.updates import Add
from domain.errors import Code, DomainError, conflict, not_found
from domain.meeting_attendees import MeetingAttendee, host_of, invited
from domain.meetings import CHECK_SECONDS, MOST_INVITED, Meeting, require_not_over
from domain.records import to_item
from domain.room_members import founder
from domain.rooms import room_of_meeting
from domain.times import Timestamp, later

MeetingStep = Callable[[Meeting], Meeting]
"""From a meeting to the same meeting as it shall be: itself where nothing changes."""
_INVITED_TOGETHER = 50
"""Rows of one transaction."""


class Meetings:
    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self._rosters = Rosters(store)

    async def get(self, meeting_id: str) -> Meeting | None:
        item = await self._store.get(MEETINGS, meeting_key(meeting_id))
        return None if item is None else meeting_of(item)

    async def get_many(self, meeting_ids: Sequence[str]) -> list[Meeting | None]:
        """In the order asked; None for the unknown."""
        unique = list(dict.fromkeys(meeting_ids))
        items = await get_each(self._store, MEETINGS, [meeting_key(meeting_id) for meeting_id in unique])
        found = {meeting_id: record_or_none(item, meeting_of) for meeting_id, item in zip(unique, items, strict=True)}
        return [found[meeting_id] for meeting_id in meeting_ids]

    async def of_course(
        self, course_id: str, planned: SortRange | None, position: Any, size: int
    ) -> tuple[list[Meeting], Any]:
        """A course's meetings by planned start, within the range if one is given."""
        page = await self._store.query(
            MEETINGS, course_id, index="CourseIdStartsAtIndex", sort=planned, limit=size, after=position
        )
        found = [record_or_none(item, meeting_of) for item in page.items]
        return [meeting for meeting in found if meeting is not None], page.last_key

    async def of_user(
        self, user_id: str, planned: SortRange | None, position: Any, size: int
    ) -> tuple[list[Meeting], Any]:
        """Meetings in whose roster the user is, by planned start."""
        meeting_ids, following = await self._rosters.meetings_of(user_id, planned, position, size)
        return [meeting for meeting in await self.get_many(meeting_ids) if meeting is not None], following

    async def create(self, meeting: Meeting, request: idempotency.Request | None) -> tuple[Meeting, bool]:
        """The meeting with its host and its room, or the one that the same request made before; whether it is new.

        Raises:
            DomainError: IDEMPOTENCY_MISMATCH, THROTTLED.
        """
        writes: list[Guarded] = [
            *idempotency.once(request, to_item(meeting), meeting.created_at),
            *((write, LostRace()) for write in _creation(meeting)),
        ]

        async def attempt() -> tuple[Meeting, bool]:
            earlier = await self.created_before(request)
            if earlier is not None:
                return earlier, False
            await commit(self._store, writes)
            return meeting, True

        return await settle(attempt, "The meeting")

    async def created_before(self, request: idempotency.Request | None) -> Meeting | None:
        """The meeting that this very request made, as it is now."""
        remembered = await idempotency.replay(self._store, request)
        return None if remembered is None else await self.get(remembered["id"])

    async def update(
        self, meeting_id: str, step: MeetingStep, *, expected_version: int | None = None
    ) -> tuple[Meeting, bool]:
        """The meeting after `step`, and whether anything changed. Called anew after a lost race.

        Raises:
            DomainError: NOT_FOUND, CONFLICT, THROTTLED; what `step` raises.
        """

        async def attempt() -> tuple[Meeting, bool]:
            before = await self.get(meeting_id)
            if before is None:
                raise not_found("meeting")
            if expected_version not in (None, before.version):
                raise conflict(before.version)
            after = step(before)
            if after is before:
                return before, False
            await commit(self._store, [(meeting_step(before, after), LostRace())])
            return after, True

        return await settle(attempt, "The meeting")

    async def to_look_after(self, now: Timestamp) -> AsyncIterator[Meeting]:
        """LIVE meetings that nobody has looked after for an hour, a few hundred at once."""
        for number in range(DUE_SHARDS):
            page = await self._store.query(
                MEETINGS, live_partition(number), index="DueIndex", sort=SortRange(at_most=now)
            )
            for meeting in await self.get_many([item["meetingId"] for item in page.items]):
                if meeting is not None and meeting.is_live and meeting.check_at is not None and meeting.check_at <= now:
                    yield meeting

    async def looked_after(self, meeting: Meeting, now: Timestamp) -> None:
        change = looked_after(meeting, later(now, seconds=CHECK_SECONDS))
        with suppress(LostRace):  # somebody else did
            await commit(self._store, [(change, LostRace())])

    async def invite(self, meeting_id: str, user_ids: Sequence[str]) -> list[MeetingAttendee]:
        """The rows of those among the users who were not there yet, or had been removed.

        Raises:
            DomainError: NOT_FOUND; INVALID_STATE when the meeting is over; LIMIT_EXCEEDED beyond 1,000
                invitations; THROTTLED.
        """
        rows: list[MeetingAttendee] = []
        for start in range(0, len(user_ids), _INVITED_TOGETHER):
            rows += await self._invite_together(meeting_id, user_ids[start : start + _INVITED_TOGETHER])
        return rows

    async def _invite_together(self, meeting_id: str, user_ids: Sequence[str]) -> list[MeetingAttendee]:
        async def attempt() -> list[MeetingAttendee]:
            meeting = await self.get(meeting_id)
            if meeting is None:
                raise not_found("meeting")
            require_not_over(meeting)
            before = await self._rosters.of_meeting(meeting_id, user_ids)
            after = [invited(meeting, user_id, row) for user_id, row in zip(user_ids, before, strict=True)]
            steps = [(old, new) for old, new in zip(before, after, strict=True) if new is not old]
            if not steps:
                return []
            if meeting.invited_count + len(steps) > MOST_INVITED:
                message = f"A meeting has at most {MOST_INVITED} invitations."
                raise DomainError(Code.LIMIT_EXCEEDED, message, limit=MOST_INVITED)
            writes: list[Write] = [_more_invited(meeting, len(steps)), *(attendee_step(*step) for step in steps)]
            await commit(self._store, [(write, LostRace()) for write in writes])
            return [new for _, new in steps]

        return await settle(attempt, "The meeting")


def _creation(meeting: Meeting) -> list[Write]:
    writes = [new_meeting_row(meeting), attendee_step(None, host_of(meeting)), *attendance_rows.creation(meeting)]
    if meeting.room_id is not None:
        room = room_of_meeting(meeting.room_id, meeting.title, meeting.created_at)
        writes += creation(room, founder(room, meeting.host_id, "OWNER"))
    return writes


def _more_invited(meeting: Meeting, number: int) -> Change:
    """Holds while the meeting is not over and its start is the one that the rows were given."""
    room_left = at_most("invitedCount", MOST_INVITED - number)
    as_read = all_of(one_of("status", "SCHEDULED", "LIVE"), equals("startsAt", meeting.starts_at), room_left)
    return Change(MEETINGS, meeting_key(meeting.id), [Add("invitedCount", number)], as_read)
