"""The school that servers with a database answer from, and the three questions asked of it.

Small is one course, page is a course with 20 modules, 100 lessons and its owner, catalog is 100 courses of 8 fields.
"""

import asyncio
import time
from pathlib import Path

from app import sources
from app.clock import now
from app.engines import Engines, open_engines
from app.settings import Settings
from datasources.playback import Playback
from domain.callers import Caller, Group, Mode
from domain.courses import course_in_state, new_course
from domain.lessons import changed_lesson, new_lesson, new_module
from resolvers.context import Sources

COURSES = 100
MODULES = 20
LESSONS = 5
"""In a module."""

OWNER = "bench-owner"
COURSE_PAGE = f"{0:026}"
"""The id of the course with an outline; the others have one lesson."""

QUERIES = {
    "small": "query Small($id: ID!) { getCourse(id: $id) { id title level language } }",
    "page": """query Page($id: ID!) { getCourse(id: $id) {
        id title summary level language version
        owner { id displayName }
        modules(limit: 20) { items { id title rank
            lessons(limit: 10) { items { id title kind rank durationSeconds isPreview } } } }
    } }""",
    "catalog": """query Catalog { listCourses(limit: 100) {
        items { id slug title summary level language category version } } }""",
}
REQUESTS = {
    name: {"query": query, "variables": {"id": COURSE_PAGE} if "$id" in query else {}}
    for name, query in QUERIES.items()
}


def settings(folder: Path | str) -> Settings:
    return Settings.load({"DATA_DIR": str(folder), "SEED_DEMO": "off"})


def domains(engines: Engines) -> Sources:
    playback = Playback(engines.blobs, b"nothing is played here", "http://localhost", time.time)
    built, _ = sources.build(engines.store, engines.search, engines.blobs, playback, engines.faces, now)
    return built


async def plant(folder: Path) -> None:
    """Fills an empty data folder, by the calls that the product itself makes."""
    async with open_engines(settings(folder)) as engines:
        built = domains(engines)
        owner = Caller(Mode.COGNITO, OWNER, frozenset({Group.MENTORS.value}), username="owner", name="Olga Owner")
        await built.users.seen(owner, now())
        await asyncio.gather(*(_course(built, number) for number in range(COURSES)))


async def _course(built: Sources, number: int) -> None:
    course_id = f"{number:026}"
    given = {
        "slug": f"course-{number}",
        "title": f"Course {number}: proofs without fear",
        "summary": None if number % 5 == 4 else "How to read, find and write a proof.",
        "level": ("BEGINNER", "INTERMEDIATE", "ADVANCED")[number % 3],
        "language": "en",
        "category": "Mathematics",
        "access_model": "FREE",
    }
    await built.courses.create(new_course(given, course_id=course_id, owner_id=OWNER, now=now()), None, now())
    modules, lessons = (MODULES, LESSONS) if course_id == COURSE_PAGE else (1, 1)
    for module_number in range(modules):
        module_id = f"{course_id}.{module_number:026}"
        fields = {"course_id": course_id, "title": f"Module {module_number}"}
        await built.modules.create(new_module(fields, module_id=module_id), None, now())
        for lesson_number in range(lessons):
            await _lesson(built, module_id, module_number * lessons + lesson_number)
    await built.courses.update(course_id, lambda course: course_in_state(course, "PUBLISHED", now()))


async def _lesson(built: Sources, module_id: str, number: int) -> None:
    lesson_id = f"{module_id.partition('.')[0]}.{number:026}"
    fields = {
        "module_id": module_id,
        "title": f"Lesson {number}: from question to proof",
        "kind": "ARTICLE",
        "duration_seconds": 60 * (number % 30 + 1),
        "is_preview": number % 7 == 0,
    }
    await built.lessons.create(new_lesson(fields, lesson_id=lesson_id), None, now())
    await built.lessons.update(lesson_id, lambda lesson: changed_lesson(lesson, {"state": "PUBLISHED"}))
