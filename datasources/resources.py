"""Resources of lessons: files and links, at most 50 a lesson."""

import asyncio
from collections.abc import Sequence
from functools import partial

import msgspec

from datasources import idempotency
from datasources.conditions import exists, less, not_exists
from datasources.contention import LostRace, settle
from datasources.course_items import RESOURCE, lesson_key, lesson_of, resource_key
from datasources.media_uses import Use, replaced
from datasources.outline import children
from datasources.ports import Change, Delete, Put, RecordStore
from datasources.readable import readable
from datasources.tables import COURSES
from datasources.transactions import commit
from datasources.updates import Add
from domain.errors import Code, DomainError, not_found
from domain.lessons import MAX_RESOURCES, Lesson, LessonResource, course_id_of
from domain.records import to_item
from domain.times import Timestamp


class Resources:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def of_lessons(self, lessons: Sequence[Lesson]) -> list[list[LessonResource]]:
        """Oldest first, in the order of `lessons`. Nobody's access is asked here."""
        return list(await asyncio.gather(*map(self._of_lesson, lessons)))

    async def created_before(self, request: idempotency.Request | None) -> LessonResource | None:
        """The resource that this very request created: as it is now, or as it was returned when it is gone."""
        remembered = await idempotency.replay(self._store, request)
        if remembered is None:
            return None
        resource = msgspec.convert(remembered, LessonResource)
        return await self.get(resource.lesson_id, resource.id) or resource

    async def create(
        self, resource: LessonResource, request: idempotency.Request | None, now: Timestamp
    ) -> LessonResource:
        """The resource, or the one that the same request created before.

        Raises:
            DomainError: NOT_FOUND, LIMIT_EXCEEDED, MEDIA_NOT_READY, IDEMPOTENCY_MISMATCH, THROTTLED.
        """
        lesson = lesson_key(resource.lesson_id)
        one_more = Change(COURSES, lesson, [Add("resourceCount", 1)], less("resourceCount", MAX_RESOURCES))
        put = Put(
            COURSES, {**resource_key(resource.lesson_id, resource.id), **to_item(resource)}, not_exists("courseId")
        )

        async def attempt() -> LessonResource:
            earlier = await self.created_before(request)
            if earlier is not None:
                return earlier
            item = await self._store.get(COURSES, lesson)
            if item is None:
                raise not_found("lesson")
            if lesson_of(item).resource_count >= MAX_RESOURCES:
                message = f"A lesson has at most {MAX_RESOURCES} resources."
                raise DomainError(Code.LIMIT_EXCEEDED, message, limit=MAX_RESOURCES)
            remembered = idempotency.once(request, to_item(resource), now)
            shown = replaced(None, resource.media_id, Use("RESOURCE", resource.id))
            await commit(self._store, [*remembered, (one_more, LostRace()), (put, LostRace()), *shown])
            return resource

        return await settle(attempt, "The lesson")

    async def delete(self, lesson_id: str, resource_id: str) -> LessonResource:
        """The resource as it was; its media stays. Raises NOT_FOUND."""
        resource = await self.get(lesson_id, resource_id)
        if resource is None:
            raise not_found("resource")
        gone = not_found("resource")
        one_less = Change(COURSES, lesson_key(lesson_id), [Add("resourceCount", -1)], exists("courseId"))
        delete = Delete(COURSES, resource_key(lesson_id, resource_id), exists("courseId"))
        hidden = replaced(resource.media_id, None, Use("RESOURCE", resource.id))
        await commit(self._store, [(delete, gone), (one_less, gone), *hidden])
        return resource

    async def get(self, lesson_id: str, resource_id: str) -> LessonResource | None:
        item = await self._store.get(COURSES, resource_key(lesson_id, resource_id))
        return None if item is None else msgspec.convert(item, LessonResource)

    async def _of_lesson(self, lesson: Lesson) -> list[LessonResource]:
        if not lesson.resource_count:
            return []
        items = await children(self._store, course_id_of(lesson.id), f"{RESOURCE}{lesson.id}#")
        return readable(items, partial(msgspec.convert, type=LessonResource))
