"""Courses to enroll in, made by the product's own classes."""

from typing import Any

from ulid import ULID

from datasources.courses import Courses
from datasources.lessons import Lessons
from datasources.local.sqlite import SQLiteStore
from datasources.modules import Modules
from datasources.ports import RecordStore
from domain.courses import Course, changed_course, course_in_state, new_course
from domain.lessons import Lesson, changed_lesson, new_lesson, new_module
from domain.times import Timestamp

NOW = Timestamp("2036-09-01T08:00:00.000Z")
"""Far ahead, for the stores tell by their own clock whether an item's ttl has passed."""
OWNER = "owner"


async def published_course(store: RecordStore, *, lessons: int = 1, owner: str = OWNER, **fields: Any) -> Course:
    """A PUBLISHED course of `lessons` published articles of 600 seconds; FREE unless said otherwise."""
    course_id = str(ULID())
    given = {
        "slug": f"course-{course_id.lower()}",
        "title": "Birds of the shore",
        "level": "BEGINNER",
        "language": "en",
        "category": "Nature",
        "access_model": "FREE",
        **fields,
    }
    course = await Courses(store).create(new_course(given, course_id=course_id, owner_id=owner, now=NOW), None, NOW)
    module = await Modules(store).create(
        new_module({"course_id": course_id, "title": "Waders"}, module_id=f"{course_id}.{ULID()}"), None, NOW
    )
    for number in range(lessons):
        await published_lesson(store, module.id, f"Lesson {number + 1}")
    return await set_state(store, course.id, "PUBLISHED")


async def published_lesson(store: RecordStore, module_id: str, title: str, **fields: Any) -> Lesson:
    given = {"module_id": module_id, "title": title, "kind": "ARTICLE", "duration_seconds": 600, **fields}
    course_id = module_id.partition(".")[0]
    lesson = await Lessons(store).create(new_lesson(given, lesson_id=f"{course_id}.{ULID()}"), None, NOW)
    return await Lessons(store).update(lesson.id, lambda draft: changed_lesson(draft, {"state": "PUBLISHED"}))


async def set_state(store: RecordStore, course_id: str, state: str) -> Course:
    return await Courses(store).update(course_id, lambda course: course_in_state(course, state, NOW))


async def set_capacity(store: RecordStore, course_id: str, capacity: int | None) -> Course:
    change = {"id": course_id, "capacity": capacity}
    return await Courses(store).update(course_id, lambda course: changed_course(course, change, NOW))


def crowd(store: RecordStore, size: int) -> range:
    """As many as a race wants; a fifth of them on DynamoDB's emulator, where each step takes milliseconds."""
    return range(size if isinstance(store, SQLiteStore) else size // 5)
