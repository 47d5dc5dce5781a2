"""Enrollments: who has which place in a course. Each step is one transaction with the course's seats.

A row whose hold or access has ended by the clock is first written as such, whoever meets it, so that every
step starts from a state that is true now.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from datasources import seats
from datasources.conditions import equals
from datasources.contention import LostRace, settle
from datasources.course_items import META, course_of
from datasources.course_items import key as course_key
from datasources.enrollment_rows import key, of, status_partition, step
from datasources.expiry import lapsed
from datasources.idempotency import Request, guard, replay
from datasources.ports import Check, RecordStore, Write
from datasources.progress import begun
from datasources.readable import readable, record_or_none
from datasources.seats import Seats
from datasources.shards import SHARDS, Partition, Position, read_in_turn
from datasources.tables import COURSES, ENROLLMENTS
from datasources.transactions import commit
from datasources.waitlist import positions
from domain import enrollments
from domain.courses import Course
from domain.enrollments import Enrollment, require_may_enroll
from domain.errors import Code, DomainError, conflict, forbidden, not_found
from domain.times import Timestamp

_Decision = Callable[[Course, Seats, Enrollment | None], Awaitable[tuple[Enrollment, list[Write]]]]
"""From an open course, its seats and the user's row: the new row, and what else is written with it."""

_LIST_ORDER = ("PENDING_PAYMENT", "WAITLISTED", "ACTIVE", "COMPLETED", "EXPIRED", "DROPPED", "REVOKED")
"""As a place goes on, so that a row which moves on while the list is read is not missed."""


