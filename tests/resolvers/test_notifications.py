"""Notifications as clients see them: the list, what is read, preferences, devices, announcements."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from datasources.notifier import Notifier
from datasources.tables import NOTIFICATIONS
from domain.notifications import Draft
from tests.learning import published_course
from tests.races import at_once
from tests.school import Client, School

LIST = """query ($unread: Boolean, $limit: Int, $next: String) {
  listNotifications(unreadOnly: $unread, limit: $limit, nextToken: $next) {
    items { id userId category title body path readAt createdAt } nextToken } }"""
INBOX = "{ getNotificationInbox { userId unreadCount readUntilAt } }"
READ = "mutation ($id: ID!) { markNotificationRead(id: $id) { id readAt } }"
READ_ALL = "mutation ($until: AWSDateTime) { markAllNotificationsRead(until: $until) { unreadCount readUntilAt } }"
DELETE = "mutation ($id: ID!) { deleteNotification(id: $id) { id title } }"
PREFERENCES = "{ getNotificationPreferences { rules { category channels } quietFrom quietTo version } }"
PREFER = """mutation ($input: UpdateNotificationPreferencesInput!) { updateNotificationPreferences(input: $input) {
  rules { category channels } quietFrom quietTo version } }"""
REGISTER = """mutation ($input: RegisterPushTokenInput!) { registerPushToken(input: $input) {
  id platform deviceName createdAt } }"""
FORGET = "mutation ($id: ID!) { deletePushToken(id: $id) { id } }"
DEVICES = "query ($limit: Int, $next: String) { listPushTokens(limit: $limit, nextToken: $next) { items { id } } }"
ANNOUNCE = """mutation ($input: SendAnnouncementInput!) { sendAnnouncement(input: $input) {
  id courseId title body recipientCount createdAt } }"""
ENROLL = "mutation ($id: ID!) { enrollInCourse(input: {courseId: $id}) { status } }"


async def told(school: School, client: Client, *events: str, category: Any = "CHAT") -> None:
    """The client's user is told of each event, a second apart."""
    await client.run("{ getMe { id } }")
    for event in events:
        school.clock.advance(seconds=1)
        await Notifier(school.store, school.clock.now).tell([Draft(event, client.id, category, event, "Body.")])


async def listed(client: Client, *, unread: bool = False, limit: int = 100) -> AsyncIterator[dict[str, Any]]:
    token = None
    while True:
        page = (await client.data(LIST, unread=unread, limit=limit, next=token))["listNotifications"]
        for item in page["items"]:
            yield item
        token = page["nextToken"]
        if token is None:
            return


async def titles(client: Client, *, unread: bool = False, limit: int = 100) -> list[str]:
    return [item["title"] async for item in listed(client, unread=unread, limit=limit)]


async def unread_count(client: Client) -> int:
    return int((await client.data(INBOX))["getNotificationInbox"]["unreadCount"])


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_notifications_are_listed_newest_first(school: School, limit: int) -> None:
    ben = school.as_("ben")
    await told(school, ben, "one", "two", "three")
    await told(school, school.as_("eve"), "hers")

    assert await titles(ben, limit=limit) == ["three", "two", "one"]
    assert await unread_count(ben) == 3


async def test_one_that_is_read_leaves_the_unread_and_keeps_its_moment(school: School) -> None:
    ben = school.as_("ben")
    await told(school, ben, "one", "two")
    first = [item async for item in listed(ben)][1]

    read = (await ben.data(READ, id=first["id"]))["markNotificationRead"]
    school.clock.advance(seconds=60)
    again = (await ben.data(READ, id=first["id"]))["markNotificationRead"]

    assert read["readAt"] is not None
    assert again == read
    assert await titles(ben, unread=True) == ["two"]
    assert await unread_count(ben) == 1
    assert ("publishNotification", {"user_id": ben.id, "id": first["id"]}) in school.published


async def test_all_up_to_a_moment_are_read_at_once_and_their_rows_follow(school: School) -> None:
    ben = school.as_("ben")
    await told(school, ben, "one", "two")
    until = school.clock.now()
    await told(school, ben, "three")

    inbox = (await ben.data(READ_ALL, until=until))["markAllNotificationsRead"]

    assert inbox == {"unreadCount": 1, "readUntilAt": until}
    assert await titles(ben, unread=True) == ["three"]
    assert [item["readAt"] async for item in listed(ben)] == [None, until, until]
    await school.drain()
    assert await school.store.count(NOTIFICATIONS, ben.id, index="UnreadIndex", most=9) == 1
    assert [item["readAt"] async for item in listed(ben)] == [None, until, until]


async def test_an_earlier_moment_takes_nothing_back_and_a_later_one_is_now(school: School) -> None:
    ben = school.as_("ben")
    await told(school, ben, "one")
    now = school.clock.now()

    first = (await ben.data(READ_ALL, until="2999-01-01T00:00:00Z"))["markAllNotificationsRead"]
    second = (await ben.data(READ_ALL, until="2001-01-01T00:00:00Z"))["markAllNotificationsRead"]

    assert first == second == {"unreadCount": 0, "readUntilAt": now}
    await told(school, ben, "two")
    assert await unread_count(ben) == 1


