"""Lessons: their bodies, their resources, and the totals of their course."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from datasources import idempotency
from datasources.courses import Courses
from datasources.lessons import Lessons
from datasources.ports import RecordStore
from datasources.resources import Resources
from datasources.tables import COURSES
from domain.courses import Course
from domain.errors import Code, DomainError
from domain.lessons import Lesson, LessonResource, changed_lesson, new_resource
from tests.datasources.course_records import NOW, created_course, created_lesson, created_module, fresh_id
from tests.races import at_once, codes, successes


async def changed(store: RecordStore, lesson: Lesson, **given: Any) -> Lesson:
    return await Lessons(store).update(lesson.id, lambda current: changed_lesson(current, given))


async def totals(store: RecordStore, course: Course) -> tuple[int, int, int]:
    """Published lessons, their seconds, and the course's version."""
    found = await Courses(store).get(course.id)
    assert found is not None
    return found.lesson_count, found.duration_seconds, found.version


async def linked(store: RecordStore, lesson: Lesson, request: idempotency.Request | None = None) -> LessonResource:
    given = {"lesson_id": lesson.id, "title": "Chart", "link_url": "https://example.com/chart"}
    resource = new_resource(given, resource_id=f"{lesson.id}.{fresh_id()}")
    return await Resources(store).create(resource, request, NOW)


async def test_a_body_is_kept_changed_and_cleared(store: RecordStore) -> None:
    lessons = Lessons(store)
    lesson = await created_lesson(store, await created_module(store, await created_course(store)), body="Knots.")

    async def body() -> str | None:
        found = await lessons.get(lesson.id)
        assert found is not None
        return (await lessons.bodies([found]))[0]

    assert await body() == "Knots."
    await changed(store, lesson, title="Ropes")
    assert await body() == "Knots."
    await changed(store, lesson, body="Splices.")
    assert await body() == "Splices."
    await changed(store, lesson, body=None)
    assert await body() is None
    assert [item["sk"] for item in (await store.query(COURSES, lesson.course_id)).items if "BODY" in item["sk"]] == []


async def test_the_course_counts_published_lessons_and_keeps_its_version(store: RecordStore) -> None:
    course = await created_course(store)
    module = await created_module(store, course)
    lesson = await created_lesson(store, module, duration_seconds=100)
    other = await created_lesson(store, module, duration_seconds=20)
    assert await totals(store, course) == (0, 0, 1)
    await changed(store, lesson, state="PUBLISHED")
    await changed(store, other, state="PUBLISHED")
    assert await totals(store, course) == (2, 120, 1)
    await changed(store, lesson, duration_seconds=50)
    assert await totals(store, course) == (2, 70, 1)
    await changed(store, lesson, state="ARCHIVED")
    assert await totals(store, course) == (1, 20, 1)
    await Lessons(store).delete(other.id)
    assert await totals(store, course) == (0, 0, 1)


async def test_totals_are_exact_after_racing_changes(store: RecordStore) -> None:
    course = await created_course(store)
    module = await created_module(store, course)
    lessons = [await created_lesson(store, module, duration_seconds=10) for _ in range(6)]
    await at_once([partial(changed, store, lesson, state="PUBLISHED") for lesson in lessons for _ in range(2)])
    stored = [lesson.state for lesson in await Lessons(store).of_course(course.id)]
    published = stored.count("PUBLISHED")
    assert await totals(store, course) == (published, 10 * published, 1)


async def test_of_twenty_updates_at_once_of_one_version_one_succeeds(store: RecordStore) -> None:
    lesson = await created_lesson(store, await created_module(store, await created_course(store)))

    def update(number: int) -> Any:
        change = partial(changed_lesson, given={"title": str(number)})
        return partial(Lessons(store).update, lesson.id, change, expected_version=1)

    results = await at_once([update(number) for number in range(20)])
    assert len(successes(results)) == 1
    assert codes(results) == [Code.CONFLICT] * 19


async def test_a_deleted_lesson_takes_body_and_resources_along(store: RecordStore) -> None:
    course = await created_course(store)
    lesson = await created_lesson(store, await created_module(store, course), body="Knots.")
    for _ in range(3):
        await linked(store, lesson)
    deleted = await Lessons(store).delete(lesson.id)
    assert deleted.body == "Knots."
    left = [item["sk"] for item in (await store.query(COURSES, course.id)).items]
    assert [sk for sk in left if sk.startswith(("LESSON#", "BODY#", "RES#"))] == []


async def test_no_resource_outlives_its_lesson(store: RecordStore) -> None:
    for _ in range(5):
        course = await created_course(store)
        lesson = await created_lesson(store, await created_module(store, course))
        calls: list[Callable[[], Awaitable[Lesson | LessonResource]]] = [
            partial(linked, store, lesson),
            partial(Lessons(store).delete, lesson.id),
        ]
        await at_once(calls)
        left = [item["sk"] for item in (await store.query(COURSES, course.id)).items]
        has_lesson = any(sk.startswith("LESSON#") for sk in left)
        assert has_lesson or not any(sk.startswith("RES#") for sk in left)


async def test_a_lesson_has_at_most_fifty_resources(store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasources.resources.MAX_RESOURCES", 3)
    lesson = await created_lesson(store, await created_module(store, await created_course(store)))
    results = await at_once([partial(linked, store, lesson) for _ in range(5)])
    assert len(successes(results)) == 3
    assert codes(results) == [Code.LIMIT_EXCEEDED] * 2
    found = await Lessons(store).get(lesson.id)
    assert found is not None
    assert found.resource_count == 3
    (kept,) = await Resources(store).of_lessons([found])
    assert kept == sorted(successes(results), key=lambda resource: resource.id)
    await Resources(store).delete(lesson.id, kept[0].id)
    assert (await linked(store, lesson)).lesson_id == lesson.id
    with pytest.raises(DomainError) as refused:
        await Resources(store).delete(lesson.id, kept[0].id)
    assert refused.value.code is Code.NOT_FOUND


async def test_one_request_made_ten_times_at_once_creates_one_lesson_and_one_resource(store: RecordStore) -> None:
    course = await created_course(store)
    lesson = await created_lesson(store, await created_module(store, course))
    request = idempotency.request("owner", "createResource", "token", {})
    results = await at_once([partial(linked, store, lesson, request) for _ in range(10)])
    assert len({resource.id for resource in successes(results)}) == 1
    assert codes(results) == []
    found = await Lessons(store).get(lesson.id)
    assert found is not None
    assert found.resource_count == 1


async def test_a_course_has_at_most_a_thousand_lessons(store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasources.lessons.MAX_LESSONS", 2)
    module = await created_module(store, await created_course(store))
    results = await at_once([partial(created_lesson, store, module) for _ in range(4)])
    assert len(successes(results)) == 2
    assert set(codes(results)) <= {Code.LIMIT_EXCEEDED, Code.THROTTLED}
    deleted = successes(results)[0]
    await Lessons(store).delete(deleted.id)
    assert (await created_lesson(store, module)).module_id == module.id
