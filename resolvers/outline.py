"""The outline of courses: modules in a course, lessons in a module, by rank. Drafts are for staff."""

from collections.abc import Sequence
from typing import TypeVar

from datasources.together import together
from domain.courses import Course
from domain.errors import DomainError
from domain.lessons import Lesson, Module
from resolvers.access import staff_among
from resolvers.context import Context
from resolvers.paging import Connection, page_at_hand
from resolvers.registry import registry

Entry = TypeVar("Entry", Module, Lesson)


@registry.batch("Course.modules")
async def modules(
    ctx: Context, courses: Sequence[Course], *, limit: int | None = None, next_token: str | None = None
) -> list[Connection[Module] | DomainError]:
    outlines = await together(ctx.sources.modules.of_course(course.id) for course in courses)
    return [
        _page_or_refusal(ctx, "Course.modules", course.id, entries, limit, next_token)
        for course, entries in zip(courses, outlines, strict=True)
    ]


@registry.batch("Module.lessons")
async def lessons(
    ctx: Context, modules: Sequence[Module], *, limit: int | None = None, next_token: str | None = None
) -> list[Connection[Lesson] | DomainError]:
    """Each course's outline is read once, however many of its modules ask."""
    course_ids = list(dict.fromkeys(module.course_id for module in modules))
    found = [lesson for outline in await together(map(ctx.sources.lessons.of_course, course_ids)) for lesson in outline]
    with_drafts = {lesson.course_id for lesson in found if lesson.state != "PUBLISHED"}
    staff = await staff_among(ctx, with_drafts) if with_drafts else frozenset[str]()
    shown: dict[str, list[Lesson]] = {module.id: [] for module in modules}
    for lesson in found:
        if lesson.module_id in shown and (lesson.state == "PUBLISHED" or lesson.course_id in staff):
            shown[lesson.module_id].append(lesson)
    return [
        _page_or_refusal(ctx, "Module.lessons", module.id, shown[module.id], limit, next_token) for module in modules
    ]


def _page_or_refusal(
    ctx: Context, operation: str, parent_id: str, entries: Sequence[Entry], limit: int | None, next_token: str | None
) -> Connection[Entry] | DomainError:
    """In rank order. One parent's refusal is not the others': a token of one is no token of theirs."""
    try:
        return page_at_hand(ctx, operation, {"parent": parent_id}, limit, next_token, entries, _place)
    except DomainError as refusal:
        return refusal


def _place(entry: Module | Lesson) -> list[str]:
    return [entry.rank, entry.id]
