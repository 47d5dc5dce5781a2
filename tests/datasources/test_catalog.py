"""The catalog holds what is published, newest first, page by page, whatever comes and goes meanwhile."""

from functools import partial
from typing import Any

from datasources.catalog import Catalog
from datasources.courses import Courses
from datasources.ports import RecordStore, SearchIndex
from datasources.tables import COURSES
from domain.courses import Course, CourseFilter, changed_course, course_filter, course_in_state
from domain.times import later
from tests.datasources.course_records import NOW, created_course, published_course

EVERYTHING = CourseFilter()


async def published(store: RecordStore, number: int, **given: Any) -> Course:
    return await published_course(store, now=later(NOW, seconds=number), **given)


async def walk(catalog: Catalog, narrowed: CourseFilter, size: int) -> list[Course]:
    found: list[Course] = []
    position = None
    for _ in range(500):
        page, position = await catalog.newest(narrowed, position, size)
        assert len(page) <= size
        found += page
        if position is None:
            return found
    raise AssertionError("the list does not end")


async def test_the_catalog_is_complete_and_newest_first(store: RecordStore, search: SearchIndex) -> None:
    courses = [await published(store, number) for number in range(12)]
    await created_course(store)
    for size in (1, 5, 100):
        found = await walk(Catalog(store, search), EVERYTHING, size)
        assert [course.id for course in found] == [course.id for course in reversed(courses)]


async def test_who_was_there_throughout_appears_once_while_others_come_and_go(
    store: RecordStore, search: SearchIndex
) -> None:
    courses = [await published(store, number) for number in range(9)]
    catalog, position, found = Catalog(store, search), None, list[Course]()
    for number in range(100):
        page, position = await catalog.newest(EVERYTHING, position, 1)
        found += page
        if position is None:
            break
        if number < 5:
            await published(store, 1_000 + number)
        if number in (2, 4):
            gone = partial(course_in_state, state="ARCHIVED", now=NOW)
            await Courses(store).update(courses[number].id, gone)
    ids = [course.id for course in found]
    stayed = [course.id for number, course in enumerate(courses) if number not in (2, 4)]
    assert [course_id for course_id in ids if course_id in stayed] == stayed[::-1]
    assert len(ids) == len(set(ids))


async def test_filters_admit_the_same_courses_in_the_store_and_in_memory(
    store: RecordStore, search: SearchIndex
) -> None:
    courses = [
        await published(
            store,
            number,
            category=("Sports", "Arts")[number % 2],
            tags=(["Wind", "water"], [], ["WATER"])[number % 3],
            level=("BEGINNER", "ADVANCED")[number // 2 % 2],
            language=("en", "de-CH")[number // 3 % 2],
        )
        for number in range(12)
    ]
    for given in (
        {"category": "sports"},
        {"category": "SPORT"},
        {"tag": "Water"},
        {"tag": "wat"},
        {"language": "DE-ch"},
        {"level": "ADVANCED", "tag": "wind"},
        {"access_model": "PAID"},
        {"owner_id": "owner", "category": "arts"},
    ):
        narrowed = course_filter(given)
        expected = [course.id for course in reversed(courses) if narrowed.admits(course)]
        assert [course.id for course in await walk(Catalog(store, search), narrowed, 5)] == expected


async def test_a_course_that_is_taken_back_leaves_the_catalog(store: RecordStore, search: SearchIndex) -> None:
    course = await published(store, 1)
    await Courses(store).update(course.id, partial(course_in_state, state="ARCHIVED", now=NOW))
    assert await walk(Catalog(store, search), EVERYTHING, 10) == []


async def indexed(store: RecordStore, catalog: Catalog) -> None:
    """Brings the search index up to date, each event twice."""
    page = await store.changes(COURSES, None, limit=1_000)
    for event in page.events:
        await catalog.follow(event)
        await catalog.follow(event)


async def searched(catalog: Catalog, text: str, size: int = 10) -> list[str]:
    found: list[str] = []
    position = None
    while True:
        page, position = await catalog.search(text, EVERYTHING, position, size)
        found += [course.title for course in page]
        if position is None:
            return found


async def test_search_finds_published_courses_by_all_words_best_first(store: RecordStore, search: SearchIndex) -> None:
    catalog = Catalog(store, search)
    await published(store, 1, title="Knots and splices", summary="For sailing.")
    sailing = await published(store, 2, title="Sailing", tags=["wind"])
    await created_course(store, title="Sailing in secret")
    await indexed(store, catalog)
    assert await searched(catalog, "sailing") == ["Sailing", "Knots and splices"]
    assert await searched(catalog, "sailing", size=1) == ["Sailing", "Knots and splices"]
    assert await searched(catalog, "sail WIND") == ["Sailing"]
    assert await searched(catalog, "sailing nowhere") == []
    assert await searched(catalog, '" OR * NEAR( -') == []
    await Courses(store).update(sailing.id, partial(course_in_state, state="ARCHIVED", now=NOW))
    assert await searched(catalog, "sailing") == ["Knots and splices"]  # before the index knows
    await indexed(store, catalog)
    assert await searched(catalog, "sailing") == ["Knots and splices"]


async def test_search_knows_a_course_by_its_new_words_only(store: RecordStore, search: SearchIndex) -> None:
    catalog, course = Catalog(store, search), await published(store, 1, title="Sailing")
    await indexed(store, catalog)
    await Courses(store).update(course.id, lambda current: changed_course(current, {"title": "Rowing"}, NOW))
    await indexed(store, catalog)
    assert await searched(catalog, "rowing") == ["Rowing"]
    assert await searched(catalog, "sailing") == []