class Enrollments:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def get(self, course_id: str, user_id: str) -> Enrollment | None:
        stored = await self._store.get(ENROLLMENTS, key(course_id, user_id))
        return None if stored is None else of(stored)

    async def many(self, user_id: str, course_ids: Sequence[str]) -> list[Enrollment | None]:
        """The user's rows in at most 100 courses, in their order."""
        stored = await self._store.batch_get(ENROLLMENTS, [key(course_id, user_id) for course_id in course_ids])
        return [record_or_none(item, of) for item in stored]

    async def list_user(
        self, user_id: str, status: str | None, position: Position, size: int
    ) -> tuple[list[Enrollment], Position]:
        """A user's enrollments, newest first."""
        items, following = await read_in_turn(
            self._store,
            ENROLLMENTS,
            [Partition("UserIndex", user_id)],
            position,
            size,
            where=None if status is None else equals("status", status),
            descending=True,
        )
        return readable(items, of), following

    async def list_course(
        self, course_id: str, status: str | None, position: Position, size: int
    ) -> tuple[list[Enrollment], Position]:
        """Status after status, shard after shard, by time in each; the waiting list in its own order."""
        statuses = _LIST_ORDER if status is None else (status,)
        partitions = [partition for name in statuses for partition in _partitions(course_id, name)]
        items, following = await read_in_turn(self._store, ENROLLMENTS, partitions, position, size)
        return readable(items, of), following

    async def waiting_positions(self, rows: Sequence[Enrollment]) -> list[int | None]:
        """Each row's place in its waiting list, 1 is next; None for who does not wait, and beyond 1,000."""
        return await positions(self._store, rows)

    async def enroll(
        self,
        course_id: str,
        user_id: str,
        *,
        is_staff: bool,
        join_waitlist: bool,
        request: Request | None,
        now: Timestamp,
    ) -> Enrollment:
        """The user takes a seat, or a place in the waiting list where there is none.

        Raises:
            DomainError: NOT_FOUND, COURSE_NOT_OPEN, FORBIDDEN (INVITE_ONLY), ALREADY_ENROLLED, COURSE_FULL,
                PAYMENT_REQUIRED, IDEMPOTENCY_MISMATCH.
        """

        async def writes(course: Course, room: Seats, before: Enrollment | None) -> tuple[Enrollment, list[Write]]:
            require_may_enroll(before)
            if course.access_model == "INVITE_ONLY":
                raise forbidden("The course is open by invitation only.", reason="INVITE_ONLY")
            if not room.is_open:
                if not join_waitlist:
                    raise _full(course)
                ticket = await seats.next_ticket(self._store, course.id)
                waiting = enrollments.wait(course, user_id, before, ticket, now)
                return waiting, [seats.queued(course.id)]
            if course.access_model == "PLAN":
                raise DomainError(Code.PAYMENT_REQUIRED, "The course needs a plan that includes it.")
            return enrollments.enroll(course, user_id, before, now), [seats.taken(course.id)]

        return await self._enter(course_id, user_id, writes, is_staff=is_staff, request=request, now=now)

    async def grant(
        self,
        course_id: str,
        user_id: str,
        *,
        expires_at: Timestamp | None,
        request: Request | None,
        also: Sequence[Write] = (),
        now: Timestamp,
    ) -> Enrollment:
        """Staff gives the user a seat, where one is free and nobody waits for it.

        Args:
            also: writes of the same transaction that always hold, e.g. the audit event.

        Raises:
            DomainError: NOT_FOUND, COURSE_NOT_OPEN, ALREADY_ENROLLED, COURSE_FULL, IDEMPOTENCY_MISMATCH;
                BAD_REQUEST when `expires_at` is not in the future.
        """

        async def writes(course: Course, room: Seats, before: Enrollment | None) -> tuple[Enrollment, list[Write]]:
            require_may_enroll(before)
            if not room.is_open:
                raise _full(course)
            granted = enrollments.grant(course, user_id, before, expires_at, now)
            return granted, [seats.taken(course.id), *also]

        return await self._enter(course_id, user_id, writes, is_staff=True, request=request, now=now)

    async def drop(self, course_id: str, user_id: str, *, expected_version: int | None, now: Timestamp) -> Enrollment:
        """Raises NOT_FOUND, CONFLICT, INVALID_STATE."""
        return await self._leave(course_id, user_id, enrollments.drop, expected_version, (), now)

    async def revoke(
        self,
        course_id: str,
        user_id: str,
        reason: str,
        *,
        expected_version: int | None,
        also: Sequence[Write] = (),
        now: Timestamp,
    ) -> Enrollment:
        """`also` as in `grant`. Raises NOT_FOUND, CONFLICT, INVALID_STATE."""
        return await self._leave(
            course_id, user_id, lambda row: enrollments.revoke(row, reason), expected_version, also, now
        )

    async def _enter(
        self,
        course_id: str,
        user_id: str,
        decide: _Decision,
        *,
        is_staff: bool,
        request: Request | None,
        now: Timestamp,
    ) -> Enrollment:
        """Into a place: `decide` says which; nothing that it rests on may change before the row is written."""

        async def attempt() -> Enrollment:
            # The row before the replay: a row that the same request wrote just now must not refuse it.
            before = await self._present(course_id, user_id, now)
            first = await replay(self._store, request)
            if first is not None:
                return await self.get(course_id, user_id) or of(first)
            course, room = await self._open_course(course_id, is_staff=is_staff)
            after, writes = await decide(course, room, before)
            still_so = Check(COURSES, course_key(course.id, META), equals("version", course.version))
            row = step(before, after)
            writes = [row, still_so, *writes]
            if after.status == "ACTIVE":
                writes.append(begun(user_id, course_id, now))
            if request is not None:
                writes.append(guard(request, dict(row.item), now))
            await commit(self._store, [(write, LostRace()) for write in writes])
            return after

        return await settle(attempt, "The course")

    async def _leave(
        self,
        course_id: str,
        user_id: str,
        change: Callable[[Enrollment], Enrollment],
        expected_version: int | None,
        also: Sequence[Write],
        now: Timestamp,
    ) -> Enrollment:
        """Out of a place, freeing it for the waiting list. The version is judged before the state."""

        async def attempt() -> Enrollment:
            before = await self._present(course_id, user_id, now)
            if before is None:
                raise not_found("enrollment")
            if expected_version not in (None, before.version):
                raise conflict(before.version)
            after = change(before)
            place = seats.freed(course_id) if before.holds_seat else seats.unqueued(course_id)
            await commit(self._store, [(write, LostRace()) for write in (step(before, after), place, *also)])
            return after

        return await settle(attempt, "The course")

    async def _present(self, course_id: str, user_id: str, now: Timestamp) -> Enrollment | None:
        """The row in the state that it has by the clock. Raises LostRace."""
        row = await self.get(course_id, user_id)
        if row is not None and row.has_lapsed(now):
            return await lapsed(self._store, row)
        return row

    async def _open_course(self, course_id: str, *, is_staff: bool) -> tuple[Course, Seats]:
        """Raises NOT_FOUND, also for a DRAFT that the caller may not know; COURSE_NOT_OPEN."""
        meta, room = await asyncio.gather(
            self._store.get(COURSES, course_key(course_id, META)), seats.read(self._store, course_id)
        )
        if meta is None or room is None:
            raise not_found("course")
        course = course_of(meta)
        if course.state == "DRAFT" and not is_staff:
            raise not_found("course")
        if course.state != "PUBLISHED":
            raise DomainError(Code.COURSE_NOT_OPEN, "The course takes no enrollments.", state=course.state)
        return course, room


def _partitions(course_id: str, status: str) -> list[Partition]:
    if status == "WAITLISTED":
        return [Partition("WaitlistIndex", course_id)]
    return [Partition("CourseStatusIndex", status_partition(course_id, status, number)) for number in range(SHARDS)]


def _full(course: Course) -> DomainError:
    return DomainError(Code.COURSE_FULL, "The course is full.", courseId=course.id)
