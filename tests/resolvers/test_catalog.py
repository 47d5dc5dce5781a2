"""Finding courses: the catalog, its filters and its search, and a mentor's own list."""

from typing import Any

import pytest

from tests.resolvers.authoring import ADD_MENTOR, SET_STATE, UPDATE_COURSE, new_course, published_course
from tests.school import Client, School

LIST = """query ($filter: CourseFilterInput, $limit: Int, $nextToken: String) {
  found: listCourses(filter: $filter, limit: $limit, nextToken: $nextToken) { items { slug } nextToken } }"""
SEARCH = """query ($words: String!, $filter: CourseFilterInput, $limit: Int, $nextToken: String) {
  found: searchCourses(query: $words, filter: $filter, limit: $limit, nextToken: $nextToken) {
    items { slug } nextToken } }"""
TEACHING = """query ($state: PublishState, $limit: Int, $nextToken: String) {
  found: listMyTeachingCourses(state: $state, limit: $limit, nextToken: $nextToken) { items { slug } nextToken } }"""


async def walk(client: Client, query: str, limit: int = 100, **variables: Any) -> list[str]:
    """Slugs, page after page."""
    found: list[str] = []
    token = None
    while True:
        page = (await client.data(query, limit=limit, nextToken=token, **variables))["found"]
        assert len(page["items"]) <= limit
        found += [course["slug"] for course in page["items"]]
        token = page["nextToken"]
        if token is None:
            return found


async def published(school: School, mentor: Client, *slugs: str, **fields: Any) -> None:
    """One after the other, each later than the one before."""
    for slug in slugs:
        school.clock.advance(seconds=1)
        await published_course(mentor, slug, **fields)


async def test_everybody_lists_what_is_published_newest_first(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    slugs = [f"course-{number}" for number in range(6)]
    await published(school, ada, *slugs)
    await new_course(ada, "draft")
    for client, limit in ((school.visitor, 100), (school.as_("bob"), 2), (ada, 1)):
        assert await walk(client, LIST, limit) == slugs[::-1]


async def test_conditions_of_a_filter_hold_together(school: School) -> None:
    ada, eve = school.as_("ada", "Mentors"), school.as_("eve", "Mentors")
    await published(school, ada, "wind", tags=["Wind"], category="Sports")
    await published(school, eve, "wind-too", tags=["wind", "sea"], category="Arts", level="ADVANCED")
    assert await walk(school.visitor, LIST, filter={"tag": "WIND"}) == ["wind-too", "wind"]
    assert await walk(school.visitor, LIST, filter={"tag": "wind", "category": "sports"}) == ["wind"]
    assert await walk(school.visitor, LIST, filter={"ownerId": eve.id, "level": "ADVANCED"}) == ["wind-too"]
    assert await walk(school.visitor, LIST, filter={"tag": None, "level": "INTERMEDIATE"}) == []


async def test_a_token_of_the_catalog_is_bound_to_its_caller_and_filter(school: School) -> None:
    ada, bob = school.as_("ada", "Mentors"), school.as_("bob")
    await published(school, ada, "one", "two", "three")
    token = (await ada.data(LIST, limit=1))["found"]["nextToken"]
    for client, variables in (
        (bob, {"nextToken": token}),
        (ada, {"nextToken": token, "filter": {"tag": "wind"}}),
        (ada, {"nextToken": "x" * 5_000}),
    ):
        assert (await client.refusal(LIST, **variables))["errorType"] == "INVALID_NEXT_TOKEN"
    assert (await ada.refusal(SEARCH, words="sailing", nextToken=token))["errorType"] == "INVALID_NEXT_TOKEN"
    for limit in (0, -1, 101):
        assert (await ada.refusal(LIST, limit=limit))["errorType"] == "BAD_REQUEST"


async def test_search_finds_what_is_published_only(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    await published(school, ada, "knots", title="Knots", summary="For sailing")
    await published(school, ada, "sailing", title="Sailing")
    hidden = await published_course(ada, "hidden", title="Sailing at night")
    await new_course(ada, "draft", title="Sailing drafts")
    await school.drain()
    await ada.data(SET_STATE, id=hidden, state="ARCHIVED")
    for limit in (1, 100):
        assert await walk(school.visitor, SEARCH, limit, words="sailing") == ["sailing", "knots"]
    await school.drain()
    assert await walk(school.visitor, SEARCH, words="SAIL") == ["sailing", "knots"]
    assert await walk(school.visitor, SEARCH, words="sailing", filter={"category": "arts"}) == []
    for query in ("a", " a ", "x" * 201):
        assert (await school.visitor.refusal(SEARCH, words=query))["errorType"] == "BAD_REQUEST"
    for query in ('"sailing', "sail* OR 1=1", "title:sailing", "NEAR(a b)", "--", "((", "\\"):
        await school.visitor.data(SEARCH, words=query.ljust(2, "!"))


async def test_search_follows_a_course_that_is_renamed_and_deleted(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    course_id = await published_course(ada, "sailing", title="Sailing")
    await school.drain()
    await ada.data(UPDATE_COURSE, input={"id": course_id, "title": "Rowing"})
    await school.drain()
    assert await walk(ada, SEARCH, words="sailing") == []
    assert await walk(ada, SEARCH, words="rowing") == ["sailing"]
    await ada.data("mutation ($id: ID!) { deleteCourse(id: $id) { id } }", id=course_id)
    assert await walk(ada, SEARCH, words="rowing") == []


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_mentors_list_what_they_teach_in_any_state(school: School, limit: int) -> None:
    ada, eve = school.as_("ada", "Mentors"), school.as_("eve", "Mentors")
    await eve.data("{ getMe { id } }")
    await published(school, ada, "one")
    course = await new_course(ada, "two")
    await published(school, eve, "three")
    school.clock.advance(seconds=1)
    await ada.data(ADD_MENTOR, courseId=course["id"], userId=eve.id)
    assert await walk(eve, TEACHING, limit) == ["two", "three"]
    assert await walk(eve, TEACHING, limit, state="PUBLISHED") == ["three"]
    assert await walk(eve, TEACHING, limit, state="ARCHIVED") == []
    assert (await school.as_("bob").refusal(TEACHING))["errorType"] == "Unauthorized"
