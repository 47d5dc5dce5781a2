"""Lessons, and the bodies that are kept apart from them so that an outline reads no texts."""

from collections.abc import Callable, Sequence

import msgspec

from datasources import idempotency
from datasources.batches import get_each
from datasources.conditions import all_of, equals, exists, less, not_exists
from datasources.contention import LostRace, settle
from datasources.course_items import META, RESOURCE, body_key, key, lesson_attributes, lesson_key, lesson_of, module_key
from datasources.media_uses import Use, replaced, still_ready
from datasources.outline import change_outline, children, lessons_of, lessons_of_each, rank_at_end, rank_behind
from datasources.ports import Change, Delete, Put, RecordStore
from datasources.readable import record_or_none
from datasources.tables import COURSES
from datasources.transactions import Guarded, commit
from datasources.updates import Add, difference
from domain.errors import Code, DomainError, conflict, not_found
from domain.lessons import MAX_LESSONS, Lesson, course_id_of
from domain.records import to_item
from domain.times import Timestamp


class Lessons:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def get(self, lesson_id: str) -> Lesson | None:
        """Without its body."""
        if not course_id_of(lesson_id):
            return None
        item = await self._store.get(COURSES, lesson_key(lesson_id))
        return None if item is None else lesson_of(item)

    async def get_many(self, lesson_ids: Sequence[str]) -> list[Lesson | None]:
        """Without their bodies, in the order asked; None for the unknown."""
        items = await get_each(self._store, COURSES, [lesson_key(lesson_id) for lesson_id in lesson_ids])
        return [record_or_none(item, lesson_of) for item in items]

    async def of_course(self, course_id: str) -> list[Lesson]:
        """Of all modules, in rank order, without their bodies."""
        return await lessons_of(self._store, course_id)

    async def of_courses(self, course_ids: Sequence[str]) -> list[list[Lesson]]:
        """As `of_course`, in the order of at most 100 different courses."""
        return await lessons_of_each(self._store, course_ids)

    async def bodies(self, lessons: Sequence[Lesson]) -> list[str | None]:
        """In the order given. Nobody's access is asked here."""
        wanted = [lesson.id for lesson in lessons if lesson.has_body and lesson.body is None]
        items = await get_each(self._store, COURSES, [body_key(lesson_id) for lesson_id in wanted])
        read = {lesson_id: item["body"] for lesson_id, item in zip(wanted, items, strict=True) if item is not None}
        return [lesson.body or read.get(lesson.id) for lesson in lessons]

    async def created_before(self, request: idempotency.Request | None) -> Lesson | None:
        """The lesson that this very request created: as it is now, or as it was returned when it is gone."""
        remembered = await idempotency.replay(self._store, request)
        if remembered is None:
            return None
        return await self.get(remembered["id"]) or msgspec.convert(remembered, Lesson)

    async def create(self, lesson: Lesson, request: idempotency.Request | None, now: Timestamp) -> Lesson:
        """The lesson, ranked last in its module; or the one that the same request created before.

        Raises:
            DomainError: NOT_FOUND, LIMIT_EXCEEDED, MEDIA_NOT_READY, IDEMPOTENCY_MISMATCH, THROTTLED.
        """
        course_id = lesson.course_id
        full = DomainError(Code.LIMIT_EXCEEDED, f"A course has at most {MAX_LESSONS} lessons.", limit=MAX_LESSONS)

        async def plan() -> tuple[Lesson, list[Guarded]]:
            earlier = await self.created_before(request)
            if earlier is not None:
                return earlier, []
            siblings = _in_module(await lessons_of(self._store, course_id), lesson.module_id)
            ranked = msgspec.structs.replace(lesson, rank=rank_at_end(siblings))
            room = Change(
                COURSES, key(course_id, META), [Add("allLessonCount", 1)], less("allLessonCount", MAX_LESSONS)
            )
            put = Put(COURSES, {**lesson_key(lesson.id), **lesson_attributes(ranked)}, not_exists("courseId"))
            return ranked, [
                *idempotency.once(request, to_item(ranked), now),
                (room, full),
                _lessons_in_module(lesson.module_id, 1),
                (put, LostRace()),
                *_body_writes(ranked),
                *replaced(None, ranked.media_id, _shown_in(ranked)),
            ]

        return await change_outline(self._store, course_id, plan)

    async def update(
        self, lesson_id: str, change: Callable[[Lesson], Lesson], *, expected_version: int | None = None
    ) -> Lesson:
        """The lesson after `change`, one version on, and the course's totals with it.

        Args:
            change: gives the lesson as it shall be; may refuse with a DomainError. Called anew when somebody
                else changed the lesson in between. Where it sets no `body`, the body stays.

        Raises:
            DomainError: NOT_FOUND, CONFLICT, THROTTLED; MEDIA_NOT_READY, also when it is published without one.
        """

        async def attempt() -> Lesson:
            lesson = await self._at_version(lesson_id, expected_version)
            changed = change(lesson)
            updates = difference(lesson_attributes(lesson), lesson_attributes(changed))
            unchanged = equals("version", lesson.version)
            await commit(
                self._store,
                [
                    (Change(COURSES, lesson_key(lesson_id), updates, unchanged), LostRace()),
                    *_body_writes(changed, lesson),
                    *_media_writes(lesson, changed),
                    *_total_writes(lesson, changed),
                ],
            )
            return changed

        return await settle(attempt, "The lesson")

    async def move(
        self, lesson_id: str, module_id: str, after_id: str | None, *, expected_version: int | None = None
    ) -> Lesson:
        """The lesson in a module of its course, behind another lesson or first for None.

        Raises:
            DomainError: NOT_FOUND, BAD_REQUEST, CONFLICT, THROTTLED.
        """
        course_id = course_id_of(lesson_id)
        if course_id_of(module_id) != course_id:
            raise not_found("module")  # a lesson stays in its course

        async def plan() -> tuple[Lesson, list[Guarded]]:
            lesson = await self._at_version(lesson_id, expected_version)
            siblings = _in_module(await lessons_of(self._store, course_id), module_id)
            rank = rank_behind(siblings, after_id, lesson_id)
            moved = msgspec.structs.replace(lesson, rank=rank, module_id=module_id, version=lesson.version + 1)
            updates = difference(lesson_attributes(lesson), lesson_attributes(moved))
            change = Change(COURSES, lesson_key(lesson_id), updates, equals("version", lesson.version))
            writes: list[Guarded] = [(change, LostRace())]
            if module_id != lesson.module_id:
                writes += [_lessons_in_module(module_id, 1), _lessons_in_module(lesson.module_id, -1)]
            return moved, writes

        return await change_outline(self._store, course_id, plan)

    async def delete(self, lesson_id: str, *, expected_version: int | None = None) -> Lesson:
        """The lesson as it was, body included; its resources go with it. Raises NOT_FOUND, CONFLICT, THROTTLED."""
        course_id = course_id_of(lesson_id)

        async def plan() -> tuple[Lesson, list[Guarded]]:
            lesson = await self._at_version(lesson_id, expected_version)
            (body,) = await self.bodies([lesson])
            resources = await children(self._store, course_id, f"{RESOURCE}{lesson_id}#")
            unchanged = all_of(equals("version", lesson.version), equals("resourceCount", len(resources)))
            lost = LostRace()
            fewer = [Add("allLessonCount", -1)]
            return msgspec.structs.replace(lesson, body=body), [
                (Delete(COURSES, lesson_key(lesson_id), unchanged), lost),
                (Delete(COURSES, body_key(lesson_id)), lost),
                *replaced(lesson.media_id, None, _shown_in(lesson)),
                *((Delete(COURSES, key(course_id, resource["sk"])), lost) for resource in resources),
                _lessons_in_module(lesson.module_id, -1),
                (Change(COURSES, key(course_id, META), [*fewer, *_totals(lesson, None)], exists("courseId")), lost),
            ]

        return await change_outline(self._store, course_id, plan)

    async def _at_version(self, lesson_id: str, expected_version: int | None) -> Lesson:
        lesson = await self.get(lesson_id)
        if lesson is None:
            raise not_found("lesson")
        if expected_version is not None and lesson.version != expected_version:
            raise conflict(lesson.version)
        return lesson


