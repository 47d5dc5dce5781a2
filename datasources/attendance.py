"""Attendance: the rules of meetings, and who was there. Each step of a record is one transaction with its history."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from datasources.attendance_rows import (
    RECORDS_BEGIN,
    attendance_key,
    change_record_of,
    changes_partition,
    counted_as,
    new_change,
    new_policy,
    new_work,
    open_for,
    policy_key,
    policy_of,
    policy_step,
    record_of,
    record_step,
)
from datasources.batches import get_each
from datasources.conditions import equals
from datasources.contention import LostRace, settle
from datasources.ports import Check, RecordStore, SortRange, Write
from datasources.readable import readable, record_or_none
from datasources.tables import ATTENDANCE, ATTENDANCE_CHANGES
from datasources.transactions import Guarded, commit
from domain.attendance import AttendanceChange, AttendanceRecord, marked
from domain.attendance_policy import AttendancePolicy, MarkMethod, default_policy, require_method, require_open
from domain.errors import conflict
from domain.meetings import Meeting
from domain.times import Timestamp

Stepped = TypeVar("Stepped", AttendanceRecord, AttendanceRecord | None)
RecordStep = Callable[[AttendancePolicy, AttendanceRecord | None], Stepped]
"""From a record, None where there is none, to what it shall be: itself where nothing changes."""


class Attendance:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def policy(self, meeting_id: str) -> AttendancePolicy | None:
        """None for an unknown meeting, and for a breakout."""
        item = await self._store.get(ATTENDANCE, policy_key(meeting_id))
        return None if item is None else policy_of(item)

    async def policies(self, meeting_ids: Sequence[str]) -> list[AttendancePolicy | None]:
        """In the order of the ids, which may repeat."""
        unique = list(dict.fromkeys(meeting_ids))
        items = await get_each(self._store, ATTENDANCE, [policy_key(each) for each in unique])
        found = {each: record_or_none(item, policy_of) for each, item in zip(unique, items, strict=True)}
        return [found[each] for each in meeting_ids]

    async def get(self, meeting_id: str, user_id: str) -> AttendanceRecord | None:
        item = await self._store.get(ATTENDANCE, attendance_key(meeting_id, user_id))
        return None if item is None else record_of(item)

    async def of_meeting(self, meeting_id: str, user_ids: Sequence[str]) -> list[AttendanceRecord | None]:
        """The records of different users, in their order."""
        items = await get_each(self._store, ATTENDANCE, [attendance_key(meeting_id, each) for each in user_ids])
        return [record_or_none(item, record_of) for item in items]

    async def page(
        self, meeting_id: str, status: str | None, position: Any, size: int
    ) -> tuple[list[AttendanceRecord], Any]:
        """A meeting's records, by user."""
        page = await self._store.query(
            ATTENDANCE,
            meeting_id,
            sort=SortRange(after=RECORDS_BEGIN),
            limit=size,
            after=position,
            where=None if status is None else equals("status", status),
        )
        return readable(page.items, record_of), page.last_key

    async def of_user(
        self, user_id: str, course_id: str | None, position: Any, size: int
    ) -> tuple[list[AttendanceRecord], Any]:
        """A user's records, newest meeting first."""
        page = await self._store.query(
            ATTENDANCE,
            user_id,
            index="UserIdMeetingIndex",
            limit=size,
            after=position,
            descending=True,
            where=None if course_id is None else equals("courseId", course_id),
        )
        return readable(page.items, record_of), page.last_key

    async def changes(
        self, meeting_id: str, user_id: str, position: Any, size: int
    ) -> tuple[list[AttendanceChange], Any]:
        """A record's history, newest first."""
        page = await self._store.query(
            ATTENDANCE_CHANGES,
            changes_partition(meeting_id, user_id),
            limit=size,
            after=position,
            descending=True,
        )
        return readable(page.items, change_record_of), page.last_key

    async def change_policy(
        self,
        meeting: Meeting,
        change: Callable[[AttendancePolicy], AttendancePolicy],
        expected_version: int | None = None,
    ) -> AttendancePolicy:
        """The policy after `change`; the policy itself where that changes nothing.

        Raises:
            DomainError: CONFLICT, THROTTLED; what `change` raises.
        """

        async def attempt() -> AttendancePolicy:
            stored = await self.policy(meeting.id)
            before = stored or default_policy(meeting)
            if expected_version not in (None, before.version):
                raise conflict(before.version)
            after = change(before)
            if after is before:
                return before
            write = new_policy(after) if stored is None else policy_step(before, after)
            await commit(self._store, [(write, LostRace()), (new_work(after), LostRace())])
            return after

        return await settle(attempt, "The meeting")

    async def mark(
        self,
        meeting: Meeting,
        user_id: str,
        method: MarkMethod,
        now: Timestamp,
        *,
        similarity_percent: float | None = None,
        also: Sequence[Guarded] = (),
    ) -> tuple[AttendanceRecord, bool]:
        """The user's record, and whether it was written now. A mark that is there already stays as it is.

        Args:
            also: what has to hold or be written with a new mark, and what is raised when it does not hold.

        Raises:
            DomainError: ATTENDANCE_CLOSED, METHOD_NOT_ALLOWED, THROTTLED; of `also`.
        """

        def step(policy: AttendancePolicy, before: AttendanceRecord | None) -> AttendanceRecord:
            if before is not None and before.is_mark:
                return before
            require_method(policy, method)
            require_open(policy, now)
            return marked(policy, user_id, before, method, now, similarity_percent=similarity_percent)

        return await self._step(meeting, user_id, step, lambda policy: open_for(policy, method, now), now, also)

    async def change(
        self,
        meeting: Meeting,
        user_id: str,
        step: RecordStep[Stepped],
        now: Timestamp,
        *,
        also: Sequence[Write] = (),
    ) -> tuple[Stepped, bool]:
        """The record after `step`, and whether that changed it; called anew after a lost race.

        Args:
            also: writes that always hold, e.g. the audit event.

        Raises:
            DomainError: THROTTLED; what `step` raises.
        """
        return await self._step(meeting, user_id, step, counted_as, now, [(write, LostRace()) for write in also])

    async def _step(
        self,
        meeting: Meeting,
        user_id: str,
        step: RecordStep[Stepped],
        check: Callable[[AttendancePolicy], Check],
        now: Timestamp,
        also: Sequence[Guarded],
    ) -> tuple[Stepped, bool]:
        """`check` restates what the step has read of the policy."""

        async def attempt() -> tuple[Stepped, bool]:
            policy, before = await asyncio.gather(self.policy(meeting.id), self.get(meeting.id, user_id))
            policy = policy or default_policy(meeting)
            after = step(policy, before)
            if after is None or after is before:
                return after, False
            writes: list[Write] = [record_step(policy, before, after), new_change(after, now), check(policy)]
            await commit(self._store, [*((write, LostRace()) for write in writes), *also])
            return after, True

        return await settle(attempt, "The meeting")
