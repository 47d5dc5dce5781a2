"""What listeners are told of enrollments, progress, sessions and rights, and who may listen."""

from typing import Any

import pytest

from domain.errors import DomainError
from resolvers import registry
from tests.learning import published_course
from tests.resolvers.test_enrollment import DROP, ENROLL, GRANT, REVOKE
from tests.school import Client, School

OF_LEARNING = ("onEnrollmentChanged", "onLessonProgress")


async def gate(client: Client, name: str, **arguments: Any) -> Any:
    return await registry[f"Subscription.{name}"].func(client.school.context(client.caller), **arguments)


async def refused(client: Client, name: str, **arguments: Any) -> str:
    with pytest.raises(DomainError) as refusal:
        await gate(client, name, **arguments)
    return refusal.value.code.value


def told(school: School) -> list[str]:
    """Whose enrollments were published since this was asked last."""
    users = [key["user_id"] for mutation, key in school.published if mutation == "publishEnrollment"]
    school.published.clear()
    return users


@pytest.mark.parametrize("name", OF_LEARNING)
async def test_one_listens_to_oneself_and_staff_to_its_course(school: School, name: str) -> None:
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve", "Mentors")
    course = await published_course(school.store, owner=ada.id)

    assert await refused(ben, name) == "BAD_REQUEST"
    assert await gate(ben, name, user_id=ben.id) is None
    assert await gate(ben, name, user_id=ben.id, course_id=course.id) is None
    assert await refused(ben, name, user_id=ada.id) == "FORBIDDEN"
    assert await refused(ben, name, course_id=course.id) == "FORBIDDEN"
    assert await gate(ada, name, course_id=course.id) is None
    assert await gate(ada, name, user_id=ben.id, course_id=course.id) is None
    assert await refused(eve, name, user_id=ben.id, course_id=course.id) == "FORBIDDEN"
    assert await refused(ada, name, course_id="no-such-course") == "FORBIDDEN", "as for a course of others"
    assert await gate(school.as_("chief", "Admins"), name, course_id=course.id) is None


async def test_only_the_user_listens_to_the_end_of_their_sessions(school: School) -> None:
    ada = school.as_("ada", "Admins")
    assert await refused(ada, "onSessionRevoked") == "BAD_REQUEST"
    assert await refused(ada, "onSessionRevoked", user_id=school.id("ben")) == "FORBIDDEN"
    assert await gate(ada, "onSessionRevoked", user_id=ada.id, id="any") is None


async def test_everybody_who_is_signed_in_hears_notices(school: School) -> None:
    assert await gate(school.as_("ben"), "onServiceNotice", severity="INFO") is None


async def test_every_change_of_an_enrollment_is_published(school: School) -> None:
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")
    course = await published_course(school.store, owner=ada.id, capacity=1, waitlist_enabled=True)
    await eve.data("{ getMe { id } }")

    await ben.data(ENROLL, input={"courseId": course.id})
    assert told(school) == [ben.id]
    await eve.data(ENROLL, input={"courseId": course.id, "joinWaitlist": True})
    assert told(school) == [eve.id]
    await ben.data(DROP, id=course.id)
    assert told(school) == [ben.id]
    await school.drain()
    assert told(school) == [eve.id], "who moved up"
    await ada.data(REVOKE, id=course.id, user=eve.id, reason="Not paid.")
    assert told(school) == [eve.id]
    await ada.data(GRANT, input={"courseId": course.id, "userId": eve.id})
    assert told(school) == [eve.id]
    await school.drain()
    assert told(school) == [], "what a call has published is not published again"


async def test_access_that_ends_by_the_clock_is_published(school: School) -> None:
    course = await published_course(school.store, access_days=1)
    ben = school.as_("ben")
    await ben.data(ENROLL, input={"courseId": course.id})
    await school.drain()
    told(school)
    school.clock.advance(days=2)
    await school.drain()
    assert told(school) == [ben.id]


async def test_a_refused_change_is_no_event(school: School) -> None:
    course = await published_course(school.store)
    await school.as_("ben").refusal(DROP, id=course.id)
    assert school.published == []


async def test_rights_that_change_are_looked_at_again(school: School) -> None:
    chief, ben = school.as_("chief", "Admins"), school.as_("ben", "Mentors")
    await ben.data("{ getMe { id } }")
    course = await published_course(school.store, owner=chief.id)
    await chief.data(
        "mutation ($u: ID!, $c: ID!) { addCourseMentor(courseId: $c, userId: $u) { id } }", u=ben.id, c=course.id
    )
    school.rechecked.clear()

    for call in (
        "removeCourseMentor(courseId: $c, userId: $u) { id }",
        "setUserRoles(userId: $u, roles: [STUDENT]) { id }",
        "revokeAllSessions(userId: $u) { id }",
        'suspendUser(userId: $u, reason: "Spam.") { id }',
    ):
        declared = "($u: ID!, $c: ID!)" if "$c" in call else "($u: ID!)"
        await chief.data(f"mutation {declared} {{ {call} }}", u=ben.id, **({"c": course.id} if "$c" in call else {}))
        assert school.rechecked == [ben.id], call
        school.rechecked.clear()
