"""Courses keep their promises to each other, whoever else writes at the same time."""

from functools import partial
from typing import Any

import msgspec
import pytest

from datasources import idempotency, seats
from datasources.courses import Courses
from datasources.lessons import Lessons
from datasources.mentors import Mentors
from datasources.ports import RecordStore
from datasources.tables import COURSES
from domain.courses import Course, changed_course, course_in_state
from domain.errors import Code, DomainError
from domain.lessons import changed_lesson
from tests.datasources.course_records import (
    LATER,
    NOW,
    a_course,
    created_course,
    created_lesson,
    created_module,
    published_course,
    retitled,
)
from tests.races import at_once, codes, successes


async def left_of(store: RecordStore, course_id: str) -> list[str]:
    """Sort keys of all items in a course's partition."""
    return [item["sk"] for item in (await store.query(COURSES, course_id)).items]


async def test_a_course_reads_back_as_it_was_created(store: RecordStore) -> None:
    course = await created_course(
        store,
        tags=["Wind", "Water"],
        summary="Boats.",
        access_model="PAID",
        price={"amount_minor": 1999.0, "currency": "EUR"},
        capacity=10,
        completion_percent=62.5,
    )
    assert await Courses(store).get(course.id) == course
    assert await Courses(store).by_slug(course.slug) == course


async def test_many_courses_come_in_the_order_asked(store: RecordStore) -> None:
    one, other = await created_course(store), await created_course(store)
    assert await Courses(store).get_many([other.id, "nobody", one.id, other.id]) == [other, None, one, other]


async def test_of_twenty_courses_at_once_with_one_slug_one_is_created(store: RecordStore) -> None:
    courses = Courses(store)
    rivals = [a_course(slug="sailing") for _ in range(20)]
    results = await at_once([partial(courses.create, rival, None, NOW) for rival in rivals])
    assert len(successes(results)) == 1
    assert codes(results) == [Code.SLUG_TAKEN] * 19
    found = await courses.by_slug("sailing")
    assert [found] == successes(results)
    assert sum(course is not None for course in await courses.get_many([rival.id for rival in rivals])) == 1


async def test_one_request_made_ten_times_at_once_creates_one_course(store: RecordStore) -> None:
    courses = Courses(store)
    request = idempotency.request("owner", "createCourse", "token", {"slug": "sailing"})
    rivals = [a_course(slug="sailing") for _ in range(10)]
    results = successes(await at_once([partial(courses.create, rival, request, NOW) for rival in rivals]))
    assert len(results) == 10
    assert len({course.id for course in results}) == 1


async def test_a_repeated_request_gives_the_course_as_it_is_now_or_as_it_was_when_it_is_gone(
    store: RecordStore,
) -> None:
    courses = Courses(store)
    request = idempotency.request("owner", "createCourse", "token", {})
    course = await courses.create(a_course(), request, NOW)
    changed = await courses.update(course.id, retitled)
    assert await courses.created_before(request) == changed
    await courses.delete(course.id)
    assert await courses.created_before(request) == course


async def test_of_twenty_updates_at_once_of_one_version_one_succeeds(store: RecordStore) -> None:
    courses, course = Courses(store), await created_course(store)
    updates = [
        partial(courses.update, course.id, partial(retitled, title=str(n)), expected_version=1) for n in range(20)
    ]
    results = await at_once(updates)
    assert len(successes(results)) == 1
    assert codes(results) == [Code.CONFLICT] * 19
    assert await courses.get(course.id) == successes(results)[0]
    assert successes(results)[0].version == 2


async def test_every_successful_update_counts_one_version(store: RecordStore) -> None:
    courses, course = Courses(store), await created_course(store)
    results = await at_once([partial(courses.update, course.id, partial(retitled, title=str(n))) for n in range(6)])
    succeeded = successes(results)
    assert sorted(result.version for result in succeeded) == list(range(2, 2 + len(succeeded)))
    assert set(codes(results)) <= {Code.THROTTLED}
    stored = await courses.get(course.id)
    assert stored is not None
    assert stored.version == 1 + len(succeeded)


async def test_a_slug_that_was_given_up_may_be_taken(store: RecordStore) -> None:
    courses, course = Courses(store), await created_course(store, slug="sailing")
    await courses.update(course.id, lambda current: changed_course(current, {"slug": "yachting"}, NOW))
    assert await courses.by_slug("sailing") is None
    other = await created_course(store, slug="sailing")
    with pytest.raises(DomainError) as refused:
        await courses.update(course.id, lambda current: changed_course(current, {"slug": "sailing"}, NOW))
    assert refused.value.code is Code.SLUG_TAKEN
    assert await courses.by_slug("sailing") == other
    found = await courses.by_slug("yachting")
    assert found is not None
    assert found.id == course.id


