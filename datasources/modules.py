"""Modules: the chapters of a course."""

from collections.abc import Callable, Sequence

import msgspec

from datasources import idempotency
from datasources.conditions import all_of, equals, exists, less, not_exists
from datasources.contention import LostRace, settle
from datasources.course_items import META, key, module_key
from datasources.outline import change_outline, modules_of, modules_of_each, rank_at_end, rank_behind
from datasources.ports import Change, Delete, Put, RecordStore
from datasources.tables import COURSES
from datasources.transactions import Guarded, commit
from datasources.updates import Add, difference
from domain.errors import Code, DomainError, conflict, not_found
from domain.lessons import MAX_MODULES, Module, course_id_of
from domain.records import to_item
from domain.times import Timestamp


class Modules:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def get(self, module_id: str) -> Module | None:
        if not course_id_of(module_id):
            return None
        item = await self._store.get(COURSES, module_key(module_id))
        return None if item is None else msgspec.convert(item, Module)

    async def of_course(self, course_id: str) -> list[Module]:
        """In rank order."""
        return await modules_of(self._store, course_id)

    async def of_courses(self, course_ids: Sequence[str]) -> list[list[Module]]:
        """In the order of at most 100 different courses; in rank order each."""
        return await modules_of_each(self._store, course_ids)

    async def created_before(self, request: idempotency.Request | None) -> Module | None:
        """The module that this very request created: as it is now, or as it was returned when it is gone."""
        remembered = await idempotency.replay(self._store, request)
        if remembered is None:
            return None
        return await self.get(remembered["id"]) or msgspec.convert(remembered, Module)

    async def create(self, module: Module, request: idempotency.Request | None, now: Timestamp) -> Module:
        """The module, ranked last; or the one that the same request created before.

        Raises:
            DomainError: NOT_FOUND, LIMIT_EXCEEDED, IDEMPOTENCY_MISMATCH, THROTTLED.
        """
        course_id = module.course_id
        full = DomainError(Code.LIMIT_EXCEEDED, f"A course has at most {MAX_MODULES} modules.", limit=MAX_MODULES)

        async def plan() -> tuple[Module, list[Guarded]]:
            earlier = await self.created_before(request)
            if earlier is not None:
                return earlier, []
            rank = rank_at_end(await modules_of(self._store, course_id))
            ranked = msgspec.structs.replace(module, rank=rank)
            room = Change(COURSES, key(course_id, META), [Add("moduleCount", 1)], less("moduleCount", MAX_MODULES))
            put = Put(COURSES, {**module_key(module.id), **to_item(ranked)}, not_exists("courseId"))
            return ranked, [
                *idempotency.once(request, to_item(ranked), now),
                (room, full),
                (put, LostRace()),
            ]

        return await change_outline(self._store, course_id, plan)

    async def update(
        self, module_id: str, change: Callable[[Module], Module], *, expected_version: int | None = None
    ) -> Module:
        """The module after `change`, one version on. Raises NOT_FOUND, CONFLICT, THROTTLED."""

        async def attempt() -> Module:
            module = await self._at_version(module_id, expected_version)
            changed = change(module)
            updates = difference(to_item(module), to_item(changed))
            unchanged = equals("version", module.version)
            await commit(self._store, [(Change(COURSES, module_key(module_id), updates, unchanged), LostRace())])
            return changed

        return await settle(attempt, "The module")

    async def move(self, module_id: str, after_id: str | None, *, expected_version: int | None = None) -> Module:
        """The module behind another of its course, or first for None.

        Raises:
            DomainError: NOT_FOUND, BAD_REQUEST, CONFLICT, THROTTLED.
        """

        async def plan() -> tuple[Module, list[Guarded]]:
            module = await self._at_version(module_id, expected_version)
            rank = rank_behind(await modules_of(self._store, module.course_id), after_id, module_id)
            moved = msgspec.structs.replace(module, rank=rank, version=module.version + 1)
            updates = difference(to_item(module), to_item(moved))
            change = Change(COURSES, module_key(module_id), updates, equals("version", module.version))
            return moved, [(change, LostRace())]

        return await change_outline(self._store, course_id_of(module_id), plan)

    async def delete(self, module_id: str, *, expected_version: int | None = None) -> Module:
        """The module as it was. Raises NOT_FOUND, CONFLICT, MODULE_NOT_EMPTY, THROTTLED."""

        async def plan() -> tuple[Module, list[Guarded]]:
            module = await self._at_version(module_id, expected_version)
            if module.lesson_count:
                raise DomainError(Code.MODULE_NOT_EMPTY, "Move or delete its lessons first.")
            unchanged = all_of(equals("version", module.version), equals("lessonCount", 0))
            fewer = Change(COURSES, key(module.course_id, META), [Add("moduleCount", -1)], exists("courseId"))
            return module, [
                (Delete(COURSES, module_key(module_id), unchanged), LostRace()),
                (fewer, LostRace()),
            ]

        return await change_outline(self._store, course_id_of(module_id), plan)

    async def _at_version(self, module_id: str, expected_version: int | None) -> Module:
        module = await self.get(module_id)
        if module is None:
            raise not_found("module")
        if expected_version is not None and module.version != expected_version:
            raise conflict(module.version)
        return module
