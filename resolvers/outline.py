"""The outline of courses: modules in a course, lessons in a module, by rank. Drafts are for staff."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from domain.courses import Course
from domain.errors import DomainError
from domain.lessons import Lesson, Module
from resolvers.access import staff_among
from resolvers.context import Context
from resolvers.paging import Connection, page
from resolvers.registry import registry

T = TypeVar("T")
Answer = TypeVar("Answer")
Entry = TypeVar("Entry", Module, Lesson)


@registry.batch("Course.modules")
async def modules(
    ctx: Context, courses: Sequence[Course], *, limit: int | None = None, next_token: str | None = None
) -> list[Connection[Module] | DomainError]:
    async def of_course(course: Course) -> Connection[Module]:
        entries = await ctx.sources.modules.of_course(course.id)
        return await _page(ctx, "Course.modules", course.id, entries, limit, next_token)

    return await _each(courses, of_course)


@registry.batch("Module.lessons")
async def lessons(
    ctx: Context, modules: Sequence[Module], *, limit: int | None = None, next_token: str | None = None
) -> list[Connection[Lesson] | DomainError]:
    """Each course's outline is read once, however many of its modules ask."""
    course_ids = list(dict.fromkeys(module.course_id for module in modules))
    staff, outlines = await asyncio.gather(
        staff_among(ctx, course_ids), asyncio.gather(*map(ctx.sources.lessons.of_course, course_ids))
    )
    shown: dict[str, list[Lesson]] = {module.id: [] for module in modules}
    for lesson in (lesson for outline in outlines for lesson in outline):
        if lesson.module_id in shown and (lesson.state == "PUBLISHED" or lesson.course_id in staff):
            shown[lesson.module_id].append(lesson)

    async def of_module(module: Module) -> Connection[Lesson]:
        return await _page(ctx, "Module.lessons", module.id, shown[module.id], limit, next_token)

    return await _each(modules, of_module)


async def _page(
    ctx: Context, operation: str, parent_id: str, entries: Sequence[Entry], limit: int | None, next_token: str | None
) -> Connection[Entry]:
    """A page of entries that are at hand, in rank order."""

    async def read(position: Any, size: int) -> tuple[Sequence[Entry], Any]:
        rest = [entry for entry in entries if position is None or [entry.rank, entry.id] > position]
        more = len(rest) > size
        return rest[:size], [rest[size - 1].rank, rest[size - 1].id] if more else None

    return await page(ctx, operation, {"parent": parent_id}, limit, next_token, read)


async def _each(sources: Sequence[T], answer: Callable[[T], Awaitable[Answer]]) -> list[Answer | DomainError]:
    """One answer or refusal for each source: a token of one parent is no token of the others."""

    async def answer_or_refusal(source: T) -> Answer | DomainError:
        try:
            return await answer(source)
        except DomainError as refusal:
            return refusal

    return list(await asyncio.gather(*map(answer_or_refusal, sources)))
