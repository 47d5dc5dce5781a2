"""The gates of chat's subscriptions: who may listen to what."""

from typing import Any

import pytest

from datasources.tables import ROOMS
from datasources.updates import Set
from domain.errors import DomainError
from resolvers import registry
from tests.learning import published_course
from tests.resolvers.chat import LEAVE, create_room, invite, join, moderate
from tests.school import Client, School

HIDE_RECEIPTS = "mutation { updateSettings(input: {readReceiptsEnabled: false}) { readReceiptsEnabled } }"
OF_A_ROOM = ("onMessage", "onTyping", "onReadReceipt", "onRoomMemberChanged")


async def gate(client: Client, name: str, **arguments: Any) -> Any:
    """What the gate answers: its narrowing, or None."""
    return await registry[f"Subscription.{name}"].func(client.school.context(client.caller), **arguments)


async def refused(client: Client, name: str, **arguments: Any) -> str:
    with pytest.raises(DomainError) as refusal:
        await gate(client, name, **arguments)
    return refusal.value.code.value


@pytest.mark.parametrize("name", [*OF_A_ROOM, "onRoomUpdated", "onPresenceChanged"])
async def test_the_topic_has_to_be_named(school: School, name: str) -> None:
    assert await refused(school.as_("ada"), name) == "BAD_REQUEST"


@pytest.mark.parametrize("name", OF_A_ROOM)
async def test_only_members_listen_to_a_room(school: School, name: str) -> None:
    ada, ben, eve = school.as_("ada"), school.as_("ben"), school.as_("eve")
    public, private = await create_room(ada), await create_room(ada, "PRIVATE")
    await join(ben, public)
    await invite(ada, private, ben)

    assert await gate(ben, name, room_id=public["id"]) is None
    assert await refused(eve, name, room_id=public["id"]) == "FORBIDDEN"
    for outsider in (ben, eve):
        assert await refused(outsider, name, room_id=private["id"]) == "NOT_FOUND"
    assert await refused(eve, name, room_id="unknown") == "NOT_FOUND"
    assert await refused(eve, name, room_id=None) == "BAD_REQUEST"
    await join(ben, private)
    assert await gate(ben, name, room_id=private["id"]) is None
    await ben.data(LEAVE, room=public["id"])
    await moderate(ada, private, ben, status="BANNED")
    assert await refused(ben, name, room_id=public["id"]) == "FORBIDDEN"
    assert await refused(ben, name, room_id=private["id"]) == "NOT_FOUND"


async def test_everybody_hears_of_their_own_memberships_and_of_nobody_elses(school: School) -> None:
    ada, eve = school.as_("ada"), school.as_("eve")
    room = await create_room(ada, "PRIVATE")

    assert await gate(eve, "onRoomMemberChanged", user_id=eve.id) is None
    assert await gate(eve, "onRoomMemberChanged", user_id=eve.id, room_id=room["id"]) is None
    assert await refused(eve, "onRoomMemberChanged", user_id=ada.id) == "FORBIDDEN"
    assert await refused(eve, "onRoomMemberChanged", user_id=ada.id, room_id=room["id"]) == "NOT_FOUND"


async def test_a_room_is_told_of_to_those_who_may_know_it(school: School) -> None:
    ada, eve = school.as_("ada"), school.as_("eve")
    public, private = await create_room(ada), await create_room(ada, "PRIVATE")

    assert await gate(eve, "onRoomUpdated", id=public["id"]) is None
    assert await refused(eve, "onRoomUpdated", id=private["id"]) == "NOT_FOUND"


async def test_presence_is_told_of_to_those_who_share_a_room(school: School) -> None:
    ada, ben, eve = school.as_("ada"), school.as_("ben"), school.as_("eve")
    room = await create_room(ada)
    await join(ben, room)

    assert await gate(ada, "onPresenceChanged", user_id=ben.id) is None
    assert await gate(eve, "onPresenceChanged", user_id=eve.id) is None
    for unknown in (ben.id, "nobody"):
        assert await refused(eve, "onPresenceChanged", user_id=unknown) == "FORBIDDEN"


async def test_read_positions_are_narrowed_to_the_callers_own(school: School) -> None:
    """In a room above a hundred members, and for who sends none."""
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada)
    await join(ben, room)

    def own(client: Client) -> dict[str, Any]:
        equal = {"roomId": room["id"], "userId": client.id}
        filters = [{"fieldName": name, "operator": "eq", "value": value} for name, value in equal.items()]
        return {"filterGroup": [{"filters": filters}]}

    await ben.data(HIDE_RECEIPTS)
    assert await gate(ada, "onReadReceipt", room_id=room["id"]) is None
    assert await gate(ben, "onReadReceipt", room_id=room["id"]) == own(ben)
    await school.store.update(ROOMS, {"roomId": room["id"]}, [Set("memberCount", 101)])
    assert await gate(ada, "onReadReceipt", room_id=room["id"]) == own(ada)


async def test_nobody_is_told_who_types_in_a_large_room(school: School) -> None:
    ada = school.as_("ada")
    room = await create_room(ada)
    await school.store.update(ROOMS, {"roomId": room["id"]}, [Set("memberCount", 101)])

    typing = "mutation ($room: ID!) { setTyping(roomId: $room, isTyping: true) { userId } }"
    assert (await ada.data(typing, room=room["id"]))["setTyping"] is None


async def test_who_loses_the_course_loses_its_rooms(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    course = await published_course(school.store, owner=ada.id)
    await ben.data("mutation ($id: ID!) { enrollInCourse(input: {courseId: $id}) { status } }", id=course.id)
    room = await create_room(ada, courseId=course.id)
    await join(ben, room)
    assert await gate(ben, "onMessage", room_id=room["id"]) is None

    await ben.data("mutation ($id: ID!) { dropCourse(courseId: $id) { status } }", id=course.id)

    assert await refused(ben, "onMessage", room_id=room["id"]) == "ENROLLMENT_REQUIRED"
    assert await refused(ben, "onRoomUpdated", id=room["id"]) == "NOT_FOUND"
