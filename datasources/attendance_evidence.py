"""What was seen in a call becomes attendance: one user at a time, one step of the record at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from datasources.attendance import Attendance, RecordStep, Stepped
from datasources.attendance_rows import counted
from datasources.contention import LostRace, settle
from datasources.meeting_rosters import Rosters
from datasources.meeting_rows import is_roster_row
from datasources.meetings import Meetings
from datasources.ports import FeedEvent, RecordStore
from datasources.transactions import commit
from domain.attendance import AttendanceRecord, absent, seen_in_call, with_length
from domain.attendance_policy import AttendancePolicy, moved_policy
from domain.meeting_attendees import MeetingAttendee
from domain.meetings import Meeting
from domain.times import Timestamp

T = TypeVar("T")
Told = Callable[[AttendanceRecord], Awaitable[None]]
"""Is told each record that was written."""
_AT_ONCE = 10


class Evidence:
    """
    Args:
        told: right after each commit.
    """

    def __init__(self, store: RecordStore, now: Callable[[], Timestamp], told: Told) -> None:
        self._store = store
        self._now = now
        self._told = told
        self._attendance = Attendance(store)
        self._meetings = Meetings(store)
        self._rosters = Rosters(store)

    async def seen(self, meeting: Meeting, row: MeetingAttendee) -> None:
        """The user is marked if they were in the call; how long is judged too once the records count."""

        def mark(policy: AttendancePolicy, before: AttendanceRecord | None) -> AttendanceRecord | None:
            return seen_in_call(policy, before, row, self._now())

        def measure(policy: AttendancePolicy, before: AttendanceRecord | None) -> AttendanceRecord | None:
            counts = before is not None and policy.counted_at is not None
            return with_length(policy, before, row) if before is not None and counts else before

        await self._step(meeting, row.user_id, mark)
        await self._step(meeting, row.user_id, measure)

    async def seen_or_absent(self, meeting: Meeting, row: MeetingAttendee) -> None:
        await self.seen(meeting, row)
        await self.absent(meeting, row.user_id)

    async def absent(self, meeting: Meeting, user_id: str) -> None:
        def step(policy: AttendancePolicy, before: AttendanceRecord | None) -> AttendanceRecord:
            return absent(policy, user_id, before, self._now())

        await self._step(meeting, user_id, step)

    async def counted(self, meeting: Meeting, user_id: str, row: MeetingAttendee | None) -> None:
        """How long the user was there; and the record counts in the course's summaries from now on."""

        def measure(policy: AttendancePolicy, before: AttendanceRecord | None) -> AttendanceRecord | None:
            return before and with_length(policy, before, row)

        async def count() -> None:
            record = await self._attendance.get(meeting.id, user_id)
            if record is not None:
                await commit(self._store, [(counted(record), LostRace())])

        if not await self._step(meeting, user_id, measure):
            await settle(count, "The meeting")

    async def follow_rosters(self, events: Sequence[FeedEvent]) -> None:
        """Feed of MeetingAttendees: who came, went, or was in the call longer than it had seemed."""
        changed = {(event.key["meetingId"], event.key["userId"]) for event in events if is_roster_row(event.key)}
        for meeting_id in sorted({meeting_id for meeting_id, _ in changed}):
            meeting, policy = await asyncio.gather(self._meetings.get(meeting_id), self._attendance.policy(meeting_id))
            if meeting is None or policy is None or policy.opens_at > self._now():
                continue
            users = sorted(user_id for of, user_id in changed if of == meeting_id)
            rows = await self._rosters.of_meeting(meeting_id, users)
            await in_turns([row for row in rows if row is not None], partial(self.seen, meeting))

    async def follow_meetings(self, events: Sequence[FeedEvent]) -> None:
        """Feed of Meetings: windows go with the planned times."""
        for event in events:
            if event.new is None or event.old is None:
                continue
            if all(event.new[name] == event.old[name] for name in ("startsAt", "endsAt")):
                continue
            meeting = await self._meetings.get(event.key["meetingId"])
            if meeting is not None and await self._attendance.policy(meeting.id) is not None:
                await self._attendance.change_policy(meeting, partial(moved_policy, meeting=meeting))

    async def _step(self, meeting: Meeting, user_id: str, step: RecordStep[Stepped]) -> bool:
        """Whether it changed the record."""
        record, is_new = await self._attendance.change(meeting, user_id, step, self._now())
        if is_new and record is not None:
            await self._told(record)
        return is_new


async def in_turns(items: Sequence[T], call: Callable[[T], Awaitable[None]]) -> None:
    """The call for each item, some at a time."""
    for start in range(0, len(items), _AT_ONCE):
        await asyncio.gather(*map(call, items[start : start + _AT_ONCE]))
