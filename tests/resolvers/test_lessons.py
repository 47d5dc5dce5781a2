"""Lessons as their authors write them and as others may read them."""

from functools import partial
from typing import Any

from datasources.local.sqlite import SQLiteStore
from domain.lessons import ACTIVITIES
from tests.races import at_once, successes
from tests.resolvers.authoring import (
    CREATE_LESSON,
    CREATE_MODULE,
    CREATE_RESOURCE,
    DELETE_LESSON,
    DELETE_RESOURCE,
    ENROLL,
    GET_LESSON,
    LESSON,
    LESSON_ITSELF,
    SET_STATE,
    UPDATE_LESSON,
    UPDATE_MODULE,
    lesson_input,
    new_course,
    new_lesson,
    new_module,
    published_course,
)
from tests.school import Client, School

KINDS = ("ARTICLE", "QUIZ", "ASSIGNMENT", "MEETING")
"""Those without media, which tests/resolvers/test_lesson_media.py looks at."""
LINK = "https://example.com/chart"
CONTENT = "query ($id: ID!) { getLesson(id: $id) { body activityId resources { title } } }"
ACCESS = "query ($id: ID!) { getCourseAccess(courseId: $id) { granted } }"
OUTLINE = """query ($id: ID!) { getCourse(id: $id) { modules { items { title lessons { items { title } } } } } }"""


async def lesson_of(client: Client, lesson_id: str) -> Any:
    return (await client.data(GET_LESSON, id=lesson_id))["getLesson"]


async def outline(client: Client, course_id: str) -> dict[str, list[str]]:
    """Titles of lessons by titles of modules."""
    course = (await client.data(OUTLINE, id=course_id))["getCourse"]
    return {
        module["title"]: [lesson["title"] for lesson in module["lessons"]["items"]]
        for module in course["modules"]["items"]
    }


