"""Settles attendance by the clock: the stages of domain/attendance_settling.py, page after page of people.

Whatever is done is done again without harm. Each page ends with its place in the work.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, assert_never

from datasources.attendance import Attendance
from datasources.attendance_evidence import Evidence, in_turns
from datasources.attendance_rows import DUE_SHARDS, begun_to_count, due_partition, work_done, work_of, work_step
from datasources.contention import LostRace
from datasources.enrollment_rows import of as enrollment_of
from datasources.enrollment_rows import status_partition
from datasources.meeting_rosters import Rosters
from datasources.meetings import Meetings
from datasources.ports import ConditionFailed, RecordStore, SortRange
from datasources.readable import readable
from datasources.shards import SHARDS, Partition, read_in_turn
from datasources.tables import ATTENDANCE, ENROLLMENTS
from datasources.transactions import commit
from domain.attendance_policy import AttendancePolicy
from domain.attendance_settling import Settling, further, next_stage, waiting
from domain.meetings import Meeting
from domain.times import Timestamp

PAGE = 100
PAGES = 50
"""In one run of the worker."""
_SEATED = ("ACTIVE", "COMPLETED")


class AttendanceSettling:
    def __init__(self, store: RecordStore, now: Callable[[], Timestamp], evidence: Evidence) -> None:
        self._store = store
        self._now = now
        self._evidence = evidence
        self._attendance = Attendance(store)
        self._meetings = Meetings(store)
        self._rosters = Rosters(store)

    async def run(self) -> None:
        """Does what is due, a bounded part of it."""
        left = PAGES
        for number in range(DUE_SHARDS):
            due = await self._store.query(
                ATTENDANCE, due_partition(number), index="DueIndex", sort=SortRange(at_most=self._now()), limit=PAGE
            )
            for work in readable(due.items, work_of):
                left -= await self._pursue(work, left)
                if left <= 0:
                    return

    async def _pursue(self, work: Settling, most: int) -> int:
        """Goes on with one meeting; how many pages that were."""
        following: Settling | None = work
        pages = 0
        try:
            while following is not None and following.due_at <= self._now() and pages < most:
                following = await self._advance(following)
                pages += 1
        except LostRace:  # another process came as far
            return pages + 1
        return pages

    async def _advance(self, work: Settling) -> Settling | None:
        """One page of one stage, or the work put off. Raises LostRace."""
        meeting, policy = await asyncio.gather(
            self._meetings.get(work.meeting_id), self._attendance.policy(work.meeting_id)
        )
        if meeting is None or policy is None:
            return await self._moved(work, None)
        ready = waiting(work, policy, meeting, self._now())
        if ready is not work:
            return await self._moved(work, ready)
        position = await self._page(work, meeting, policy)
        return await self._moved(work, next_stage(work, policy) if position is None else further(work, position))

    async def _moved(self, before: Settling, after: Settling | None) -> Settling | None:
        write = work_done(before) if after is None else work_step(before, after)
        await commit(self._store, [(write, LostRace())])
        return after

    async def _page(self, work: Settling, meeting: Meeting, policy: AttendancePolicy) -> Any:
        """Does one page of the stage; where the next one begins, None behind the last."""
        match work.stage:
            case "OPENING":
                rows, following = await self._rosters.page(meeting.id, work.position, PAGE)
                await in_turns(rows, partial(self._evidence.seen, meeting))
            case "ABSENT":
                rows, following = await self._rosters.page(meeting.id, work.position, PAGE)
                expected = [row for row in rows if row.role != "HOST" and not row.is_removed]
                await in_turns(expected, partial(self._evidence.seen_or_absent, meeting))
            case "MISSED":
                missing, following = await self._missing(meeting, policy, work.position)
                await in_turns(missing, partial(self._evidence.absent, meeting))
            case "COUNTED":
                following = await self._count(meeting, work.position)
            case _:
                assert_never(work.stage)
        return following

    async def _missing(self, meeting: Meeting, policy: AttendancePolicy, position: Any) -> tuple[list[str], Any]:
        """Learners of the course who were it before the window closed, and are not in the roster."""
        partitions = [
            Partition("CourseStatusIndex", status_partition(policy.course_id or "", status, number))
            for status in _SEATED
            for number in range(SHARDS)
        ]
        at = None if position is None else tuple(position)
        items, following = await read_in_turn(self._store, ENROLLMENTS, partitions, at, PAGE)
        learners = [row.user_id for row in readable(items, enrollment_of) if row.enrolled_at < policy.closes_at]
        rows = await self._rosters.of_meeting(meeting.id, learners)
        return [user_id for user_id, row in zip(learners, rows, strict=True) if row is None], following

    async def _count(self, meeting: Meeting, position: Any) -> Any:
        """From its first page on, whatever is written counts too, so that nobody is missed."""
        if position is None:
            await self._begin_to_count(meeting.id)
        records, following = await self._attendance.page(meeting.id, None, position, PAGE)
        rows = await self._rosters.of_meeting(meeting.id, [record.user_id for record in records])
        for record, row in zip(records, rows, strict=True):
            await self._evidence.counted(meeting, record.user_id, row)
        return following

    async def _begin_to_count(self, meeting_id: str) -> None:
        change = begun_to_count(meeting_id, self._now())
        try:
            await self._store.update(change.table, change.key, change.updates, condition=change.condition)
        except ConditionFailed:  # begun before
            return
