"""The order of modules and lessons is a list's, whoever moves what at the same time."""

import random
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from datasources.lessons import Lessons
from datasources.local.sqlite import SQLiteStore
from datasources.modules import Modules
from datasources.ports import RecordStore
from domain import rank
from domain.courses import Course
from domain.errors import Code, DomainError
from domain.lessons import Lesson, Module
from tests.datasources.course_records import created_course, created_lesson, created_module
from tests.races import at_once, codes, successes


async def titles(store: RecordStore, course: Course) -> list[str]:
    modules = await Modules(store).of_course(course.id)
    ranks = [module.rank for module in modules]
    assert ranks == sorted(set(ranks))
    return [module.title for module in modules]


async def lessons_by_module(store: RecordStore, course: Course) -> dict[str, list[str]]:
    """Lesson ids in order; ranks in one module are distinct."""
    found: dict[str, list[Lesson]] = {}
    for lesson in await Lessons(store).of_course(course.id):
        found.setdefault(lesson.module_id, []).append(lesson)
    for lessons in found.values():
        ranks = [lesson.rank for lesson in lessons]
        assert ranks == sorted(set(ranks))
    return {module_id: [lesson.id for lesson in lessons] for module_id, lessons in found.items()}


async def test_modules_come_in_the_order_of_their_creation_until_they_are_moved(store: RecordStore) -> None:
    course = await created_course(store)
    a, b, c = [await created_module(store, course, title) for title in "abc"]
    assert await titles(store, course) == ["a", "b", "c"]
    moved = await Modules(store).move(c.id, None)
    assert moved.version == 2
    assert await titles(store, course) == ["c", "a", "b"]
    await Modules(store).move(a.id, b.id)
    assert await titles(store, course) == ["c", "b", "a"]


async def test_random_moves_end_in_the_order_of_a_reference_list(store: RecordStore) -> None:
    moves = 1_000 if isinstance(store, SQLiteStore) else 40  # the emulator takes a hundred times longer
    dice = random.Random(20_260_901)
    course = await created_course(store)
    modules = [await created_module(store, course, title) for title in "abc"]
    reference: dict[str, list[str]] = {module.id: [] for module in modules}
    for number in range(12):
        lesson = await created_lesson(store, modules[number % 3])
        reference[lesson.module_id].append(lesson.id)
    places = [lesson_id for lessons in reference.values() for lesson_id in lessons]
    for _ in range(moves):
        lesson_id, module = dice.choice(places), dice.choice(modules)
        for lessons in reference.values():
            if lesson_id in lessons:
                lessons.remove(lesson_id)
        target = reference[module.id]
        place = dice.randint(0, len(target))
        await Lessons(store).move(lesson_id, module.id, target[place - 1] if place else None)
        target.insert(place, lesson_id)
    assert await lessons_by_module(store, course) == {key: value for key, value in reference.items() if value}
    stored = {module.id: module.lesson_count for module in await Modules(store).of_course(course.id)}
    assert stored == {module_id: len(lessons) for module_id, lessons in reference.items()}


async def test_racing_creates_and_moves_keep_ranks_distinct(store: RecordStore) -> None:
    course = await created_course(store)
    modules = [await created_module(store, course, title) for title in "abcd"]
    move = Modules(store).move
    results = await at_once(
        [
            *(partial(created_module, store, course, str(number)) for number in range(4)),
            *(partial(move, module.id, None) for module in modules),
            *(partial(move, modules[0].id, module.id) for module in modules[1:]),
        ]
    )
    assert set(codes(results)) <= {Code.THROTTLED}
    created = {result.title for result in successes(results) if result.title.isdigit()}
    assert sorted(await titles(store, course)) == sorted({*"abcd", *created})


