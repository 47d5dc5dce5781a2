"""Finding courses: by id or slug, in the published catalog, by words, and those that the caller teaches."""

from typing import Any

import msgspec

from domain import text
from domain.courses import Course, course_filter
from resolvers.access import visible_course
from resolvers.context import Context
from resolvers.inputs import CourseFilterInput, PublishState
from resolvers.paging import Connection, page
from resolvers.registry import registry

SHORTEST_QUERY = 2
LONGEST_QUERY = 200
_READS_A_PAGE = 5
"""A state that few courses are in gives short pages rather than long waits."""


@registry.field("Query.getCourse")
async def get_course(ctx: Context, *, id: str) -> Course | None:
    return await visible_course(ctx, text.identifier(id, "id"))


@registry.field("Query.getCourseBySlug")
async def get_course_by_slug(ctx: Context, *, slug: str) -> Course | None:
    course = await ctx.sources.courses.by_slug(text.identifier(slug, "slug"))
    return None if course is None else await visible_course(ctx, course.id)


@registry.field("Query.listCourses")
async def list_courses(
    ctx: Context,
    *,
    filter: CourseFilterInput | None = None,
    limit: int | None = None,
    next_token: str | None = None,
) -> Connection[Course]:
    narrowed = course_filter(filter)

    async def read(position: Any, size: int) -> tuple[list[Course], Any]:
        return await ctx.sources.catalog.newest(narrowed, position, size)

    arguments = {"filter": msgspec.to_builtins(narrowed)}
    return await page(ctx, "Query.listCourses", arguments, limit, next_token, read)


@registry.field("Query.searchCourses")
async def search_courses(
    ctx: Context,
    *,
    query: str,
    filter: CourseFilterInput | None = None,
    limit: int | None = None,
    next_token: str | None = None,
) -> Connection[Course]:
    words = text.clean(query, "query", shortest=SHORTEST_QUERY, longest=LONGEST_QUERY)
    narrowed = course_filter(filter)

    async def read(position: Any, size: int) -> tuple[list[Course], Any]:
        return await ctx.sources.catalog.search(words, narrowed, position, size)

    arguments = {"query": words, "filter": msgspec.to_builtins(narrowed)}
    return await page(ctx, "Query.searchCourses", arguments, limit, next_token, read)


@registry.field("Query.listMyTeachingCourses")
async def list_my_teaching_courses(
    ctx: Context, *, state: PublishState | None = None, limit: int | None = None, next_token: str | None = None
) -> Connection[Course]:
    """The course that the caller began to teach last comes first."""

    async def read(position: Any, size: int) -> tuple[list[Course], Any]:
        found: list[Course] = []
        for _ in range(_READS_A_PAGE):
            ids, position = await ctx.sources.mentors.taught_by(ctx.caller.id, after=position, limit=size - len(found))
            courses = await ctx.sources.courses.get_many(ids)
            found += [course for course in courses if course is not None and state in (None, course.state)]
            if position is None or len(found) == size:
                break
        return found, position

    return await page(ctx, "Query.listMyTeachingCourses", {"state": state}, limit, next_token, read)