async def test_a_notification_is_its_users_alone(school: School) -> None:
    ben, eve = school.as_("ben"), school.as_("eve")
    await told(school, ben, "one")
    [mine] = [item async for item in listed(ben)]

    for operation in (READ, DELETE):
        foreign = await eve.refusal(operation, id=mine["id"])
        unknown = await eve.refusal(operation, id="no such id")
        assert foreign["errorType"] == unknown["errorType"] == "NOT_FOUND"
        assert foreign["message"] == unknown["message"]
    assert await titles(ben, unread=True) == ["one"]


async def test_a_deleted_notification_stays_deleted_when_its_event_comes_again(school: School) -> None:
    ben = school.as_("ben")
    await told(school, ben, "one")
    [mine] = [item async for item in listed(ben)]

    assert (await ben.data(DELETE, id=mine["id"]))["deleteNotification"]["title"] == "one"
    await told(school, ben, "one")

    assert await titles(ben) == []
    assert await unread_count(ben) == 0
    assert (await ben.refusal(DELETE, id=mine["id"]))["errorType"] == "NOT_FOUND"


async def test_publishing_reads_the_stored_notification_and_nothing_else(school: School) -> None:
    ben = school.as_("ben")
    await told(school, ben, "one")
    [mine] = [item async for item in listed(ben)]
    publish = "mutation ($user: ID!, $id: ID!) { publishNotification(userId: $user, id: $id) { id title readAt } }"

    found = await school.backend.data(publish, user=ben.id, id=mine["id"])
    assert found["publishNotification"] == {"id": mine["id"], "title": "one", "readAt": None}
    assert (await school.backend.data(publish, user=ben.id, id="x"))["publishNotification"] is None
    assert (await ben.refusal(publish, user=ben.id, id=mine["id"]))["errorType"] == "Unauthorized"


async def test_preferences_begin_with_a_rule_for_every_category(school: School) -> None:
    found = (await school.as_("ben").data(PREFERENCES))["getNotificationPreferences"]

    assert len(found["rules"]) == 11
    assert found["rules"][0] == {"category": "SECURITY", "channels": ["IN_APP", "EMAIL"]}
    assert (found["quietFrom"], found["quietTo"], found["version"]) == (None, None, 1)


async def test_changed_preferences_leave_the_others_and_security_keeps_its_channels(school: School) -> None:
    ben = school.as_("ben")
    rules = [{"category": "CHAT", "channels": []}, {"category": "SECURITY", "channels": ["PUSH"]}]

    await ben.data(PREFER, input={"rules": rules})
    quiet = {"quietFrom": "22:00", "quietTo": "07:30:00", "expectedVersion": 2}
    found = (await ben.data(PREFER, input=quiet))["updateNotificationPreferences"]

    by_category = {rule["category"]: rule["channels"] for rule in found["rules"]}
    assert by_category["CHAT"] == []
    assert by_category["SECURITY"] == ["IN_APP", "PUSH", "EMAIL"]
    assert by_category["COURSE"] == ["IN_APP", "PUSH", "EMAIL"]
    assert (found["quietFrom"], found["quietTo"], found["version"]) == ("22:00:00", "07:30:00", 3)
    cleared = (await ben.data(PREFER, input={"quietFrom": None, "quietTo": None}))["updateNotificationPreferences"]
    assert (cleared["quietFrom"], cleared["version"]) == (None, 4)


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"quietFrom": "22:00:00"}, "PERIOD"),
        ({"quietFrom": "22:00:00", "quietTo": "22:00:00"}, "PERIOD"),
        ({"quietFrom": "22:00:00Z", "quietTo": "07:00:00"}, "LOCAL_TIME"),
        ({"rules": None}, "NULL"),
        ({"rules": [{"category": "CHAT", "channels": []}, {"category": "CHAT", "channels": ["PUSH"]}]}, "UNIQUE"),
    ],
)
async def test_preferences_that_make_no_sense_change_nothing(school: School, given: Any, rule: str) -> None:
    ben = school.as_("ben")

    refusal = await ben.refusal(PREFER, input=given)

    assert (refusal["errorType"], refusal["errorInfo"]["rule"]) == ("BAD_REQUEST", rule)
    assert (await ben.data(PREFERENCES))["getNotificationPreferences"]["version"] == 1


async def test_of_many_changes_at_one_version_one_succeeds(school: School) -> None:
    ben = school.as_("ben")
    given = {"rules": [{"category": "CHAT", "channels": ["SMS"]}], "expectedVersion": 1}

    payloads = await at_once([lambda: ben.run(PREFER, input=given)] * 8)

    errors = [payload["errors"][0] for payload in payloads if isinstance(payload, dict) and "errors" in payload]
    assert [(error["errorType"], error["errorInfo"]["currentVersion"]) for error in errors] == [("CONFLICT", 2)] * 7


def phone(token: str, name: str | None = None) -> dict[str, Any]:
    return {"platform": "FCM", "token": token, "deviceName": name}