async def test_a_lesson_is_written_and_read_back(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    course = await new_course(ada)
    module_id = await new_module(ada, course["id"])
    given = lesson_input(module_id, body=" # Knots\n\nTie. ", releaseAt="2036-10-01T00:00:00Z", isPreview=True)
    created = (await ada.data(CREATE_LESSON, input=given))["createLesson"]
    assert created | {"id": "", "rank": ""} == {
        **given,
        "id": "",
        "rank": "",
        "body": "# Knots\n\nTie.",
        "releaseAt": "2036-10-01T00:00:00.000Z",
        "courseId": course["id"],
        "state": "DRAFT",
        "activityId": None,
        "resources": [],
        "version": 1,
    }
    assert await lesson_of(ada, created["id"]) == created
    changed = {"id": created["id"], "body": None, "title": "Ropes", "expectedVersion": 1}
    updated = (await ada.data(UPDATE_LESSON, input=changed))["updateLesson"]
    assert updated == {**created, "body": None, "title": "Ropes", "version": 2}
    assert (await ada.refusal(UPDATE_LESSON, input=changed))["errorType"] == "CONFLICT"
    deleted = (await ada.data(DELETE_LESSON, id=created["id"]))["deleteLesson"]
    assert deleted == {name: updated[name] for name in deleted}
    assert await lesson_of(ada, created["id"]) is None


async def test_lessons_and_modules_are_created_once_for_one_client_token(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    course_id = (await new_course(ada))["id"]
    module = {"courseId": course_id, "title": "Ropes", "clientToken": "t"}
    modules = successes(await at_once([partial(ada.data, CREATE_MODULE, input=module)] * 4))
    assert len(modules) == 4
    module_id = modules[0]["createModule"]["id"]
    lesson = lesson_input(module_id, body="Text.", clientToken="t")
    lessons = successes(await at_once([partial(ada.data, CREATE_LESSON, input=lesson)] * 4))
    assert len(lessons) == 4
    assert all(created == lessons[0] for created in lessons)
    assert await outline(ada, course_id) == {"Ropes": ["Knots"]}
    other = await ada.refusal(CREATE_LESSON, input={**lesson, "title": "Others"})
    assert other["errorType"] == "IDEMPOTENCY_MISMATCH"
    lesson_id = lessons[0]["createLesson"]["id"]
    await ada.data(DELETE_LESSON, id=lesson_id)
    again = (await ada.data(CREATE_LESSON.replace(LESSON, LESSON_ITSELF), input=lesson))["createLesson"]
    assert (again["id"], again["title"]) == (lesson_id, lesson["title"])
    assert await lesson_of(ada, lesson_id) is None


async def test_a_replay_is_for_staff_only_while_the_course_is_there(school: School) -> None:
    ada, eve = school.as_("ada", "Mentors"), school.as_("eve", "Mentors")
    await eve.data("{ getMe { id } }")
    course_id = (await new_course(ada))["id"]
    mentor = "mutation ($c: ID!, $u: ID!) { %sCourseMentor(courseId: $c, userId: $u) { id } }"
    await ada.data(mentor % "add", c=course_id, u=eve.id)
    module = {"courseId": course_id, "title": "Ropes", "clientToken": "t"}
    created = (await eve.data(CREATE_MODULE, input=module))["createModule"]
    await ada.data(mentor % "remove", c=course_id, u=eve.id)
    assert (await eve.refusal(CREATE_MODULE, input=module))["errorType"] == "NOT_FOUND"
    await ada.data("mutation ($id: ID!) { deleteCourse(id: $id) { id } }", id=course_id)
    assert (await eve.data(CREATE_MODULE, input=module))["createModule"] == created


async def test_modules_change_at_their_version(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    module_id = await new_module(ada, (await new_course(ada))["id"])
    change = {"id": module_id, "title": "Lines", "summary": "All.", "expectedVersion": 1}
    updated = (await ada.data(UPDATE_MODULE, input=change))["updateModule"]
    assert (updated["title"], updated["summary"], updated["version"]) == ("Lines", "All.", 2)
    assert (await ada.refusal(UPDATE_MODULE, input=change))["errorType"] == "CONFLICT"


async def test_draft_lessons_do_not_exist_for_learners(school: School) -> None:
    ada, bob = school.as_("ada", "Mentors"), school.as_("bob")
    course_id = await published_course(ada)
    module_id = await new_module(ada, course_id, "More")
    draft = await new_lesson(ada, module_id, published=False, title="Draft", isPreview=True)
    await bob.data(ENROLL, id=course_id)
    assert await outline(ada, course_id) == {"Ropes": ["Knots"], "More": ["Draft"]}
    for client in (bob, school.as_("eve"), school.visitor):
        assert await outline(client, course_id) == {"Ropes": ["Knots"], "More": []}
    assert await lesson_of(bob, draft) is None
    assert await lesson_of(bob, "nothing.at.all") is None
    count = await bob.data("query ($id: ID!) { getCourse(id: $id) { lessonCount durationSeconds } }", id=course_id)
    assert count["getCourse"] == {"lessonCount": 1, "durationSeconds": 60}


async def test_content_opens_with_access_and_never_before_its_release(school: School) -> None:
    ada, learner, stranger = school.as_("ada", "Mentors"), school.as_("bob"), school.as_("eve")
    course_id = await published_course(ada)
    await learner.data(ENROLL, id=course_id)
    module_id = await new_module(ada, course_id, "More")
    tomorrow, yesterday = "2036-09-02T08:00:00Z", "2036-08-31T08:00:00Z"
    # On the slow emulator one kind stands for all: the engine knows no kinds.
    for kind in KINDS if isinstance(school.store, SQLiteStore) else ("QUIZ",):
        for is_preview in (True, False):
            for release_at in (None, yesterday, tomorrow):
                activity = {"activityId": "q1", "durationSeconds": None} if kind in ACTIVITIES else {}
                fields: dict[str, Any] = {
                    "kind": kind,
                    "isPreview": is_preview,
                    "releaseAt": release_at,
                    "body": "Text.",
                    **activity,
                }
                lesson_id = await new_lesson(ada, module_id, **fields)
                await ada.data(CREATE_RESOURCE, input={"lessonId": lesson_id, "title": "Chart", "linkUrl": LINK})
                content = {
                    "body": "Text.",
                    "activityId": activity.get("activityId"),
                    "resources": [{"title": "Chart"}],
                }
                closed = {"body": None, "activityId": None, "resources": None}
                released = release_at != tomorrow
                expected = (
                    (ada, content),
                    (learner, content if released else closed),
                    (stranger, content if released and is_preview else closed),
                )
                for client, shown in expected:
                    assert (await client.data(CONTENT, id=lesson_id))["getLesson"] == shown, fields


async def test_every_state_of_an_enrollment_opens_content_as_the_access_decision_says(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    price = {"amountMinor": 100, "currency": "EUR"}
    free, paid = await published_course(ada), await published_course(ada, "paid", accessModel="PAID", price=price)
    full = await published_course(ada, "full", capacity=1, accessDays=1)
    drop = "mutation ($id: ID!) { dropCourse(courseId: $id) { status } }"
    revoke = (
        'mutation ($id: ID!, $user: ID!) { revokeEnrollment(courseId: $id, userId: $user, reason: "x") { status } }'
    )
    wait = "mutation ($id: ID!) { enrollInCourse(input: { courseId: $id, joinWaitlist: true }) { status } }"
    clients = {name: school.as_(name) for name in ("active", "dropped", "revoked", "pending", "expired", "waiting")}
    for name in ("active", "dropped", "revoked"):
        await clients[name].data(ENROLL, id=free)
    await clients["dropped"].data(drop, id=free)
    await ada.data(revoke, id=free, user=clients["revoked"].id)
    await clients["pending"].data(ENROLL, id=paid)
    await clients["expired"].data(ENROLL, id=full)
    await clients["waiting"].data(wait, id=full)
    cases = [
        (free, "active", True),
        (free, "dropped", False),
        (free, "revoked", False),
        (free, "pending", False),
        (paid, "pending", False),
        (full, "expired", True),
        (full, "waiting", False),
    ]
    lessons = {}
    for course_id in (free, paid, full):
        lessons[course_id] = await new_lesson(ada, await new_module(ada, course_id), body="Text.")
    for course_id, name, opens in cases:
        granted = (await clients[name].data(ACCESS, id=course_id))["getCourseAccess"]["granted"]
        body = (await clients[name].data(CONTENT, id=lessons[course_id]))["getLesson"]["body"]
        assert (granted, body) == (opens, "Text." if opens else None), name
    school.clock.advance(days=2)
    assert (await clients["expired"].data(CONTENT, id=lessons[full]))["getLesson"]["body"] is None


async def test_learners_of_an_archived_course_keep_their_lessons(school: School) -> None:
    ada, bob, eve = school.as_("ada", "Mentors"), school.as_("bob"), school.as_("eve")
    course_id = await published_course(ada)
    lesson_id = await new_lesson(ada, await new_module(ada, course_id), body="Text.", isPreview=True)
    await bob.data(ENROLL, id=course_id)
    await ada.data(SET_STATE, id=course_id, state="ARCHIVED")
    assert (await bob.data(CONTENT, id=lesson_id))["getLesson"]["body"] == "Text."
    assert (await eve.data(CONTENT, id=lesson_id))["getLesson"] is None


async def test_an_api_key_reaches_no_content(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    course_id = await published_course(ada)
    await new_lesson(ada, await new_module(ada, course_id, "More"), body="Secret.", isPreview=True)
    for field in (
        "body",
        "activityId",
        "media { downloadUrl }",
        "resources { title linkUrl }",
        "myProgress { watchedSeconds }",
    ):
        nested = f"{{ getCourse(id: $id) {{ modules {{ items {{ lessons {{ items {{ {field} }} }} }} }} }} }}"
        payload = await school.visitor.run(f"query ($id: ID!) {nested}", id=course_id)
        assert payload["errors"], field
        assert all(error["errorType"] == "Unauthorized" for error in payload["errors"]), field
        assert "Secret." not in str(payload)


async def test_resources_come_and_go_with_their_lesson(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    lesson_id = await new_lesson(ada, await new_module(ada, (await new_course(ada))["id"]))
    given = {"lessonId": lesson_id, "title": "Chart", "linkUrl": LINK, "clientToken": "t"}
    created = (await ada.data(CREATE_RESOURCE, input=given))["createResource"]
    assert (await ada.data(CREATE_RESOURCE, input=given))["createResource"] == created
    other = {"lessonId": lesson_id, "title": "Map", "linkUrl": LINK}
    second = (await ada.data(CREATE_RESOURCE, input=other))["createResource"]
    assert (await lesson_of(ada, lesson_id))["resources"] == [created, second]
    assert created["linkUrl"] == LINK
    unsafe = await ada.run(
        CREATE_RESOURCE, input={"lessonId": lesson_id, "title": "X", "linkUrl": "javascript:alert(1)"}
    )
    assert "AWSURL" in unsafe["errors"][0]["message"]
    await ada.data(DELETE_RESOURCE, lessonId=lesson_id, id=created["id"])
    assert (await lesson_of(ada, lesson_id))["resources"] == [second]
    gone = await ada.refusal(DELETE_RESOURCE, lessonId=lesson_id, id=created["id"])
    assert gone["errorType"] == "NOT_FOUND"


async def test_what_a_parent_does_not_have_is_not_found(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    course_id = (await new_course(ada))["id"]
    unknown = f"{course_id}.nothing"
    cases: list[tuple[str, dict[str, Any]]] = [
        (CREATE_LESSON, {"input": lesson_input(unknown)}),
        (UPDATE_LESSON, {"input": {"id": unknown, "title": "x"}}),
        (CREATE_RESOURCE, {"input": {"lessonId": unknown, "title": "x", "linkUrl": LINK}}),
        (DELETE_LESSON, {"id": unknown}),
        (UPDATE_MODULE, {"input": {"id": unknown, "title": "x"}}),
        (DELETE_RESOURCE, {"lessonId": unknown, "id": "x"}),
        (DELETE_LESSON, {"id": ".x"}),
    ]
    for mutation, variables in cases:
        assert (await ada.refusal(mutation, **variables))["errorType"] == "NOT_FOUND", mutation
    assert (await ada.data(CONTENT, id=".x"))["getLesson"] is None
    assert (await ada.refusal(CONTENT, id="x" * 129))["errorType"] == "BAD_REQUEST"
