"""How far a learner is, in a lesson and in a course; what a report of a player changes."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from domain import text
from domain.enrollments import CourseAccess
from domain.errors import Code, DomainError, bad_request, invalid_state
from domain.fields import input_field
from domain.lessons import Lesson
from domain.records import Record
from domain.times import Timestamp

MAX_DELTA_SECONDS = 60
REMEMBERED_TOKENS = 16


class LessonProgress(Record, frozen=True):
    """`position_seconds` moves freely; `watched_seconds` never falls.

    `client_tokens` are those of the last reports, oldest first; `revision` counts the row's writes.
    """

    user_id: str
    course_id: str
    lesson_id: str
    position_seconds: int
    watched_seconds: int
    updated_at: Timestamp
    completed_at: Timestamp | None = None
    client_tokens: tuple[str, ...] = ()
    revision: int = 0


class Completions(Record, frozen=True):
    """What a learner has completed in a course: stored, where `CourseProgress` is shown.

    Lessons come, go and are taken back, so the row keeps which ones are completed, and how many of them
    count is found on reading. `revision` counts the row's writes.
    """

    user_id: str
    course_id: str
    updated_at: Timestamp
    lesson_ids: tuple[str, ...] = ()
    last_lesson_id: str | None = None
    completed_at: Timestamp | None = None
    revision: int = 0

    def count(self, published: Collection[str]) -> int:
        return sum(lesson_id in published for lesson_id in self.lesson_ids)

    def reaches(self, percent: float, published: Collection[str]) -> bool:
        """Whether the completed ones are at least `percent` of the published lessons."""
        return bool(published) and 100 * self.count(published) >= percent * len(published)


class CourseProgress(Record, frozen=True):
    user_id: str
    course_id: str
    completed_lesson_count: int
    lesson_count: int
    percent: float
    updated_at: Timestamp
    last_lesson_id: str | None = None
    completed_at: Timestamp | None = None


class Report(msgspec.Struct, frozen=True):
    """What a player says about one lesson."""

    position_seconds: int
    watched_delta_seconds: int
    completed: bool = False
    client_token: str | None = None


def report(given: Mapping[str, Any]) -> Report:
    """Of a `RecordLessonProgressInput`. Raises BAD_REQUEST for times below 0 and for a token out of bounds."""
    for name in ("position_seconds", "watched_delta_seconds"):
        if given[name] < 0:
            raise bad_request(input_field(name), "RANGE", f"{input_field(name)} is 0 or more.")
    client_token = given.get("client_token")
    if client_token is not None:
        text.identifier(client_token, input_field("client_token"))
    return Report(given["position_seconds"], given["watched_delta_seconds"], bool(given.get("completed")), client_token)


def require_open(lesson: Lesson, access: CourseAccess, now: Timestamp) -> None:
    """Whether progress on the lesson may be recorded.

    Raises:
        DomainError: ENROLLMENT_REQUIRED with the reason; INVALID_STATE for a lesson that is not published, or
            that learners may not open yet (reason NOT_RELEASED).
    """
    if not access.granted:
        message = "Recording progress needs access to the course."
        raise DomainError(Code.ENROLLMENT_REQUIRED, message, reason=access.reason)
    if lesson.state != "PUBLISHED":
        raise invalid_state(lesson.state, "The lesson is not published.")
    if access.reason != "STAFF" and not lesson.is_open(now):
        raise invalid_state(lesson.state, "The lesson is not released yet.", reason="NOT_RELEASED")


def reported(
    before: LessonProgress | None, report: Report, lesson: Lesson, user_id: str, now: Timestamp
) -> LessonProgress:
    """The lesson's row after a report; `before` itself when this report was counted already.

    A position beyond the lesson is its end. A report adds at most a minute, and the sum stays within the
    lesson, save for what was watched when the lesson was longer.
    """
    before = before or LessonProgress(user_id, lesson.course_id, lesson.id, 0, 0, now)
    if report.client_token is not None and report.client_token in before.client_tokens:
        return before
    longest = lesson.duration_seconds
    watched = before.watched_seconds + min(report.watched_delta_seconds, MAX_DELTA_SECONDS)
    tokens = before.client_tokens if report.client_token is None else (*before.client_tokens, report.client_token)
    return msgspec.structs.replace(
        before,
        position_seconds=min(report.position_seconds, longest),
        watched_seconds=max(before.watched_seconds, min(watched, longest)),
        updated_at=now,
        completed_at=before.completed_at or (now if report.completed else None),
        client_tokens=tokens[-REMEMBERED_TOKENS:],
    )


def started(user_id: str, course_id: str, now: Timestamp) -> Completions:
    """The row of a learner who has reported nothing yet."""
    return Completions(user_id, course_id, now)


def counted(before: Completions, progress: LessonProgress, now: Timestamp) -> Completions:
    """The course's row after a report on a lesson; `before` itself when it says all of that already."""
    lesson_ids = before.lesson_ids
    if progress.completed_at is not None and progress.lesson_id not in lesson_ids:
        lesson_ids = (*lesson_ids, progress.lesson_id)
    elif before.last_lesson_id == progress.lesson_id:
        return before
    return msgspec.structs.replace(before, lesson_ids=lesson_ids, last_lesson_id=progress.lesson_id, updated_at=now)


def finished(completions: Completions, now: Timestamp) -> Completions:
    """The row once enough lessons are completed; the first time counts."""
    if completions.completed_at is not None:
        return completions
    return msgspec.structs.replace(completions, completed_at=now, updated_at=now)


def course_progress(completions: Completions, published: Collection[str]) -> CourseProgress:
    """As it is shown: only lessons that are published now count. `percent` is 0 to 100, 0 without lessons."""
    completed = completions.count(published)
    return CourseProgress(
        user_id=completions.user_id,
        course_id=completions.course_id,
        completed_lesson_count=completed,
        lesson_count=len(published),
        percent=round(100 * completed / len(published), 2) if published else 0.0,
        updated_at=completions.updated_at,
        last_lesson_id=completions.last_lesson_id,
        completed_at=completions.completed_at,
    )