async def devices(client: Client) -> list[str]:
    return [item["id"] for item in (await client.data(DEVICES))["listPushTokens"]["items"]]


async def test_a_device_belongs_to_who_registered_it_last(school: School) -> None:
    ben, eve = school.as_("ben"), school.as_("eve")

    first = (await ben.data(REGISTER, input=phone("a token", "Ben's phone")))["registerPushToken"]
    assert await devices(ben) == [first["id"]]
    second = (await eve.data(REGISTER, input=phone("a token")))["registerPushToken"]

    assert await devices(ben) == []
    assert await devices(eve) == [second["id"]]
    assert (await ben.refusal(FORGET, id=second["id"]))["errorType"] == "NOT_FOUND"
    await eve.data(FORGET, id=second["id"])
    assert await devices(eve) == []
    await ben.data(REGISTER, input=phone("a token"))
    assert await devices(ben) == [first["id"]]


async def test_a_token_that_many_register_at_once_is_one_users(school: School) -> None:
    clients = [school.as_(f"user-{number}") for number in range(5)]

    await at_once([lambda client=client: client.run(REGISTER, input=phone("one token")) for client in clients])

    assert sum([len(await devices(client)) for client in clients]) == 1


async def test_registering_again_is_the_same_device_and_the_oldest_makes_room(school: School) -> None:
    ben = school.as_("ben")
    first = (await ben.data(REGISTER, input=phone("token 0")))["registerPushToken"]
    school.clock.advance(seconds=1)
    assert (await ben.data(REGISTER, input=phone("token 0")))["registerPushToken"] == first
    for number in range(1, 21):
        school.clock.advance(seconds=1)
        await ben.data(REGISTER, input=phone(f"token {number}"))

    found = await devices(ben)
    assert len(found) == 20
    assert first["id"] not in found


@pytest.mark.parametrize(
    "given",
    [
        phone(""),
        phone("x" * 4_097),
        phone("a\nb"),
        {"platform": "WEB_PUSH", "token": "no subscription"},
        {"platform": "WEB_PUSH", "token": '{"endpoint": "http://127.0.0.1/", "keys": {"p256dh": "a", "auth": "b"}}'},
    ],
)
async def test_a_token_that_is_none_is_refused(school: School, given: dict[str, Any]) -> None:
    refusal = await school.as_("ben").refusal(REGISTER, input=given)

    assert refusal["errorType"] == "BAD_REQUEST"
    assert refusal["errorInfo"]["field"] == "input.token"


async def test_an_announcement_reaches_every_learner_once(school: School) -> None:
    ada, learners = school.as_("ada", "Mentors"), [school.as_(f"user-{number}") for number in range(3)]
    course = await published_course(school.store, owner=ada.id)
    for learner in learners:
        await learner.data(ENROLL, id=course.id)
    given = {"courseId": course.id, "title": "Room\nchange", "body": "We meet outside.", "clientToken": "once"}

    sent = (await ada.data(ANNOUNCE, input=given))["sendAnnouncement"]
    again = (await ada.data(ANNOUNCE, input=given))["sendAnnouncement"]
    await school.drain()
    after = (await ada.data(ANNOUNCE, input=given))["sendAnnouncement"]

    assert (sent["title"], sent["recipientCount"]) == ("Room change", 0)
    assert again == sent
    assert after == {**sent, "recipientCount": 3}
    for learner in learners:
        [item] = [item async for item in listed(learner)]
        assert (item["title"], item["body"], item["path"]) == (
            "Room change",
            "We meet outside.",
            f"/courses/{course.id}",
        )
    assert await titles(ada) == []
    assert (await ada.refusal(ANNOUNCE, input={**given, "body": "x"}))["errorType"] == "IDEMPOTENCY_MISMATCH"


async def test_a_course_has_ten_announcements_a_day_even_in_a_race(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    course = await published_course(school.store, owner=ada.id)
    given = {"courseId": course.id, "title": "Hello", "body": "Again."}
    for _ in range(8):
        await ada.data(ANNOUNCE, input=given)

    payloads = await at_once([lambda: ada.run(ANNOUNCE, input=given)] * 4)

    errors = [payload["errors"][0] for payload in payloads if isinstance(payload, dict) and "errors" in payload]
    assert [(error["errorType"], error["errorInfo"]["limit"]) for error in errors] == [("LIMIT_EXCEEDED", 10)] * 2
    school.clock.advance(days=1)
    await ada.data(ANNOUNCE, input=given)


async def test_only_the_courses_staff_announces(school: School) -> None:
    course = await published_course(school.store, owner=school.id("ada"))
    given = {"courseId": course.id, "title": "Hello", "body": "Again."}

    assert (await school.as_("mia", "Mentors").refusal(ANNOUNCE, input=given))["errorType"] == "FORBIDDEN"
    assert (await school.as_("ben").refusal(ANNOUNCE, input=given))["errorType"] == "Unauthorized"
    unknown = await school.as_("mia", "Mentors").refusal(ANNOUNCE, input={**given, "courseId": "none"})
    assert unknown["errorType"] == "NOT_FOUND"
