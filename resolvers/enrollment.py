"""Enrolling in courses and leaving them, and what an enrollment lets its user open."""

import asyncio
from collections.abc import Sequence
from typing import Any

from datasources.audit import audit_write
from datasources.idempotency import request
from datasources.ports import Put
from domain import text
from domain.access import shows_course
from domain.courses import Course
from domain.enrollments import CourseAccess, Enrollment
from domain.errors import forbidden, not_found
from domain.users import UserSummary
from resolvers.access import (
    access_to,
    require_own_or_taught,
    require_staff,
    staff_among,
    visible_course,
    visible_courses,
)
from resolvers.context import Context
from resolvers.inputs import EnrollInCourseInput, EnrollmentStatus, GrantEnrollmentInput
from resolvers.paging import Connection, page
from resolvers.registry import registry


@registry.field("Query.getEnrollment")
async def get_enrollment(ctx: Context, *, course_id: str, user_id: str | None = None) -> Enrollment | None:
    learner_id = await learner_in_question(ctx, text.identifier(course_id, "courseId"), user_id)
    return None if learner_id is None else await ctx.sources.enrollments.get(course_id, learner_id)


@registry.field("Query.listMyEnrollments")
async def list_my_enrollments(
    ctx: Context, *, status: EnrollmentStatus | None = None, limit: int | None = None, next_token: str | None = None
) -> Connection[Enrollment]:
    async def read(position: Any, size: int) -> tuple[Sequence[Enrollment], Any]:
        return await ctx.sources.enrollments.list_user(ctx.caller.id, status, position, size)

    return await page(ctx, "Query.listMyEnrollments", {"status": status}, limit, next_token, read)


@registry.field("Query.listCourseEnrollments")
async def list_course_enrollments(
    ctx: Context,
    *,
    course_id: str,
    status: EnrollmentStatus | None = None,
    limit: int | None = None,
    next_token: str | None = None,
) -> Connection[Enrollment]:
    course = await require_staff(ctx, text.identifier(course_id, "courseId"))

    async def read(position: Any, size: int) -> tuple[Sequence[Enrollment], Any]:
        return await ctx.sources.enrollments.list_course(course.id, status, position, size)

    arguments = {"course_id": course_id, "status": status}
    return await page(ctx, "Query.listCourseEnrollments", arguments, limit, next_token, read)


@registry.field("Query.getCourseAccess")
async def get_course_access(ctx: Context, *, course_id: str) -> CourseAccess | None:
    course = await visible_course(ctx, text.identifier(course_id, "courseId"))
    return None if course is None else (await access_to(ctx, [course]))[0]


@registry.field("Mutation.enrollInCourse")
async def enroll_in_course(ctx: Context, *, input: EnrollInCourseInput) -> Enrollment:
    course_id = text.identifier(input["course_id"], "input.courseId")
    enrollment = await ctx.sources.enrollments.enroll(
        course_id,
        ctx.caller.id,
        is_staff=course_id in await staff_among(ctx, [course_id]),
        join_waitlist=bool(input.get("join_waitlist")),
        request=request(ctx.caller.id, "enrollInCourse", input.get("client_token"), input),
        now=ctx.now(),
    )
    return await _published(ctx, enrollment)


@registry.field("Mutation.dropCourse")
async def drop_course(ctx: Context, *, course_id: str, expected_version: int | None = None) -> Enrollment:
    enrollment = await ctx.sources.enrollments.drop(
        text.identifier(course_id, "courseId"), ctx.caller.id, expected_version=expected_version, now=ctx.now()
    )
    await ctx.recheck(enrollment.user_id)
    return await _published(ctx, enrollment)


@registry.field("Mutation.grantEnrollment")
async def grant_enrollment(ctx: Context, *, input: GrantEnrollmentInput) -> Enrollment:
    course = await require_staff(ctx, text.identifier(input["course_id"], "input.courseId"))
    user = await ctx.sources.users.get(text.identifier(input["user_id"], "input.userId"))
    if user is None or user.status not in ("ACTIVE", "SUSPENDED"):
        raise not_found("user")
    enrollment = await ctx.sources.enrollments.grant(
        course.id,
        user.id,
        expires_at=input.get("expires_at"),
        request=request(ctx.caller.id, "grantEnrollment", input.get("client_token"), input),
        also=[_audit(ctx, "grantEnrollment", course.id, user.id)],
        now=ctx.now(),
    )
    return await _published(ctx, enrollment)


