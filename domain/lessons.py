"""Modules, lessons and their resources. Ids hold their parents': `<courseId>.<ulid>`."""

from domain.records import Record
from domain.times import Timestamp


class Module(Record, frozen=True):
    id: str
    course_id: str
    title: str
    rank: str
    version: int
    summary: str | None = None
    lesson_count: int = 0
    """All lessons, drafts too; guards deleteModule."""


class Lesson(Record, frozen=True):
    """`body` and `activity_id` are content: only resolvers that checked access may show them."""

    id: str
    course_id: str
    module_id: str
    title: str
    kind: str
    rank: str
    state: str
    is_preview: bool
    duration_seconds: int
    version: int
    release_at: Timestamp | None = None
    body: str | None = None
    activity_id: str | None = None
    resource_count: int = 0


class LessonResource(Record, frozen=True):
    id: str
    lesson_id: str
    title: str
    link_url: str | None = None


def course_id_of(child_id: str) -> str:
    """The course in a module's or lesson's id; the whole text when it has none."""
    return child_id.partition(".")[0]
