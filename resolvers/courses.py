"""Authoring courses, and what a course leads to."""

from collections.abc import Mapping, Sequence
from typing import Any

from datasources.idempotency import request
from domain import text
from domain.courses import Course, changed_course, course_in_state, new_course
from domain.errors import bad_request
from domain.users import UserSummary
from resolvers.access import require_owner, require_staff
from resolvers.context import Context
from resolvers.inputs import CreateCourseInput, PublishState, UpdateCourseInput
from resolvers.pictures import picture_key
from resolvers.registry import registry


@registry.field("Mutation.createCourse")
async def create_course(ctx: Context, *, input: CreateCourseInput) -> Course:
    now = ctx.now()
    asked = request(ctx.caller.id, "createCourse", input.get("client_token"), input)
    earlier = await ctx.sources.courses.created_before(asked)
    if earlier is not None:
        return earlier
    given = await _with_cover(ctx, input)
    course = new_course(given, course_id=ctx.new_id(), owner_id=ctx.caller.id, now=now)
    return await ctx.sources.courses.create(course, asked, now)


@registry.field("Mutation.updateCourse")
async def update_course(ctx: Context, *, input: UpdateCourseInput) -> Course:
    course = await require_staff(ctx, text.identifier(input["id"], "input.id"))
    given = await _with_cover(ctx, input)
    return await ctx.sources.courses.update(
        course.id,
        lambda current: changed_course(current, given, ctx.now()),
        expected_version=input.get("expected_version"),
    )


@registry.field("Mutation.setCourseState")
async def set_course_state(
    ctx: Context, *, id: str, state: PublishState, expected_version: int | None = None
) -> Course:
    course = await require_staff(ctx, text.identifier(id, "id"))
    return await ctx.sources.courses.update(
        course.id, lambda current: course_in_state(current, state, ctx.now()), expected_version=expected_version
    )


@registry.field("Mutation.deleteCourse")
async def delete_course(ctx: Context, *, id: str, expected_version: int | None = None) -> Course:
    course = await require_owner(ctx, text.identifier(id, "id"))
    return await ctx.sources.courses.delete(course.id, expected_version=expected_version)


@registry.field("Mutation.addCourseMentor")
async def add_course_mentor(ctx: Context, *, course_id: str, user_id: str) -> Course:
    course = await require_owner(ctx, text.identifier(course_id, "courseId"))
    user = await ctx.sources.users.get(text.identifier(user_id, "userId"))
    if user is None or user.status != "ACTIVE" or "MENTOR" not in user.roles:
        raise bad_request("userId", "NOT_A_MENTOR", "Only a mentor may teach a course.")
    await ctx.sources.mentors.add(course.id, user.id, ctx.now())
    return course


@registry.field("Mutation.removeCourseMentor")
async def remove_course_mentor(ctx: Context, *, course_id: str, user_id: str) -> Course:
    course = await require_owner(ctx, text.identifier(course_id, "courseId"))
    if text.identifier(user_id, "userId") == course.owner_id:
        raise bad_request("userId", "OWNER", "The owner of a course always teaches it.")
    await ctx.sources.mentors.remove(course.id, user_id)
    await ctx.recheck(user_id)
    return course


@registry.batch("Course.owner")
async def owners(ctx: Context, courses: Sequence[Course]) -> list[UserSummary | None]:
    return await ctx.sources.users.summaries([course.owner_id for course in courses])


@registry.batch("Course.mentors")
async def mentors(ctx: Context, courses: Sequence[Course]) -> list[list[UserSummary]]:
    taught_by = await ctx.sources.mentors.of_courses([course.id for course in courses])
    summaries = iter(await ctx.sources.users.summaries([user_id for users in taught_by for user_id in users]))
    return [[found for found in (next(summaries) for _ in users) if found is not None] for users in taught_by]


@registry.batch("Course.enrolledCount")
async def enrolled_counts(ctx: Context, courses: Sequence[Course]) -> list[int]:
    return [counts.enrolled for counts in await ctx.sources.courses.counts([course.id for course in courses])]


@registry.batch("Course.waitlistCount")
async def waitlist_counts(ctx: Context, courses: Sequence[Course]) -> list[int]:
    return [counts.waiting for counts in await ctx.sources.courses.counts([course.id for course in courses])]


async def _with_cover(ctx: Context, given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given of a course, with where its cover is. Raises as `picture_key`."""
    if "cover_media_id" not in given:
        return dict(given)
    cover_key = await picture_key(ctx, given["cover_media_id"], ["LESSON"], "input.coverMediaId")
    return {**given, "cover_key": cover_key}
