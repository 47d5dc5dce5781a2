"""How far a learner is, in a lesson and in a course."""

from domain.records import Record
from domain.times import Timestamp


class LessonProgress(Record, frozen=True):
    """`position_seconds` moves freely; `watched_seconds` never falls."""

    user_id: str
    course_id: str
    lesson_id: str
    position_seconds: int
    watched_seconds: int
    updated_at: Timestamp
    completed_at: Timestamp | None = None


class CourseProgress(Record, frozen=True):
    user_id: str
    course_id: str
    completed_lesson_count: int
    lesson_count: int
    percent: float
    updated_at: Timestamp
    last_lesson_id: str | None = None
    completed_at: Timestamp | None = None