def _in_module(lessons: Sequence[Lesson], module_id: str) -> list[Lesson]:
    return [lesson for lesson in lessons if lesson.module_id == module_id]


def _lessons_in_module(module_id: str, change: int) -> Guarded:
    return Change(COURSES, module_key(module_id), [Add("lessonCount", change)], exists("courseId")), not_found("module")


def _body_writes(lesson: Lesson, before: Lesson | None = None) -> list[Guarded]:
    """A body that was set is put, one that was cleared is deleted, one that was not read stays."""
    if lesson.body is not None:
        return [(Put(COURSES, {**body_key(lesson.id), "body": lesson.body}), LostRace())]
    if before is not None and before.has_body and not lesson.has_body:
        return [(Delete(COURSES, body_key(lesson.id)), LostRace())]
    return []


def _media_writes(before: Lesson, after: Lesson) -> list[Guarded]:
    """What the lesson shows. What learners begin to see is there at that moment."""
    if after.media_id is not None and after.media_id == before.media_id and _published(after) > _published(before):
        return [still_ready(after.media_id)]
    return replaced(before.media_id, after.media_id, _shown_in(after))


def _shown_in(lesson: Lesson) -> Use:
    return Use("LESSON", lesson.id)


def _total_writes(before: Lesson, after: Lesson) -> list[Guarded]:
    """The course's totals of published lessons. They are no edit, so the course's version stays."""
    totals = _totals(before, after)
    if not totals:
        return []
    return [(Change(COURSES, key(after.course_id, META), totals, exists("courseId")), LostRace())]


def _totals(before: Lesson | None, after: Lesson | None) -> list[Add]:
    lessons = _published(after) - _published(before)
    seconds = _published_seconds(after) - _published_seconds(before)
    changes = (Add("lessonCount", lessons), Add("durationSeconds", seconds))
    return [change for change in changes if change.amount]


def _published(lesson: Lesson | None) -> int:
    return int(lesson is not None and lesson.state == "PUBLISHED")


def _published_seconds(lesson: Lesson | None) -> int:
    return lesson.duration_seconds if lesson is not None and lesson.state == "PUBLISHED" else 0