async def test_clearing_a_field_leaves_the_others(store: RecordStore) -> None:
    courses, course = Courses(store), await created_course(store, summary="Boats.", access_days=30, tags=["wind"])
    await courses.update(course.id, lambda current: changed_course(current, {"summary": None, "tags": None}, LATER))
    expected = msgspec.structs.replace(course, summary=None, tags=(), updated_at=LATER, version=2)
    assert await courses.get(course.id) == expected


async def test_a_course_is_published_with_a_published_lesson_only(store: RecordStore) -> None:
    courses, course = Courses(store), await created_course(store)
    lesson = await created_lesson(store, await created_module(store, course))
    publish = partial(course_in_state, state="PUBLISHED", now=LATER)
    with pytest.raises(DomainError) as refused:
        await courses.update(course.id, publish)
    assert refused.value.code is Code.INVALID_STATE
    assert refused.value.info["reason"] == "NO_PUBLISHED_LESSON"
    await Lessons(store).update(lesson.id, lambda draft: changed_lesson(draft, {"state": "PUBLISHED"}))
    published = await courses.update(course.id, publish)
    assert (published.state, published.published_at, published.lesson_count) == ("PUBLISHED", LATER, 1)


async def test_the_first_time_of_publishing_stays(store: RecordStore) -> None:
    courses, course = Courses(store), await published_course(store)
    for state in ("ARCHIVED", "DRAFT", "PUBLISHED"):
        course = await courses.update(course.id, partial(course_in_state, state=state, now=LATER))
    assert course.published_at == NOW


async def take_seat(store: RecordStore, course_id: str) -> None:
    await store.transact([seats.taken(course_id)])


async def test_a_course_whose_seats_are_held_does_not_go_back_to_draft(store: RecordStore) -> None:
    courses, course = Courses(store), await published_course(store)
    await take_seat(store, course.id)
    with pytest.raises(DomainError) as refused:
        await courses.update(course.id, partial(course_in_state, state="DRAFT", now=NOW))
    assert refused.value.code is Code.COURSE_HAS_LEARNERS
    archived = await courses.update(course.id, partial(course_in_state, state="ARCHIVED", now=NOW))
    assert archived.state == "ARCHIVED"
    await store.transact([seats.freed(course.id)])
    assert (await courses.update(course.id, partial(course_in_state, state="DRAFT", now=NOW))).state == "DRAFT"


async def test_a_capacity_below_the_seats_held_is_refused(store: RecordStore) -> None:
    courses, course = Courses(store), await published_course(store)
    await take_seat(store, course.id)
    await take_seat(store, course.id)

    def with_capacity(capacity: int | None) -> Any:
        return lambda current: changed_course(current, {"capacity": capacity}, NOW)

    with pytest.raises(DomainError) as refused:
        await courses.update(course.id, with_capacity(1))
    assert refused.value.code is Code.CAPACITY_BELOW_ENROLLED
    assert (await courses.update(course.id, with_capacity(2))).capacity == 2
    room = await seats.read(store, course.id)
    assert room is not None
    assert room.capacity == 2
    assert (await courses.update(course.id, with_capacity(None))).capacity is None
    room = await seats.read(store, course.id)
    assert room is not None
    assert room.capacity is None


async def test_a_deleted_course_leaves_nothing(store: RecordStore) -> None:
    courses, course = Courses(store), await created_course(store, slug="sailing")
    module = await created_module(store, course)
    for _ in range(26):
        await created_lesson(store, module, body="Text.")
    await Mentors(store).add(course.id, "helper", NOW)
    await courses.delete(course.id)
    assert await courses.get(course.id) is None
    page = await store.changes(COURSES, None, limit=1000)
    for event in [*page.events, *page.events]:
        await courses.sweep(event)
    assert await left_of(store, course.id) == []
    assert (await created_course(store, slug="sailing")).slug == "sailing"


async def test_a_course_that_once_had_a_learner_is_not_deleted(store: RecordStore) -> None:
    courses, course = Courses(store), await published_course(store)
    await take_seat(store, course.id)
    await store.transact([seats.freed(course.id)])
    before = await left_of(store, course.id)
    with pytest.raises(DomainError) as refused:
        await courses.delete(course.id)
    assert refused.value.code is Code.COURSE_HAS_LEARNERS
    assert await left_of(store, course.id) == before


async def test_a_course_is_deleted_once_and_at_its_version(store: RecordStore) -> None:
    courses, course = Courses(store), await created_course(store)
    with pytest.raises(DomainError) as refused:
        await courses.delete(course.id, expected_version=2)
    assert refused.value.code is Code.CONFLICT
    assert refused.value.info["currentVersion"] == 1
    results: list[Course | DomainError] = await at_once([partial(courses.delete, course.id) for _ in range(5)])
    assert successes(results) == [course]
    assert codes(results) == [Code.NOT_FOUND] * 4
