"""Who teaches what, from both sides."""

from functools import partial

import pytest

from datasources.mentors import Mentors
from datasources.ports import RecordStore
from domain.courses import MAX_MENTORS
from domain.errors import Code, DomainError
from tests.datasources.course_records import LATER, NOW, created_course
from tests.races import at_once, successes


async def test_the_owner_teaches_from_the_start_and_comes_first(store: RecordStore) -> None:
    mentors, course = Mentors(store), await created_course(store)
    await mentors.add(course.id, "helper", LATER)
    assert await mentors.of_courses([course.id, "nobody"]) == [["owner", "helper"], []]
    assert await mentors.taught_among("helper", [course.id, "nobody"]) == {course.id}
    assert await mentors.taught_among("stranger", [course.id]) == frozenset()


async def test_adding_and_removing_are_fine_when_repeated_at_once(store: RecordStore) -> None:
    mentors, course = Mentors(store), await created_course(store)
    added = await at_once([partial(mentors.add, course.id, "helper", LATER) for _ in range(5)])
    assert len(successes(added)) == 5
    assert await mentors.of_courses([course.id]) == [["owner", "helper"]]
    removed = await at_once([partial(mentors.remove, course.id, "helper") for _ in range(5)])
    assert len(successes(removed)) == 5
    assert await mentors.of_courses([course.id]) == [["owner"]]


async def test_a_course_has_at_most_fifty_mentors(store: RecordStore) -> None:
    mentors, course = Mentors(store), await created_course(store)
    for number in range(1, MAX_MENTORS):
        await mentors.add(course.id, f"mentor-{number}", NOW)
    with pytest.raises(DomainError) as refused:
        await mentors.add(course.id, "one-too-many", NOW)
    assert refused.value.code is Code.LIMIT_EXCEEDED
    assert refused.value.info["limit"] == MAX_MENTORS
    await mentors.remove(course.id, "mentor-1")
    await mentors.add(course.id, "one-too-many", NOW)


async def test_the_course_that_somebody_began_to_teach_last_comes_first(store: RecordStore) -> None:
    mentors = Mentors(store)
    older, newer = await created_course(store), await created_course(store)
    await mentors.add(newer.id, "helper", LATER)
    await mentors.add(older.id, "helper", NOW)
    first, position = await mentors.taught_by("helper", after=None, limit=1)
    rest, _ = await mentors.taught_by("helper", after=position, limit=10)
    assert [*first, *rest] == [newer.id, older.id]


async def test_nobody_teaches_a_course_that_does_not_exist(store: RecordStore) -> None:
    for change in (partial(Mentors(store).add, "nobody", "helper", NOW), partial(Mentors(store).remove, "nobody", "h")):
        with pytest.raises(DomainError) as refused:
            await change()
        assert refused.value.code is Code.NOT_FOUND
