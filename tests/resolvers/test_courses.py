"""Courses as their staff, strangers and visitors meet them."""

from functools import partial
from typing import Any

import pytest

from tests.races import at_once, successes
from tests.resolvers.authoring import (
    ADD_MENTOR,
    CREATE_COURSE,
    DELETE_COURSE,
    ENROLL,
    GET_COURSE,
    REMOVE_MENTOR,
    SET_STATE,
    UPDATE_COURSE,
    course_input,
    new_course,
    published_course,
)
from tests.school import Client, School


async def seen(client: Client, course_id: str) -> Any:
    return (await client.data(GET_COURSE, id=course_id))["getCourse"]


async def present(client: Client) -> None:
    """The account is made at the first call."""
    await client.data("{ getMe { id } }")


async def test_a_mentor_creates_a_draft_of_their_own(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    price = {"amountMinor": 1999, "currency": "EUR"}
    given = course_input(accessModel="PAID", price=price, tags=["wind"], startsAt="2036-10-01T10:00:00+02:00")
    created = (await ada.data(CREATE_COURSE, input=given))["createCourse"]
    assert created | {"id": ""} == {
        **given,
        "id": "",
        "summary": None,
        "description": None,
        "capacity": None,
        "endsAt": None,
        "accessDays": None,
        "completionPercent": 100.0,
        "startsAt": "2036-10-01T08:00:00.000Z",
        "state": "DRAFT",
        "ownerId": ada.id,
        "lessonCount": 0,
        "durationSeconds": 0,
        "publishedAt": None,
        "createdAt": school.clock.now(),
        "updatedAt": school.clock.now(),
        "version": 1,
    }
    assert await seen(ada, created["id"]) == created


async def test_students_create_nothing(school: School) -> None:
    refused = await school.as_("bob").refusal(CREATE_COURSE, input=course_input())
    assert refused["errorType"] == "Unauthorized"


async def test_a_course_that_is_refused_is_not_there(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    refused = await ada.refusal(CREATE_COURSE, input=course_input(capacity=0))
    assert refused["errorType"] == "BAD_REQUEST"
    assert (refused["errorInfo"]["field"], refused["errorInfo"]["rule"]) == ("input.capacity", "RANGE")
    assert (await new_course(ada))["slug"] == "sailing"


async def test_the_owner_is_who_asks_and_nobody_else(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    forged = {**course_input(), "ownerId": school.id("bob"), "version": 7}
    payload = await ada.run(CREATE_COURSE, input=forged)
    assert payload["errors"]
    assert not payload.get("data")


async def test_one_client_token_creates_one_course(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    create = partial(ada.data, CREATE_COURSE, input=course_input(clientToken="t1"))
    results = successes(await at_once([create] * 5))
    assert len(results) == 5
    assert all(result == results[0] for result in results)
    other = await ada.refusal(CREATE_COURSE, input=course_input(title="Rowing", clientToken="t1"))
    assert other["errorType"] == "IDEMPOTENCY_MISMATCH"
    eve = await school.as_("eve", "Mentors").data(CREATE_COURSE, input=course_input("rowing", clientToken="t1"))
    assert eve["createCourse"]["id"] != results[0]["createCourse"]["id"]


@pytest.mark.parametrize("token", ["", "x" * 129, "t\0", "t\u202e"])
async def test_a_client_token_is_an_identifier(school: School, token: str) -> None:
    ada = school.as_("ada", "Mentors")
    error = await ada.refusal(CREATE_COURSE, input=course_input(clientToken=token))
    assert (error["errorType"], error["errorInfo"]["field"]) == ("BAD_REQUEST", "input.clientToken")
    assert (await ada.data("{ listMyTeachingCourses { items { id } } }"))["listMyTeachingCourses"]["items"] == []


async def test_a_slug_belongs_to_one_course(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    await new_course(ada)
    assert (await ada.refusal(CREATE_COURSE, input=course_input()))["errorType"] == "SLUG_TAKEN"


async def test_texts_are_kept_as_they_are_written(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    strange = "#name :value size(x) begins_with(a) '; DROP TABLE courses; -- {{7*7}} %s"
    course = await new_course(ada, title=strange, category=strange, tags=["#t", ":v", "attribute_exists(id)"])
    assert (await seen(ada, course["id"]))["title"] == strange
    assert course["tags"] == ["#t", ":v", "attribute_exists(id)"]


async def test_an_update_changes_what_it_names(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    course = await new_course(ada, summary="Boats.", capacity=5)
    school.clock.advance(seconds=1)
    change = {"id": course["id"], "title": "Rowing", "summary": None, "expectedVersion": 1}
    updated = (await ada.data(UPDATE_COURSE, input=change))["updateCourse"]
    assert updated == {
        **course,
        "title": "Rowing",
        "summary": None,
        "version": 2,
        "updatedAt": school.clock.now(),
    }
    stale = await ada.refusal(UPDATE_COURSE, input=change)
    assert (stale["errorType"], stale["errorInfo"]["currentVersion"]) == ("CONFLICT", 2)
    cleared = await ada.refusal(UPDATE_COURSE, input={"id": course["id"], "title": None})
    assert (cleared["errorType"], cleared["errorInfo"]["rule"]) == ("BAD_REQUEST", "NULL")
    assert await seen(ada, course["id"]) == updated


MUTATIONS: list[tuple[str, dict[str, Any]]] = [
    (UPDATE_COURSE, {"input": {"id": "?", "title": "Mine"}}),
    (SET_STATE, {"id": "?", "state": "PUBLISHED"}),
    (DELETE_COURSE, {"id": "?"}),
    (ADD_MENTOR, {"courseId": "?", "userId": "nobody"}),
    (REMOVE_MENTOR, {"courseId": "?", "userId": "nobody"}),
    (
        "mutation ($input: CreateModuleInput!) { createModule(input: $input) { id } }",
        {"input": {"courseId": "?", "title": "m"}},
    ),
    (
        "mutation ($input: UpdateModuleInput!) { updateModule(input: $input) { id } }",
        {"input": {"id": "?.m", "title": "m"}},
    ),
    ("mutation ($id: ID!) { moveModule(id: $id) { id } }", {"id": "?.m"}),
    ("mutation ($id: ID!) { deleteModule(id: $id) { id } }", {"id": "?.m"}),
    (
        "mutation ($input: CreateLessonInput!) { createLesson(input: $input) { id } }",
        {"input": {"moduleId": "?.m", "title": "l", "kind": "ARTICLE", "durationSeconds": 1}},
    ),
    (
        "mutation ($input: UpdateLessonInput!) { updateLesson(input: $input) { id } }",
        {"input": {"id": "?.l", "title": "l"}},
    ),
    ("mutation ($id: ID!) { moveLesson(id: $id, moduleId: $id) { id } }", {"id": "?.l"}),
    ("mutation ($id: ID!) { deleteLesson(id: $id) { id } }", {"id": "?.l"}),
    (
        "mutation ($input: CreateResourceInput!) { createResource(input: $input) { id } }",
        {"input": {"lessonId": "?.l", "title": "r"}},
    ),
    ("mutation ($id: ID!) { deleteResource(lessonId: $id, id: $id) { id } }", {"id": "?.l"}),
]


def about(course_id: str, variables: Any) -> Any:
    """Variables with the course's id in place of every "?"."""
    if isinstance(variables, dict):
        return {name: about(course_id, value) for name, value in variables.items()}
    return variables.replace("?", course_id) if isinstance(variables, str) else variables


async def test_a_strangers_draft_answers_as_if_it_were_not_there(school: School) -> None:
    ada, eve = school.as_("ada", "Mentors"), school.as_("eve", "Mentors")
    course = await new_course(ada)
    assert await seen(eve, course["id"]) is None
    for mutation, variables in MUTATIONS:
        hidden = await eve.refusal(mutation, **about(course["id"], variables))
        unknown = await eve.refusal(mutation, **about("nothing", variables))
        assert hidden["errorType"] == "NOT_FOUND", mutation
        assert hidden == unknown
    assert await seen(ada, course["id"]) == course


async def test_a_strangers_published_course_is_not_theirs_to_change(school: School) -> None:
    ada, eve = school.as_("ada", "Mentors"), school.as_("eve", "Mentors")
    course_id = await published_course(ada)
    before = await seen(eve, course_id)
    assert before["title"] == "Sailing"
    for mutation, variables in MUTATIONS:
        assert (await eve.refusal(mutation, **about(course_id, variables)))["errorType"] == "FORBIDDEN", mutation
    assert await seen(ada, course_id) == before


async def test_admins_are_staff_everywhere_and_moderators_nowhere(school: School) -> None:
    ada, root, mod = school.as_("ada", "Mentors"), school.as_("root", "Admins"), school.as_("mod", "Moderators")
    course = await new_course(ada)
    assert await seen(mod, course["id"]) is None
    assert await seen(root, course["id"]) == course
    updated = await root.data(UPDATE_COURSE, input={"id": course["id"], "title": "Rowing"})
    assert (updated["updateCourse"]["title"], updated["updateCourse"]["ownerId"]) == ("Rowing", ada.id)


async def test_a_helping_mentor_edits_but_does_not_own(school: School) -> None:
    ada, eve, bob = school.as_("ada", "Mentors"), school.as_("eve", "Mentors"), school.as_("bob")
    await present(eve)
    await present(bob)
    course_id = (await new_course(ada))["id"]
    for _ in range(2):
        added = await ada.data(ADD_MENTOR, courseId=course_id, userId=eve.id)
        assert added["addCourseMentor"]["mentors"] == [{"id": ada.id}, {"id": eve.id}]
    assert (await eve.data(UPDATE_COURSE, input={"id": course_id, "title": "Ours"}))["updateCourse"]["version"] == 2
    owners_only = [(DELETE_COURSE, {"id": course_id}), (ADD_MENTOR, {"courseId": course_id, "userId": eve.id})]
    for mutation, variables in owners_only:
        assert (await eve.refusal(mutation, **variables))["errorType"] == "FORBIDDEN"
    for user_id in (bob.id, "nobody"):
        refused = await ada.refusal(ADD_MENTOR, courseId=course_id, userId=user_id)
        assert (refused["errorType"], refused["errorInfo"]["rule"]) == ("BAD_REQUEST", "NOT_A_MENTOR")
    refused = await ada.refusal(REMOVE_MENTOR, courseId=course_id, userId=ada.id)
    assert (refused["errorType"], refused["errorInfo"]["rule"]) == ("BAD_REQUEST", "OWNER")
    for _ in range(2):
        removed = await ada.data(REMOVE_MENTOR, courseId=course_id, userId=eve.id)
        assert removed["removeCourseMentor"]["mentors"] == [{"id": ada.id}]
    assert await seen(eve, course_id) is None


async def test_publishing_needs_a_published_lesson_and_a_step_that_exists(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    course_id = (await new_course(ada))["id"]
    refused = await ada.refusal(SET_STATE, id=course_id, state="PUBLISHED")
    assert (refused["errorType"], refused["errorInfo"]["reason"]) == ("INVALID_STATE", "NO_PUBLISHED_LESSON")
    refused = await ada.refusal(SET_STATE, id=course_id, state="ARCHIVED")
    assert (refused["errorType"], refused["errorInfo"]["status"]) == ("INVALID_STATE", "DRAFT")
    published = await published_course(ada, "rowing")
    stale = await ada.refusal(SET_STATE, id=published, state="ARCHIVED", expectedVersion=1)
    assert stale["errorType"] == "CONFLICT"
    archived = await ada.data(SET_STATE, id=published, state="ARCHIVED", expectedVersion=2)
    assert archived["setCourseState"]["state"] == "ARCHIVED"


async def test_an_archived_course_stays_with_its_staff_and_learners(school: School) -> None:
    ada, bob, eve = school.as_("ada", "Mentors"), school.as_("bob"), school.as_("eve")
    course_id = await published_course(ada)
    await bob.data(ENROLL, id=course_id)
    refused = await ada.refusal(SET_STATE, id=course_id, state="DRAFT")
    assert refused["errorType"] == "COURSE_HAS_LEARNERS"
    assert (await ada.refusal(DELETE_COURSE, id=course_id))["errorType"] == "COURSE_HAS_LEARNERS"
    await ada.data(SET_STATE, id=course_id, state="ARCHIVED")
    assert (await seen(bob, course_id))["state"] == "ARCHIVED"
    assert (await seen(ada, course_id))["state"] == "ARCHIVED"
    assert await seen(eve, course_id) is None
    assert await seen(school.visitor, course_id) is None


async def test_a_deleted_course_is_gone_and_frees_its_slug(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    course_id = await published_course(ada)
    assert (await ada.data(DELETE_COURSE, id=course_id))["deleteCourse"] == {"id": course_id, "title": "Sailing"}
    assert await seen(ada, course_id) is None
    assert (await ada.refusal(DELETE_COURSE, id=course_id))["errorType"] == "NOT_FOUND"
    assert (await new_course(ada))["slug"] == "sailing"


async def test_visitors_see_published_courses_by_id_and_slug(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    course_id = await published_course(ada)
    await new_course(ada, "rowing")
    by_slug = "query ($slug: String!) { getCourseBySlug(slug: $slug) { id owner { displayName } mentors { id } } }"
    found = (await school.visitor.data(by_slug, slug="sailing"))["getCourseBySlug"]
    assert found == {"id": course_id, "owner": {"displayName": "Ada"}, "mentors": [{"id": ada.id}]}
    assert (await school.visitor.data(by_slug, slug="rowing"))["getCourseBySlug"] is None
    assert (await school.visitor.data(by_slug, slug="Not A Slug"))["getCourseBySlug"] is None


@pytest.mark.parametrize("course_id", ["nothing", "SLUG#sailing", "a.b", "#", "%00"])
async def test_odd_ids_find_nothing(school: School, course_id: str) -> None:
    await new_course(school.as_("ada", "Mentors"))
    assert await seen(school.visitor, course_id) is None


async def test_counts_follow_enrollments(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    course_id = await published_course(ada, capacity=1)
    counts = "query ($id: ID!) { getCourse(id: $id) { enrolledCount waitlistCount } }"
    assert (await ada.data(counts, id=course_id))["getCourse"] == {"enrolledCount": 0, "waitlistCount": 0}
    await school.as_("bob").data(ENROLL, id=course_id)
    wait = "mutation ($id: ID!) { enrollInCourse(input: { courseId: $id, joinWaitlist: true }) { status } }"
    await school.as_("eve").data(wait, id=course_id)
    await school.drain()
    assert (await ada.data(counts, id=course_id))["getCourse"] == {"enrolledCount": 1, "waitlistCount": 1}
