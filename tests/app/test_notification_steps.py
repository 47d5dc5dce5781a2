"""What happens in the school reaches people: places in courses, and what staff does to accounts."""

from typing import Any

import pytest

from datasources.outbox import Outbox
from tests.datasources.test_enrollments import drop, enroll
from tests.learning import published_course
from tests.school import Client, School

LIST = "{ listNotifications { items { id category title body path } } }"
GRANT = (
    """mutation ($course: ID!, $user: ID!) { grantEnrollment(input: {courseId: $course, userId: $user}) { status } }"""
)
REVOKE = """mutation ($course: ID!, $user: ID!) {
  revokeEnrollment(courseId: $course, userId: $user, reason: "A private matter") { status } }"""


async def told(client: Client) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.data(LIST))["listNotifications"]["items"]
    return items


async def titles(client: Client) -> list[str]:
    return [item["title"] for item in await told(client)]


async def test_who_moves_up_from_the_waiting_list_is_told(school: School) -> None:
    ben, eve = school.as_("ben"), school.as_("eve")
    course = await published_course(school.store, capacity=1)
    for client in (ben, eve):
        await client.data("{ getMe { id } }")
        await enroll(school.store, course.id, client.id, wait=True)

    await drop(school.store, course.id, ben.id)
    await school.drain()

    [item] = await told(eve)
    assert (item["category"], item["title"], item["path"]) == ("COURSE", "You have a seat", f"/courses/{course.id}")
    assert course.title in item["body"]
    assert await told(ben) == []
    assert school.published.count(("publishNotification", {"user_id": eve.id, "id": item["id"]})) == 1


async def test_who_is_given_a_place_or_loses_it_is_told_without_the_reason(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    course = await published_course(school.store, owner=ada.id)
    await ben.data("{ getMe { id } }")

    await ada.data(GRANT, course=course.id, user=ben.id)
    await school.drain()
    school.clock.advance(seconds=1)
    await ada.data(REVOKE, course=course.id, user=ben.id)
    await school.drain()

    assert await titles(ben) == ["Your access has ended", "You have access"]
    assert "private" not in str(await told(ben))


async def test_a_held_seat_that_was_not_paid_for_is_told(school: School) -> None:
    ben = school.as_("ben")
    price = {"amount_minor": 100, "currency": "EUR"}
    course = await published_course(school.store, access_model="PAID", price=price)
    await ben.data("{ getMe { id } }")
    await enroll(school.store, course.id, ben.id)

    school.clock.advance(seconds=31 * 60)
    await school.drain()

    assert await titles(ben) == ["Your seat was released"]


@pytest.mark.parametrize(
    ("operation", "title"),
    [
        ("mutation ($id: ID!) { setUserRoles(userId: $id, roles: [MENTOR]) { id } }", "Your roles were changed"),
        ("mutation ($id: ID!) { revokeAllSessions(userId: $id) { id } }", "You were signed out"),
    ],
)
async def test_what_an_admin_does_to_an_account_is_told_in_the_app_and_by_mail(
    school: School, operation: str, title: str
) -> None:
    ben, admin = school.as_("ben", email="ben@example.org"), school.as_("root", "Admins")
    await ben.data("{ getMe { id } }")
    await admin.data("{ getMe { id } }")

    await admin.data(operation, id=ben.id)
    await school.drain()
    await school.drain()

    school.clock.advance(seconds=1)
    again = school.as_("ben", email="ben@example.org")
    assert [(item["category"], item["title"]) for item in await told(again)] == [("SECURITY", title)]
    [mail] = await Outbox(school.store, school.clock.now).latest(10)
    assert (mail.to, mail.subject) == ("ben@example.org", title)


async def test_what_one_does_oneself_is_no_news(school: School) -> None:
    ben, ada = school.as_("ben"), school.as_("ada", "Mentors")
    course = await published_course(school.store, owner=ada.id)
    await ben.data("mutation ($id: ID!) { enrollInCourse(input: {courseId: $id}) { status } }", id=course.id)
    await ben.data("mutation ($id: ID!) { dropCourse(courseId: $id) { status } }", id=course.id)

    await school.drain()

    assert await told(ben) == []
