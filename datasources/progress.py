"""Progress of learners: one row a lesson, one row a course, in a partition of the learner and the course."""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from datasources.conditions import Condition, equals, not_exists
from datasources.contention import LostRace, settle
from datasources.enrollment_rows import key as enrollment_key
from datasources.enrollment_rows import of as enrollment_of
from datasources.enrollment_rows import step
from datasources.outline import lessons_of
from datasources.ports import Change, Item, Put, RecordStore, SortRange, Write
from datasources.readable import readable, record_or_none
from datasources.shards import SHARDS, Partition, Position, read_in_turn, shard
from datasources.tables import ENROLLMENTS, PROGRESS
from datasources.transactions import commit
from datasources.updates import SetIfMissing
from domain.access import course_access
from domain.courses import Course
from domain.enrollments import complete
from domain.lessons import Lesson
from domain.progress import Completions, LessonProgress, Report, counted, finished, reported, require_open, started
from domain.records import to_item
from domain.times import Timestamp

COURSE = "COURSE"


class ProgressBook:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def lessons(self, user_id: str, lessons: Sequence[Lesson]) -> list[LessonProgress | None]:
        """The user's rows of at most 100 lessons, in their order; None where nothing was reported."""
        keys = [_key(user_id, lesson.course_id, lesson.id) for lesson in lessons]
        stored = await self._store.batch_get(PROGRESS, keys)
        return [record_or_none(item, _lesson_progress) for item in stored]

    async def completions(self, user_id: str, course_ids: Sequence[str]) -> list[Completions | None]:
        """The user's rows of at most 100 courses, in their order; None for who never had a place."""
        keys = [_key(user_id, course_id, COURSE) for course_id in course_ids]
        stored = await self._store.batch_get(PROGRESS, keys)
        return [record_or_none(item, _completions) for item in stored]

    async def published(self, course_ids: Sequence[str]) -> list[frozenset[str]]:
        """Ids of the lessons that count in each course, in the order asked."""
        return list(await asyncio.gather(*(published_lessons(self._store, course_id) for course_id in course_ids)))

    async def list_lessons(
        self, user_id: str, course_id: str, position: Position, size: int
    ) -> tuple[list[LessonProgress], Position]:
        """By lesson id, which is the order in which the lessons were made."""
        page = await self._store.query(
            PROGRESS, _partition(user_id, course_id), sort=SortRange(prefix=f"{course_id}."), limit=size, after=position
        )
        return readable(page.items, _lesson_progress), page.last_key

    async def list_course(self, course_id: str, position: Position, size: int) -> tuple[list[Completions], Position]:
        """Everybody who ever had access by a seat, shard after shard, by user id in each."""
        shards = [Partition("CourseIndex", _course_shard(course_id, number)) for number in range(SHARDS)]
        items, following = await read_in_turn(self._store, PROGRESS, shards, position, size)
        return readable(items, _completions), following

    async def record(
        self,
        course: Course,
        lesson: Lesson,
        user_id: str,
        report: Report,
        *,
        is_staff: bool,
        now: Timestamp,
    ) -> LessonProgress:
        """Count a report once; complete the lesson, the course and the enrollment where it does so.

        Args:
            lesson: one of the course.

        Raises:
            DomainError: ENROLLMENT_REQUIRED with the reason, INVALID_STATE, THROTTLED.
        """

        async def attempt() -> LessonProgress:
            enrollment_item = await self._store.get(ENROLLMENTS, enrollment_key(course.id, user_id))
            enrollment = None if enrollment_item is None else enrollment_of(enrollment_item)
            access = course_access(course, enrollment, is_staff=is_staff, now=now)
            require_open(lesson, access, now)
            [before] = await self.lessons(user_id, [lesson])
            after = reported(before, report, lesson, user_id, now)
            if after == before:
                return after
            [stored] = await self.completions(user_id, [course.id])
            completions = counted(stored or started(user_id, course.id, now), after, now)
            writes: list[Write] = [_replace(before, after, after.lesson_id)]
            if report.completed and completions.reaches(
                course.completion_percent, await published_lessons(self._store, course.id)
            ):
                completions = finished(completions, now)
                if enrollment is not None and enrollment.status == "ACTIVE":
                    writes.append(step(enrollment, complete(enrollment, now)))
            if completions != stored:
                writes.append(_replace(stored, completions, COURSE))
            await commit(self._store, [(write, LostRace()) for write in writes])
            return after

        return await settle(attempt, "The progress")


async def published_lessons(store: RecordStore, course_id: str) -> frozenset[str]:
    """The ids of the lessons that count."""
    return frozenset(lesson.id for lesson in await lessons_of(store, course_id) if lesson.state == "PUBLISHED")


def begun(user_id: str, course_id: str, now: Timestamp) -> Change:
    """For the transaction that gives access: the course's row, so that staff see who has not begun to learn.
    One that is there from an earlier time stays as it is."""
    item = _item(started(user_id, course_id, now))
    updates = [SetIfMissing(name, value) for name, value in item.items()]
    return Change(PROGRESS, _key(user_id, course_id, COURSE), updates)


Row = TypeVar("Row", LessonProgress, Completions)


def _replace(before: Row | None, after: Row, sk: str) -> Put:
    """The write of a row; fails when it is another than `before` by now."""
    revision = 0 if before is None else before.revision
    unchanged: Condition = not_exists("userCourse") if before is None else equals("revision", revision)
    item = {**_key(after.user_id, after.course_id, sk), **_item(after), "revision": revision + 1}
    return Put(PROGRESS, item, unchanged)


def _item(row: Row) -> Item:
    item = to_item(row)
    if isinstance(row, Completions):
        item["courseShard"] = _course_shard(row.course_id, shard(row.user_id))
    return item


def _course_shard(course_id: str, number: int) -> str:
    return f"{course_id}#{number}"


def _partition(user_id: str, course_id: str) -> str:
    return f"{user_id}#{course_id}"


def _key(user_id: str, course_id: str, sk: str) -> dict[str, Any]:
    return {"userCourse": _partition(user_id, course_id), "sk": sk}


def _lesson_progress(item: Item) -> LessonProgress:
    return msgspec.convert(item, LessonProgress)


def _completions(item: Item) -> Completions:
    return msgspec.convert(item, Completions)