@registry.field("Mutation.revokeEnrollment")
async def revoke_enrollment(
    ctx: Context, *, course_id: str, user_id: str, reason: str, expected_version: int | None = None
) -> Enrollment:
    course = await require_staff(ctx, text.identifier(course_id, "courseId"))
    learner_id = text.identifier(user_id, "userId")
    enrollment = await ctx.sources.enrollments.revoke(
        course.id,
        learner_id,
        text.clean(reason, "reason", longest=text.REASON),
        expected_version=expected_version,
        also=[_audit(ctx, "revokeEnrollment", course.id, learner_id)],
        now=ctx.now(),
    )
    await ctx.recheck(learner_id)
    return await _published(ctx, enrollment)


@registry.field("Mutation.publishEnrollment")
async def publish_enrollment(ctx: Context, *, course_id: str, user_id: str) -> Enrollment | None:
    """Writes nothing: the stored record is the payload."""
    return await ctx.sources.enrollments.get(text.identifier(course_id, "courseId"), text.identifier(user_id, "userId"))


@registry.field("Subscription.onEnrollmentChanged")
async def on_enrollment_changed(ctx: Context, *, user_id: str | None = None, course_id: str | None = None) -> None:
    await require_own_or_taught(ctx, user_id, course_id)


@registry.batch("Enrollment.course")
async def courses(ctx: Context, enrollments: Sequence[Enrollment]) -> list[Course | None]:
    """For the backend, which tells learners, what the learner may know."""
    course_ids = [enrollment.course_id for enrollment in enrollments]
    if ctx.caller.user_id is not None:
        return await visible_courses(ctx, course_ids)
    found, now = await ctx.sources.courses.get_many(course_ids), ctx.now()
    return [
        course if course is not None and shows_course(course, enrollment, now) else None
        for course, enrollment in zip(found, enrollments, strict=True)
    ]


@registry.batch("Enrollment.user")
async def users(ctx: Context, enrollments: Sequence[Enrollment]) -> list[UserSummary | None]:
    return await ctx.sources.users.summaries([enrollment.user_id for enrollment in enrollments])


@registry.batch("Enrollment.waitlistPosition", whole=True)
async def waitlist_positions(ctx: Context, enrollments: Sequence[Enrollment]) -> list[int | None]:
    return await ctx.sources.enrollments.waiting_positions(enrollments)


@registry.batch("Course.myEnrollment")
async def my_enrollments(ctx: Context, courses: Sequence[Course]) -> list[Enrollment | None]:
    if ctx.caller.user_id is None:
        return [None] * len(courses)
    return await ctx.sources.enrollments.many(ctx.caller.user_id, [course.id for course in courses])


async def learner_in_question(ctx: Context, course_id: str, user_id: str | None) -> str | None:
    """The user whose place or progress in a course is asked for: the caller, or for its staff anybody.

    Returns:
        None when the caller may not know of the course.

    Raises:
        DomainError: FORBIDDEN for who is not the course's staff and asks for somebody else.
    """
    learner_id = ctx.caller.id if user_id is None else text.identifier(user_id, "userId")
    if learner_id == ctx.caller.user_id:
        return learner_id
    course, staff = await asyncio.gather(visible_course(ctx, course_id), staff_among(ctx, [course_id]))
    if course is None:
        return None
    if course_id not in staff:
        raise forbidden("Only the course's staff may see other learners.")
    return learner_id


async def _published(ctx: Context, enrollment: Enrollment) -> Enrollment:
    """What was just committed, on its way to subscribers."""
    await ctx.publish("publishEnrollment", course_id=enrollment.course_id, user_id=enrollment.user_id)
    return enrollment


def _audit(ctx: Context, action: str, course_id: str, user_id: str) -> Put:
    return audit_write(ctx.caller, action, user_id, ctx.now(), ctx.new_id(), {"courseId": course_id})
