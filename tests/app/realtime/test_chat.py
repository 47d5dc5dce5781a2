"""Chat live: what subscribers of one process hear, from the call that changes something to the payload."""

import asyncio
import random
from typing import Any

import pytest

from domain.errors import DomainError
from tests.app.realtime.live_school import LiveSchool, listen, school
from tests.learning import crowd, published_course
from tests.resolvers.chat import (
    BEAT,
    DELETE,
    EDIT,
    GET_MESSAGE,
    GET_ROOM,
    LEAVE,
    MEMBER,
    MESSAGE,
    MESSAGES,
    REACT,
    READ,
    ROOM,
    UPDATE,
    create_room,
    join,
    moderate,
    send,
    walk,
)
from tests.school import Client
from tests.waiting import until

__all__ = ["school"]

ON_MESSAGE = f"subscription ($room: ID) {{ onMessage(roomId: $room) {{ {MESSAGE} sender {{ displayName }} }} }}"
ON_MEMBER = (
    f"subscription ($room: ID, $user: ID) {{ onRoomMemberChanged(roomId: $room, userId: $user) {{ {MEMBER} }} }}"
)
ON_ROOM = f"subscription ($id: ID) {{ onRoomUpdated(id: $id) {{ {ROOM} }} }}"
ON_PRESENCE = "subscription ($user: ID) { onPresenceChanged(userId: $user) { userId status lastSeenAt } }"
ON_RECEIPT = "subscription ($room: ID) { onReadReceipt(roomId: $room) { userId lastReadSequence } }"


async def test_every_change_is_heard_in_order_and_whole_whatever_its_caller_selects(school: LiveSchool) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada)
    await join(ben, room)
    ear, _ = await listen(ben, ON_MESSAGE, room=room["id"])

    bare = 'mutation ($room: ID!) { sendMessage(input: {roomId: $room, body: "Hello"}) { __typename } }'
    await ada.data(bare, room=room["id"])
    await until(lambda: len(ear.heard) == 1)
    message_id = ear.heard[0]["id"]
    for number, (mutation, variables) in enumerate(
        (
            (EDIT, {"input": {"id": message_id, "body": "Hi"}}),
            (REACT, {"id": message_id, "emoji": "👍"}),
            (DELETE, {"id": message_id}),
        )
    ):
        await ada.data(mutation, **variables)
        await until(lambda wanted=number + 2: len(ear.heard) == wanted)  # type: ignore[misc]
        assert ear.heard[-1] == (await ben.data(GET_MESSAGE, id=message_id))["getMessage"]

    assert [event["changeSequence"] for event in ear.heard] == [1, 2, 3, 4]
    assert [event["body"] for event in ear.heard] == ["Hello", "Hi", "Hi", ""]


async def test_a_room_is_heard_by_its_listeners_only(school: LiveSchool) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    rooms = [await create_room(ada, "PRIVATE") for _ in range(2)]
    ears = [(await listen(ada, ON_MESSAGE, room=room["id"]))[0] for room in rooms]
    with pytest.raises(DomainError):
        await listen(ben, ON_MESSAGE, room=rooms[0]["id"])

    for number in range(3):
        await send(ada, rooms[number % 2], f"{number}")

    await until(lambda: sum(len(ear.heard) for ear in ears) == 3)
    assert [[event["body"] for event in ear.heard] for ear in ears] == [["0", "2"], ["1"]]


@pytest.mark.parametrize("way", ["banned", "removed", "left"])
async def test_whoever_is_out_hears_nothing_more_once_that_is_acknowledged(school: LiveSchool, way: str) -> None:
    ada, ben, cem = school.as_("ada"), school.as_("ben"), school.as_("cem")
    room = await create_room(ada)
    await join(ben, room)
    await join(cem, room)
    out, _ = await listen(ben, ON_MESSAGE, room=room["id"])
    own, _ = await listen(ben, ON_MEMBER, user=ben.id)
    stays, _ = await listen(cem, ON_MESSAGE, room=room["id"])
    await send(ada, room, "Before")
    await until(lambda: len(out.heard) == 1)

    if way == "left":
        await ben.data(LEAVE, room=room["id"])
    else:
        await moderate(ada, room, ben, status="BANNED" if way == "banned" else "LEFT")
    assert (out.live, [error["errorType"] for error in out.errors]) == (False, ["FORBIDDEN"])
    for number in range(5):
        await send(ada, room, f"{number}")

    await until(lambda: len(stays.heard) == 6)
    assert [event["body"] for event in out.heard] == ["Before"]
    await until(lambda: len(own.heard) == 1)
    assert own.heard[0]["status"] == ("BANNED" if way == "banned" else "LEFT")


async def test_who_drops_the_course_hears_nothing_more_of_its_rooms(school: LiveSchool) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    course = await published_course(school.store, owner=ada.id)
    await ben.data("mutation ($id: ID!) { enrollInCourse(input: {courseId: $id}) { status } }", id=course.id)
    room = await create_room(ada, courseId=course.id)
    await join(ben, room)
    ear, _ = await listen(ben, ON_MESSAGE, room=room["id"])

    await ben.data("mutation ($id: ID!) { dropCourse(courseId: $id) { status } }", id=course.id)

    assert (ear.live, [error["errorType"] for error in ear.errors]) == (False, ["ENROLLMENT_REQUIRED"])


