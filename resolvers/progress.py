"""How far learners are, and the reports of their players."""

import asyncio
from collections.abc import Sequence
from typing import Any

from domain import text
from domain.courses import Course
from domain.errors import bad_request, not_found
from domain.lessons import Lesson, course_id_of
from domain.progress import Completions, CourseProgress, LessonProgress, course_progress, report
from domain.users import UserSummary
from resolvers.access import require_own_or_taught, require_staff, staff_among, visible_course
from resolvers.context import Context
from resolvers.enrollment import learner_in_question
from resolvers.inputs import RecordLessonProgressInput
from resolvers.paging import Connection, page
from resolvers.registry import registry


@registry.field("Query.getCourseProgress")
async def get_course_progress(ctx: Context, *, course_id: str, user_id: str | None = None) -> CourseProgress | None:
    learner_id = await learner_in_question(ctx, text.identifier(course_id, "courseId"), user_id)
    if learner_id is None:
        return None
    [shown] = await _shown(ctx, await ctx.sources.progress.completions(learner_id, [course_id]))
    return shown


@registry.field("Query.listLessonProgress")
async def list_lesson_progress(
    ctx: Context,
    *,
    course_id: str,
    user_id: str | None = None,
    limit: int | None = None,
    next_token: str | None = None,
) -> Connection[LessonProgress]:
    learner_id = await learner_in_question(ctx, text.identifier(course_id, "courseId"), user_id)
    if learner_id is None:
        raise not_found("course")

    async def read(position: Any, size: int) -> tuple[Sequence[LessonProgress], Any]:
        return await ctx.sources.progress.list_lessons(learner_id, course_id, position, size)

    arguments = {"course_id": course_id, "user_id": learner_id}
    return await page(ctx, "Query.listLessonProgress", arguments, limit, next_token, read)


@registry.field("Query.listCourseProgress")
async def list_course_progress(
    ctx: Context, *, course_id: str, limit: int | None = None, next_token: str | None = None
) -> Connection[CourseProgress]:
    course = await require_staff(ctx, text.identifier(course_id, "courseId"))

    async def read(position: Any, size: int) -> tuple[Sequence[CourseProgress], Any]:
        rows, following = await ctx.sources.progress.list_course(course.id, position, size)
        [published] = await ctx.sources.progress.published([course.id])
        return [course_progress(row, published) for row in rows], following

    return await page(ctx, "Query.listCourseProgress", {"course_id": course_id}, limit, next_token, read)


@registry.field("Mutation.recordLessonProgress")
async def record_lesson_progress(ctx: Context, *, input: RecordLessonProgressInput) -> LessonProgress:
    said = report(input)
    course_id = text.identifier(input["course_id"], "input.courseId")
    lesson_id = text.identifier(input["lesson_id"], "input.lessonId")
    if course_id_of(lesson_id) != course_id:
        raise bad_request("input.courseId", "OTHER_COURSE", "input.courseId is the lesson's course.")
    course, lesson, staff = await asyncio.gather(
        visible_course(ctx, course_id), ctx.sources.lessons.get(lesson_id), staff_among(ctx, [course_id])
    )
    is_staff = course_id in staff
    if course is None or lesson is None or (lesson.state != "PUBLISHED" and not is_staff):
        raise not_found("lesson")
    return await ctx.sources.progress.record(course, lesson, ctx.caller.id, said, is_staff=is_staff, now=ctx.now())


@registry.field("Subscription.onLessonProgress")
async def on_lesson_progress(ctx: Context, *, user_id: str | None = None, course_id: str | None = None) -> None:
    await require_own_or_taught(ctx, user_id, course_id)


@registry.batch("CourseProgress.user")
async def users(ctx: Context, progress: Sequence[CourseProgress]) -> list[UserSummary | None]:
    return await ctx.sources.users.summaries([each.user_id for each in progress])


@registry.batch("Course.myProgress")
async def my_course_progress(ctx: Context, courses: Sequence[Course]) -> list[CourseProgress | None]:
    if ctx.caller.user_id is None:
        return [None] * len(courses)
    rows = await ctx.sources.progress.completions(ctx.caller.user_id, [course.id for course in courses])
    return await _shown(ctx, rows)


@registry.batch("Lesson.myProgress")
async def my_lesson_progress(ctx: Context, lessons: Sequence[Lesson]) -> list[LessonProgress | None]:
    if ctx.caller.user_id is None:
        return [None] * len(lessons)
    return await ctx.sources.progress.lessons(ctx.caller.user_id, lessons)


async def _shown(ctx: Context, rows: Sequence[Completions | None]) -> list[CourseProgress | None]:
    """Outlines are read of the courses that the learner has a place in only."""
    begun = [row for row in rows if row is not None]
    published = await ctx.sources.progress.published([row.course_id for row in begun])
    counted = dict(zip((row.course_id for row in begun), published, strict=True))
    return [None if row is None else course_progress(row, counted[row.course_id]) for row in rows]
