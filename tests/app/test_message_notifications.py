"""What is said in rooms reaches those whom it is for, as often as they want it."""

from typing import Any

import pytest

from datasources.tables import ROOMS
from datasources.updates import Set
from domain.rooms import LARGE
from tests.app.test_notification_steps import titles, told
from tests.resolvers.chat import (
    DELETE,
    EDIT,
    NOTIFY,
    OPEN_DIRECT,
    REACT,
    READ,
    create_room,
    invite,
    join,
    meet,
    send,
)
from tests.school import Client, School

ADDRESSED = "You were mentioned"
REPLY = "You have a reply"
NEW = "New messages"


async def room_of(school: School, owner: Client, *members: Client) -> dict[str, Any]:
    await meet(owner, *members)
    room = await create_room(owner, name="Waders")
    for member in members:
        await join(member, room)
    return room


async def choose(client: Client, room: dict[str, Any], level: str) -> None:
    await client.data(NOTIFY, room=room["id"], level=level)


async def read(client: Client, room: dict[str, Any], sequence: int) -> None:
    await client.data(READ, room=room["id"], sequence=sequence)


async def happened(school: School) -> None:
    """The workers have done all that follows, and a moment has passed."""
    await school.drain()
    school.clock.advance(seconds=1)


async def test_who_is_invited_or_mentioned_is_told_once_and_without_the_text(school: School) -> None:
    ada, ben, eve = school.as_("ada"), school.as_("ben"), school.as_("eve")
    await meet(ben, eve)
    room = await create_room(ada, "PRIVATE", name="Waders")
    await invite(ada, room, ben)
    await happened(school)
    await join(ben, room)

    message = await send(ada, room, "A secret for Ben", mentionedUserIds=[ada.id, ben.id])
    await happened(school)
    await ada.data(EDIT, input={"id": message["id"], "body": "Another secret"})
    await ada.data(REACT, id=message["id"], emoji="🦆")
    await happened(school)

    assert [(item["title"], item["path"]) for item in await told(ben)] == [
        (ADDRESSED, f"/rooms/{room['id']}"),
        ("You are invited", f"/rooms/{room['id']}"),
    ]
    assert "secret" not in str(await told(ben))
    assert "Waders" in str(await told(ben))
    assert await told(ada) == []
    assert await told(eve) == []


async def test_a_room_tells_its_members_once_until_they_read_on(school: School) -> None:
    ada, ben, eve = school.as_("ada"), school.as_("ben"), school.as_("eve")
    room = await room_of(school, ada, ben, eve)

    for _ in range(3):
        await send(ada, room)
        await happened(school)
    assert await titles(ben) == [NEW]
    assert "Waders" in str(await told(ben))

    await read(ben, room, 3)
    await happened(school)
    await send(ada, room)
    await send(ada, room)
    await happened(school)
    assert await titles(ben) == [NEW, NEW]
    assert await titles(eve) == [NEW]
    assert await titles(ada) == []


async def test_what_was_read_before_the_workers_saw_it_is_no_news(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await room_of(school, ada, ben)
    await send(ada, room)
    await read(ben, room, 1)

    await happened(school)

    assert await titles(ben) == []


@pytest.mark.parametrize(
    ("level", "expected"), [("ALL", [ADDRESSED, REPLY, NEW]), ("MENTIONS", [ADDRESSED, REPLY]), ("NONE", [])]
)
async def test_each_level_tells_what_it_promises(school: School, level: str, expected: list[str]) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await room_of(school, ada, ben)
    await choose(ben, room, level)
    his = await send(ben, room, "Who has seen a curlew?")
    await happened(school)

    await send(ada, room, "Hello")
    await happened(school)
    await send(ada, room, "I have", replyToId=his["id"])
    await happened(school)
    await send(ada, room, "Have you?", mentionedUserIds=[ben.id])
    await happened(school)

    assert await titles(ben) == expected


async def test_a_reply_that_mentions_is_told_once(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await room_of(school, ada, ben)
    his = await send(ben, room)

    await send(ada, room, replyToId=his["id"], mentionedUserIds=[ben.id])
    await send(ben, room, "To myself", replyToId=his["id"])
    await happened(school)

    assert await titles(ben) == [ADDRESSED]


async def test_a_mention_that_an_edit_adds_is_told(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await room_of(school, ada, ben)
    await choose(ben, room, "MENTIONS")
    message = await send(ada, room)
    await happened(school)

    await ada.data(EDIT, input={"id": message["id"], "body": "Ben!", "mentionedUserIds": [ben.id]})
    await happened(school)

    assert await titles(ben) == [ADDRESSED]


async def test_what_was_deleted_at_once_tells_nobody(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await room_of(school, ada, ben)
    message = await send(ada, room, mentionedUserIds=[ben.id])
    await ada.data(DELETE, id=message["id"])

    await happened(school)

    assert await titles(ben) == []


async def test_in_a_direct_room_all_is_for_the_other(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    await meet(ada, ben)
    room = (await ada.data(OPEN_DIRECT, user=ben.id))["openDirectRoom"]
    await choose(ben, room, "MENTIONS")
    await send(ada, room)
    await happened(school)
    assert await titles(ben) == [NEW]

    await choose(ben, room, "NONE")
    await read(ben, room, 1)
    await send(ada, room)
    await happened(school)
    assert await titles(ben) == [NEW]


async def test_a_large_room_tells_only_those_whom_a_message_is_for(school: School) -> None:
    ada, ben, eve = school.as_("ada"), school.as_("ben"), school.as_("eve")
    room = await room_of(school, ada, ben, eve)
    await happened(school)
    await school.store.update(ROOMS, {"roomId": room["id"]}, [Set("memberCount", LARGE + 1)])

    await send(ada, room, mentionedUserIds=[ben.id])
    await happened(school)

    assert await titles(ben) == [ADDRESSED]
    assert await titles(eve) == []


async def test_who_has_left_is_told_nothing(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await room_of(school, ada, ben)
    his = await send(ben, room)
    await ben.data("mutation ($room: ID!) { leaveRoom(roomId: $room) { status } }", room=room["id"])

    await send(ada, room, replyToId=his["id"])
    await happened(school)

    assert await titles(ben) == []


async def test_the_levels_choose_what_is_told_and_the_preferences_how(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await room_of(school, ada, ben)
    await ben.data(
        "mutation { updateNotificationPreferences(input: {rules: [{category: CHAT, channels: []}]}) { version } }"
    )

    await send(ada, room, mentionedUserIds=[ben.id])
    await happened(school)

    assert await titles(ben) == []
