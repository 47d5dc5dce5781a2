"""The outline of a course, page by page and at a bounded cost."""

from typing import Any

import pytest

from datasources.ports import RecordStore
from tests.resolvers.authoring import (
    DELETE_LESSON,
    DELETE_MODULE,
    MOVE_LESSON,
    MOVE_MODULE,
    new_course,
    new_lesson,
    new_module,
    published_course,
)
from tests.school import Client, School

MODULES = """query ($id: ID!, $limit: Int, $nextToken: String) { getCourse(id: $id) {
  modules(limit: $limit, nextToken: $nextToken) { items { id title } nextToken } } }"""
LESSONS = """query ($id: ID!, $limit: Int, $nextToken: String) { getCourse(id: $id) {
  modules(limit: 1) { items { lessons(limit: $limit, nextToken: $nextToken) { items { id title } nextToken } } } } }"""
WHOLE = """query ($id: ID!) { getCourse(id: $id) {
  modules(limit: 20) { items { title lessons(limit: 40) { items { title body activityId } } } } } }"""


async def modules_page(client: Client, course_id: str, limit: int, token: str | None) -> dict[str, Any]:
    page: dict[str, Any] = await client.data(MODULES, id=course_id, limit=limit, nextToken=token)
    modules: dict[str, Any] = page["getCourse"]["modules"]
    return modules


async def order(client: Client, course_id: str) -> list[str]:
    return [module["title"] for module in (await modules_page(client, course_id, 100, None))["items"]]


@pytest.mark.parametrize("limit", [1, 7, 100])
async def test_modules_are_listed_whole_while_others_come_and_go(school: School, limit: int) -> None:
    ada = school.as_("ada", "Mentors")
    course_id = (await new_course(ada))["id"]
    ids = [await new_module(ada, course_id, f"Module {number}") for number in range(10)]
    found: list[str] = []
    token = None
    for round_number in range(30):
        page = await modules_page(ada, course_id, limit, token)
        found += [item["id"] for item in page["items"]]
        token = page["nextToken"]
        if token is None:
            break
        if round_number == 0:
            await ada.data(DELETE_MODULE, id=ids[0])
            await ada.data(DELETE_MODULE, id=ids[9])
            added = await new_module(ada, course_id, "Late")
            await ada.data(MOVE_MODULE, id=added, afterId=ids[4])
    assert [module_id for module_id in found if module_id in ids[1:9]] == ids[1:9]
    assert len(found) == len(set(found))


async def test_lessons_of_a_module_come_by_pages(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    course_id = (await new_course(ada))["id"]
    module_id = await new_module(ada, course_id)
    ids = [await new_lesson(ada, module_id, published=False) for _ in range(5)]
    found: list[str] = []
    token = None
    while True:
        course = (await ada.data(LESSONS, id=course_id, limit=2, nextToken=token))["getCourse"]
        page = course["modules"]["items"][0]["lessons"]
        found += [lesson["id"] for lesson in page["items"]]
        token = page["nextToken"]
        if token is None:
            break
    assert found == ids


async def test_moves_and_deletes_change_the_order_that_everybody_reads(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    course_id = (await new_course(ada))["id"]
    a, b, c = [await new_module(ada, course_id, title) for title in "abc"]
    await ada.data(MOVE_MODULE, id=c, afterId=None)
    assert await order(ada, course_id) == ["c", "a", "b"]
    await ada.data(MOVE_MODULE, id=c, afterId=a)
    assert await order(ada, course_id) == ["a", "c", "b"]
    lesson_id = await new_lesson(ada, a)
    moved = await ada.data(MOVE_LESSON, id=lesson_id, moduleId=b)
    assert moved["moveLesson"] == {"id": lesson_id, "moduleId": b}
    refused = await ada.refusal(DELETE_MODULE, id=b)
    assert refused["errorType"] == "MODULE_NOT_EMPTY"
    await ada.data(DELETE_MODULE, id=a)
    await ada.data(DELETE_LESSON, id=lesson_id)
    await ada.data(DELETE_MODULE, id=b)
    assert await order(ada, course_id) == ["c"]


async def test_a_token_goes_on_in_its_own_list_only(school: School) -> None:
    ada, root = school.as_("ada", "Mentors"), school.as_("root", "Admins")
    course_id, other_id = (await new_course(ada))["id"], (await new_course(ada, "rowing"))["id"]
    for title in "abc":
        await new_module(ada, course_id, title)
        await new_module(ada, other_id, title)
    token = (await modules_page(ada, course_id, 1, None))["nextToken"]
    strange = [
        (root, {"id": course_id, "nextToken": token}),
        (ada, {"id": other_id, "nextToken": token}),
        (ada, {"id": course_id, "nextToken": token[:-4] + "AAAA"}),
        (ada, {"id": course_id, "nextToken": ""}),
    ]
    for client, variables in strange:
        assert (await client.refusal(MODULES, **variables))["errorType"] == "INVALID_NEXT_TOKEN"
    assert (await ada.refusal(LESSONS, id=course_id, nextToken=token))["errorType"] == "INVALID_NEXT_TOKEN"
    assert (await ada.refusal(MODULES, id=course_id, limit=101))["errorType"] == "BAD_REQUEST"
    school.clock.advance(days=1)
    assert (await ada.refusal(MODULES, id=course_id, nextToken=token))["errorType"] == "INVALID_NEXT_TOKEN"


class Counted:
    """A store that counts how often it is asked."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        self.calls += 1
        return getattr(self._store, name)


async def test_the_cost_of_an_outline_does_not_grow_with_it(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    small, large = await published_course(ada), await published_course(ada, "large")
    for _ in range(4):
        module_id = await new_module(ada, large)
        for _ in range(3):
            await new_lesson(ada, module_id, body="Text.")
    counted = Counted(school.store)
    watched = School(counted, school.search, school.schema, school.clock)
    reader = watched.as_("ada", "Mentors")
    await reader.data(WHOLE, id=small)
    before = counted.calls
    await reader.data(WHOLE, id=small)
    cost_of_small = counted.calls - before
    await reader.data(WHOLE, id=large)
    cost_of_large = counted.calls - before - cost_of_small
    assert cost_of_large <= cost_of_small + 1  # the bodies, which the small one does not have