async def test_racing_moves_of_lessons_lose_none_and_count_each(store: RecordStore) -> None:
    course = await created_course(store)
    here, there = await created_module(store, course), await created_module(store, course)
    lessons = [await created_lesson(store, here) for _ in range(5)]
    move = Lessons(store).move
    results = await at_once(
        [partial(move, lesson.id, module.id, None) for lesson in lessons for module in (there, here)]
    )
    assert set(codes(results)) <= {Code.THROTTLED}
    places = await lessons_by_module(store, course)
    assert sorted(lesson_id for ids in places.values() for lesson_id in ids) == sorted(lesson.id for lesson in lessons)
    stored = {module.id: module.lesson_count for module in await Modules(store).of_course(course.id)}
    assert stored == {module.id: len(places.get(module.id, [])) for module in (here, there)}


async def test_a_place_that_grew_crowded_is_ranked_anew_in_the_same_order(
    store: RecordStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasources.outline.LONGEST", 8)
    monkeypatch.setattr("datasources.outline._RANKED_AT_ONCE", 3)
    course = await created_course(store)
    modules = [await created_module(store, course, title) for title in "abcdefgh"]
    reference = list(modules)
    for number in range(25):
        moved = reference.pop(2 + number % 2)
        reference.insert(1, moved)
        await Modules(store).move(moved.id, reference[0].id)
        assert await titles(store, course) == [module.title for module in reference]
    assert max(len(module.rank) for module in await Modules(store).of_course(course.id)) <= 8
    assert rank.LONGEST == 64


async def test_a_lesson_goes_behind_lessons_of_its_new_module_only(store: RecordStore) -> None:
    course, other = await created_course(store), await created_course(store)
    here, there = await created_module(store, course), await created_module(store, course)
    elsewhere = await created_module(store, other)
    lesson, neighbour = await created_lesson(store, here), await created_lesson(store, here)

    async def refused(module: Module | str, after_id: str | None) -> Code:
        module_id = module if isinstance(module, str) else module.id
        with pytest.raises(DomainError) as refusal:
            await Lessons(store).move(lesson.id, module_id, after_id)
        return refusal.value.code

    assert await refused(there, neighbour.id) is Code.NOT_FOUND
    assert await refused(elsewhere, None) is Code.NOT_FOUND
    assert await refused(f"{course.id}.nothing", None) is Code.NOT_FOUND
    assert await refused(here, lesson.id) is Code.BAD_REQUEST
    assert await lessons_by_module(store, course) == {here.id: [lesson.id, neighbour.id]}


async def test_a_module_with_lessons_stays(store: RecordStore) -> None:
    course = await created_course(store)
    module = await created_module(store, course)
    lesson = await created_lesson(store, module)
    with pytest.raises(DomainError) as refused:
        await Modules(store).delete(module.id)
    assert refused.value.code is Code.MODULE_NOT_EMPTY
    await Lessons(store).delete(lesson.id)
    assert (await Modules(store).delete(module.id)).id == module.id
    assert await Modules(store).of_course(course.id) == []


async def test_a_module_never_goes_while_a_lesson_comes(store: RecordStore) -> None:
    for _ in range(5):
        course = await created_course(store)
        module = await created_module(store, course)
        calls: list[Callable[[], Awaitable[Lesson | Module]]] = [
            partial(created_lesson, store, module),
            partial(Modules(store).delete, module.id),
        ]
        await at_once(calls)
        left = await Modules(store).of_course(course.id)
        lessons = await Lessons(store).of_course(course.id)
        assert [found.lesson_count for found in left] == ([len(lessons)] if lessons else [])


async def test_moves_hold_the_version_that_they_were_told(store: RecordStore) -> None:
    course = await created_course(store)
    module = await created_module(store, course)
    results = await at_once([partial(Modules(store).move, module.id, None, expected_version=1) for _ in range(6)])
    assert len(successes(results)) == 1
    assert set(codes(results)) <= {Code.CONFLICT}


async def test_a_course_has_at_most_two_hundred_modules(store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasources.modules.MAX_MODULES", 3)
    course = await created_course(store)
    results = await at_once([partial(created_module, store, course) for _ in range(5)])
    assert len(await Modules(store).of_course(course.id)) == 3
    assert len(successes(results)) == 3
    assert set(codes(results)) <= {Code.LIMIT_EXCEEDED, Code.THROTTLED}