async def test_members_and_rooms_are_heard_as_queries_tell_them(school: LiveSchool) -> None:
    """But for what is the caller's own."""
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada)
    members, _ = await listen(ada, ON_MEMBER, room=room["id"])
    rooms, _ = await listen(ben, ON_ROOM, id=room["id"])

    joined = await join(ben, room)
    await ada.data(UPDATE, input={"id": room["id"], "topic": "Gulls"})
    await until(lambda: bool(members.heard and rooms.heard))

    assert members.heard == [{**joined, "myUnreadCount": None}]
    told = (await ada.data(GET_ROOM, id=room["id"]))["getRoom"]
    assert rooms.heard[-1] == {name: value for name, value in told.items() if name != "myMembership"}


async def test_presence_and_read_positions_are_heard_unless_they_are_hidden(school: LiveSchool) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada)
    await join(ben, room)
    await send(ada, room)
    presence, _ = await listen(ada, ON_PRESENCE, user=ben.id)
    receipts, _ = await listen(ada, ON_RECEIPT, room=room["id"])

    await ben.data(BEAT, status="ONLINE")
    await ben.data(READ, room=room["id"], sequence=1)
    await until(lambda: bool(presence.heard and receipts.heard))
    hide = "mutation { updateSettings(input: {presenceVisible: false, readReceiptsEnabled: false}) { version } }"
    await ben.data(hide)
    await send(ada, room)
    await ben.data(READ, room=room["id"], sequence=2)
    await ben.data(BEAT, status="AWAY")

    await until(lambda: len(presence.heard) >= 2)
    assert presence.heard[0]["status"] == "ONLINE"
    assert {event["status"] for event in presence.heard[1:]} == {"OFFLINE"}
    assert receipts.heard == [{"userId": ben.id, "lastReadSequence": 1}]


async def test_who_turns_read_receipts_off_is_asked_to_come_again(school: LiveSchool) -> None:
    """What they may hear is another thing now, and a subscription tells one thing all its life."""
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada)
    await join(ben, room)
    receipts, _ = await listen(ben, ON_RECEIPT, room=room["id"])

    await ben.data("mutation { updateSettings(input: {readReceiptsEnabled: false}) { version } }")

    assert (receipts.live, receipts.gaps) == (False, 1)


async def test_a_client_that_drops_out_at_random_and_follows_the_recipe_misses_nothing(school: LiveSchool) -> None:
    """It stores by id and keeps the higher changeSequence; a gap or a new subscription makes it catch up."""
    ada = school.as_("ada")
    writers = [school.as_(f"writer{number}") for number in crowd(school.store, 20)]
    room = await create_room(ada)
    for writer in writers:
        await join(writer, room)
    done = asyncio.Event()
    dice = random.Random(19)

    async def write(writer: Client) -> None:
        mine = [await send(writer, room, "begin")]
        for number in range(8):
            message = dice.choice(mine)
            match dice.randrange(5):
                case 0:
                    await writer.run(EDIT, input={"id": message["id"], "body": f"edit {number}"})
                case 1:
                    await writer.run(REACT, id=message["id"], emoji=dice.choice("👍🎉"))
                case 2 if len(mine) > 2:
                    await writer.run(DELETE, id=mine.pop(0)["id"])
                case 3:
                    mine.append(await send(writer, room, "reply", replyToId=message["id"]))
                case 4 if len(mine) > 2:
                    await ada.data(DELETE, id=mine.pop()["id"])
                case _:
                    mine.append(await send(writer, room, f"{number}"))
            await asyncio.sleep(0)

    async def follow() -> tuple[dict[str, Any], int]:
        copy: dict[str, Any] = {}
        reached = 0

        def keep(message: dict[str, Any]) -> None:
            known = copy.get(message["id"])
            if known is None or known["changeSequence"] < message["changeSequence"]:
                copy[message["id"]] = message

        async def catch_up() -> None:
            nonlocal reached
            for message in await walk(ada, MESSAGES, 100, room=room["id"], afterChange=reached):
                keep(message)
                reached = message["changeSequence"]

        drops = 0
        while not done.is_set():
            ear, subscription = await listen(ada, ON_MESSAGE.replace(" sender { displayName }", ""), room=room["id"])
            await catch_up()
            for _ in range(dice.randrange(1, 12)):
                await asyncio.sleep(dice.random() / 50)
                while ear.heard:
                    message = ear.heard.pop(0)
                    keep(message)
                    if message["changeSequence"] == reached + 1:
                        reached += 1
                    elif message["changeSequence"] > reached:
                        await catch_up()
            school.realtime.live.stop(subscription)
            drops += 1
        await catch_up()
        return copy, drops

    following = asyncio.create_task(follow())
    await asyncio.gather(*map(write, writers))
    done.set()
    copy, drops = await following

    assert drops > 0
    assert copy == {message["id"]: message for message in await walk(ada, MESSAGES, 100, room=room["id"])}
