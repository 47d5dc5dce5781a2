"""The outline of courses: modules in a course, lessons in a module, by rank. Drafts are for staff."""

from collections.abc import Sequence

from domain.courses import Course
from domain.errors import DomainError
from domain.lessons import Lesson, Module
from resolvers.access import staff_among
from resolvers.context import Context
from resolvers.paging import Connection, pages_at_hand
from resolvers.registry import registry


@registry.batch("Course.modules")
async def modules(
    ctx: Context, courses: Sequence[Course], *, limit: int | None = None, next_token: str | None = None
) -> list[Connection[Module] | DomainError]:
    course_ids = list(dict.fromkeys(course.id for course in courses))
    outlines = dict(zip(course_ids, await ctx.sources.modules.of_courses(course_ids), strict=True))
    pages = pages_at_hand(ctx, "Course.modules", outlines, limit, next_token, _place)
    return [pages[course.id] for course in courses]


@registry.batch("Module.lessons")
async def lessons(
    ctx: Context, modules: Sequence[Module], *, limit: int | None = None, next_token: str | None = None
) -> list[Connection[Lesson] | DomainError]:
    """Each course's outline is read once, however many of its modules ask."""
    course_ids = list(dict.fromkeys(module.course_id for module in modules))
    outlines = await ctx.sources.lessons.of_courses(course_ids)
    with_drafts = {lesson.course_id for outline in outlines for lesson in outline if lesson.state != "PUBLISHED"}
    staff = await staff_among(ctx, with_drafts) if with_drafts else frozenset[str]()
    shown: dict[str, list[Lesson]] = {module.id: [] for module in modules}
    for outline in outlines:
        for lesson in outline:
            entries = shown.get(lesson.module_id)
            if entries is not None and (lesson.state == "PUBLISHED" or lesson.course_id in staff):
                entries.append(lesson)
    pages = pages_at_hand(ctx, "Module.lessons", shown, limit, next_token, _place)
    return [pages[module.id] for module in modules]


def _place(entry: Module | Lesson) -> list[str]:
    return [entry.rank, entry.id]
