"""Courses, modules and lessons as tests need them: valid, with little to say."""

from functools import partial
from typing import Any

import msgspec
from ulid import ULID

from datasources.courses import Courses
from datasources.lessons import Lessons
from datasources.modules import Modules
from datasources.ports import RecordStore
from domain.courses import Course, course_in_state, new_course
from domain.lessons import Lesson, Module, changed_lesson, new_lesson, new_module
from domain.times import Timestamp

# Ahead of every real clock, so that what expires is there while a test runs.
NOW = Timestamp("2100-09-01T08:00:00.000Z")
LATER = Timestamp("2100-09-01T09:00:00.000Z")


def fresh_id() -> str:
    return str(ULID())


def a_course(**given: Any) -> Course:
    """A new DRAFT; `given` are fields of CreateCourseInput."""
    course_id = fresh_id()
    described = {
        "slug": f"course-{course_id.lower()}",
        "title": "Sailing",
        "level": "BEGINNER",
        "language": "en",
        "category": "Sports",
        "access_model": "FREE",
        **given,
    }
    return new_course(described, course_id=course_id, owner_id="owner", now=NOW)


async def created_course(store: RecordStore, **given: Any) -> Course:
    return await Courses(store).create(a_course(**given), None, NOW)


async def created_module(store: RecordStore, course: Course, title: str = "Module") -> Module:
    module = new_module({"title": title}, module_id=f"{course.id}.{fresh_id()}")
    return await Modules(store).create(module, None, NOW)


async def created_lesson(store: RecordStore, module: Module, title: str = "Lesson", **given: Any) -> Lesson:
    described = {"title": title, "kind": "ARTICLE", "duration_seconds": 60, "module_id": module.id, **given}
    lesson = new_lesson(described, lesson_id=f"{module.course_id}.{fresh_id()}")
    return await Lessons(store).create(lesson, None, NOW)


async def published_lesson(store: RecordStore, module: Module, **given: Any) -> Lesson:
    lesson = await created_lesson(store, module, **given)
    return await Lessons(store).update(lesson.id, lambda draft: changed_lesson(draft, {"state": "PUBLISHED"}))


async def published_course(store: RecordStore, *, now: Timestamp = NOW, **given: Any) -> Course:
    course = await created_course(store, **given)
    await published_lesson(store, await created_module(store, course))
    return await Courses(store).update(course.id, partial(course_in_state, state="PUBLISHED", now=now))


def retitled(course: Course, title: str = "Sailing at night") -> Course:
    return msgspec.structs.replace(course, title=title, version=course.version + 1)
