"""The few questions of permission in courses: who is staff, who sees a course, who may open its content."""

from collections.abc import Iterable, Sequence

from datasources.together import both
from domain import text
from domain.access import course_access
from domain.courses import Course
from domain.enrollments import CourseAccess, Enrollment
from domain.errors import bad_request, forbidden, not_found
from domain.lessons import Lesson, course_id_of
from resolvers.context import Context


async def staff_among(ctx: Context, course_ids: Iterable[str]) -> frozenset[str]:
    """The courses, out of those given, whose staff the caller is: owner, mentor, Admin, or our own backend."""
    if ctx.caller.is_admin or ctx.caller.is_backend:
        return frozenset(course_ids)
    if ctx.caller.user_id is None:
        return frozenset()
    return await ctx.sources.mentors.taught_among(ctx.caller.user_id, course_ids)


async def require_staff(ctx: Context, course_id: str, what: str = "course") -> Course:
    """The course, for a mutation of its staff.

    Args:
        what: names the thing that the caller asked for, where it is a part of the course.

    Raises:
        DomainError: NOT_FOUND for a course that does not exist or that the caller may not know of;
            FORBIDDEN for any other that is not the caller's.
    """
    course, is_staff = await _course_and_staff(ctx, course_id)
    if course is None or (course.state == "DRAFT" and not is_staff):
        raise not_found(what)
    if not is_staff:
        raise forbidden("This is for the course's staff.")
    return course


async def require_staff_while_there(ctx: Context, course_id: str, what: str) -> None:
    """As `require_staff`, but fine when the course is gone: before the replay of an earlier create."""
    if await ctx.sources.courses.get(course_id) is not None:
        await require_staff(ctx, course_id, what)


async def require_owner(ctx: Context, course_id: str) -> Course:
    """As `require_staff`; and FORBIDDEN for staff that is neither the owner nor an Admin."""
    course = await require_staff(ctx, course_id)
    if course.owner_id != ctx.caller.id and not ctx.caller.is_admin:
        raise forbidden("This is for the course's owner.")
    return course


def require_own(ctx: Context, user_id: str | None) -> None:
    """For a subscription that hears only of the caller: BAD_REQUEST without the filter, FORBIDDEN for another user."""
    if user_id is None:
        raise bad_request("userId", "REQUIRED", "The filter userId is required.")
    if user_id != ctx.caller.id:
        raise forbidden("One hears only of oneself.")


async def require_own_or_taught(ctx: Context, user_id: str | None, course_id: str | None) -> None:
    """As `require_own`, but staff may hear of everybody in a course of theirs."""
    if user_id is None and course_id is None:
        raise bad_request("userId", "REQUIRED", "One of the filters userId and courseId is required.")
    if user_id is not None and user_id == ctx.caller.id:
        return
    if course_id is None or course_id not in await staff_among(ctx, [text.identifier(course_id, "courseId")]):
        raise forbidden("One hears of oneself, and of the courses that one teaches.")


async def visible_course(ctx: Context, course_id: str) -> Course | None:
    return (await visible_courses(ctx, [course_id]))[0]


async def visible_courses(ctx: Context, course_ids: Sequence[str]) -> list[Course | None]:
    """At most 100 courses in the order asked; None for those that the caller may not know of.

    Everybody sees what is PUBLISHED, staff sees all, and who holds a seat goes on seeing what is ARCHIVED.
    """
    courses = await ctx.sources.courses.get_many(course_ids)
    # Also for those that do not exist, so that an answer takes as long for a draft.
    others = [asked for asked, course in zip(course_ids, courses, strict=True) if not _is_published(course)]
    staff = await staff_among(ctx, others) if others else frozenset[str]()
    archived = [course for course in courses if course is not None and course.state == "ARCHIVED"]
    seated = await _seated_among(ctx, [course.id for course in archived if course.id not in staff])
    return [
        course if course is not None and (_is_published(course) or course.id in staff or course.id in seated) else None
        for course in courses
    ]


async def access_to(ctx: Context, courses: Sequence[Course]) -> list[CourseAccess]:
    """The access decision of the signed-in caller for at most 100 courses, in their order."""
    ids = [course.id for course in courses]
    staff, enrollments = await both(staff_among(ctx, ids), ctx.sources.enrollments.many(ctx.caller.id, ids))
    now = ctx.now()
    return [
        course_access(course, enrollment, is_staff=course.id in staff, now=now)
        for course, enrollment in zip(courses, enrollments, strict=True)
    ]


async def open_among(ctx: Context, course_ids: Iterable[str]) -> frozenset[str]:
    """The courses, out of at most 100, to which the signed-in caller has access."""
    asked = sorted(set(course_ids))
    if not asked:
        return frozenset()
    visible = await visible_courses(ctx, asked)
    decisions = await access_to(ctx, [course for course in visible if course is not None])
    return frozenset(access.course_id for access in decisions if access.granted)


async def may_open(ctx: Context, lessons: Sequence[Lesson]) -> list[bool]:
    """Whether the caller may have each lesson's content; one decision a course, at most 100 lessons.

    Staff may. Learners need access or a preview of a published course, and the lesson's release.
    """
    if ctx.caller.user_id is None:
        return [False] * len(lessons)
    found = await ctx.sources.courses.get_many(list(dict.fromkeys(course_id_of(lesson.id) for lesson in lessons)))
    courses = [course for course in found if course is not None]
    decisions = {access.course_id: access for access in await access_to(ctx, courses)}
    published = {course.id for course in courses if course.state == "PUBLISHED"}
    now = ctx.now()

    def is_open(lesson: Lesson) -> bool:
        access = decisions.get(lesson.course_id)
        if access is None:
            return False
        if access.reason == "STAFF":
            return True
        granted = access.granted or (lesson.is_preview and lesson.course_id in published)
        return granted and lesson.is_open(now)

    return [is_open(lesson) for lesson in lessons]


def _is_published(course: Course | None) -> bool:
    return course is not None and course.state == "PUBLISHED"


def identifier_of_course(child_id: str, field: str, what: str) -> str:
    """The course in a module's, lesson's or resource's id. Raises BAD_REQUEST, NOT_FOUND."""
    course_id = course_id_of(text.identifier(child_id, field))
    if not course_id:
        raise not_found(what)
    return course_id


async def _course_and_staff(ctx: Context, course_id: str) -> tuple[Course | None, bool]:
    """Both at once, so that an answer takes as long for a course that does not exist."""
    course, staff = await both(ctx.sources.courses.get(course_id), staff_among(ctx, [course_id]))
    return course, course_id in staff


async def _seated_among(ctx: Context, course_ids: Sequence[str]) -> frozenset[str]:
    if not course_ids or ctx.caller.user_id is None:
        return frozenset()
    rows = await ctx.sources.enrollments.many(ctx.caller.user_id, course_ids)
    now = ctx.now()

    def is_seated(row: Enrollment | None) -> bool:
        return row is not None and row.holds_seat and not row.has_lapsed(now)

    return frozenset(course_id for course_id, row in zip(course_ids, rows, strict=True) if is_seated(row))
