"""Memberships as clients see them: roles, bans, mutes, invitations, the inbox and read positions."""

import random
from typing import Any

import pytest

from domain.times import later
from tests.resolvers.chat import (
    ARCHIVE,
    DELETE,
    EDIT,
    GET_ROOM,
    INBOX,
    INVITE,
    JOIN,
    LEAVE,
    MEMBERS,
    MODERATE,
    NOTIFY,
    REACT,
    READ,
    SEND,
    TYPE,
    UNREACT,
    create_room,
    error,
    invite,
    join,
    meet,
    moderate,
    send,
    walk,
)
from tests.school import Client, School

HIDE_RECEIPTS = "mutation { updateSettings(input: {readReceiptsEnabled: false}) { readReceiptsEnabled } }"


async def listed(client: Client, room: dict[str, Any], limit: int = 100) -> dict[str, str]:
    return {row["user"]["displayName"]: row["status"] for row in await walk(client, MEMBERS, limit, room=room["id"])}


async def test_a_private_room_is_entered_by_invitation(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada, "PRIVATE")
    await send(ada, room, "Before Ben")

    invited = await invite(ada, room, ben)
    joined = await join(ben, room)

    assert (invited["status"], invited["statusChangedById"], invited["version"]) == ("INVITED", ada.id, 1)
    assert (joined["status"], joined["statusChangedById"], joined["version"]) == ("JOINED", ben.id, 2)
    assert (joined["lastReadSequence"], joined["myUnreadCount"]) == (1, 0)
    assert await join(ben, room) == joined
    assert await invite(ada, room, ben) == {**joined, "myUnreadCount": None}


async def test_an_invitation_may_be_declined_and_made_again(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada, "PRIVATE")
    await invite(ada, room, ben)

    assert (await ben.data(LEAVE, room=room["id"]))["leaveRoom"]["status"] == "LEFT"
    assert await error(ben, LEAVE, room=room["id"]) == "INVALID_STATE"
    assert await error(ben, JOIN, room=room["id"]) == "NOT_FOUND"
    assert (await invite(ada, room, ben))["status"] == "INVITED"


async def test_moderators_add_people_to_a_public_room(school: School) -> None:
    ada, ben, cem = school.as_("ada"), school.as_("ben"), school.as_("cem")
    await meet(cem)
    room = await create_room(ada)

    assert (await invite(ada, room, ben))["status"] == "JOINED"
    assert await error(ben, INVITE, room=room["id"], user=cem.id) == "FORBIDDEN"
    assert await error(ada, INVITE, room=room["id"], user="nobody") == "NOT_FOUND"


async def test_the_last_owner_hands_over_before_leaving(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada)
    await join(ben, room)

    assert await error(ada, LEAVE, room=room["id"]) == "LAST_OWNER"
    assert await error(ada, MODERATE, input={"roomId": room["id"], "userId": ada.id, "role": "MEMBER"}) == "LAST_OWNER"
    await moderate(ada, room, ben, role="OWNER")
    left = (await ada.data(LEAVE, room=room["id"]))["leaveRoom"]
    assert (left["status"], left["role"]) == ("LEFT", "MEMBER")
    assert await error(ben, LEAVE, room=room["id"]) == "LAST_OWNER"


async def test_a_moderator_touches_no_owner_and_makes_none(school: School) -> None:
    ada, ben, cem = school.as_("ada"), school.as_("ben"), school.as_("cem")
    room = await create_room(ada)
    await join(ben, room)
    await join(cem, room)
    await moderate(ada, room, ben, role="MODERATOR")
    soon = later(school.clock.now(), seconds=60)

    for member, given in (
        (ada, {"role": "MEMBER"}),
        (ada, {"status": "BANNED"}),
        (ada, {"mutedUntilAt": soon}),
        (cem, {"role": "OWNER"}),
        (ben, {"role": "OWNER"}),
    ):
        change = {"roomId": room["id"], "userId": member.id, **given}
        assert await error(ben, MODERATE, input=change) == "FORBIDDEN"
    assert (await moderate(ben, room, cem, role="MODERATOR"))["role"] == "MODERATOR"
    assert await error(cem, MODERATE, input={"roomId": room["id"], "userId": "nobody", "role": "MEMBER"}) == "NOT_FOUND"
    assert await error(ada, ARCHIVE, id=room["id"], version=7) == "CONFLICT"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"status": "JOINED"}, "BAD_REQUEST"),
        ({"status": "INVITED"}, "BAD_REQUEST"),
        ({"mutedUntilAt": "2020-01-01T00:00:00Z"}, "BAD_REQUEST"),
        ({"role": "MODERATOR", "expectedVersion": 7}, "CONFLICT"),
    ],
)
async def test_a_change_of_a_member_that_makes_no_sense_is_refused(
    school: School, given: dict[str, Any], code: str
) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada, "PRIVATE")
    await invite(ada, room, ben)
    if "role" in given:
        await join(ben, room)
    before = await walk(ada, MEMBERS, 100, room=room["id"])

    assert await error(ada, MODERATE, input={"roomId": room["id"], "userId": ben.id, **given}) == code
    assert await walk(ada, MEMBERS, 100, room=room["id"]) == before


async def test_a_ban_holds_until_it_is_lifted(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada)
    await join(ben, room)

    banned = await moderate(ada, room, ben, status="BANNED")

    assert (banned["status"], banned["statusChangedById"]) == ("BANNED", ada.id)
    assert await error(ben, JOIN, room=room["id"]) == "MEMBER_BANNED"
    assert await error(ada, INVITE, room=room["id"], user=ben.id) == "MEMBER_BANNED"
    assert await error(ben, LEAVE, room=room["id"]) == "INVALID_STATE"
    assert await error(ben, MEMBERS, room=room["id"]) == "FORBIDDEN"
    assert await listed(ada, room) == {"Ada": "JOINED", "Ben": "BANNED"}
    assert (
        await error(ada, MODERATE, input={"roomId": room["id"], "userId": ada.id, "status": "BANNED"}) == "BAD_REQUEST"
    )
    await moderate(ada, room, ben, status="LEFT")
    assert (await join(ben, room))["status"] == "JOINED"
    assert await listed(ben, room) == {"Ada": "JOINED", "Ben": "JOINED"}


async def test_the_muted_read_and_do_not_write(school: School) -> None:
    """Until their time has passed; leaving and coming back does not end it."""
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada)
    await join(ben, room)
    message = await send(ben, room)
    until = later(school.clock.now(), seconds=600)
    await moderate(ada, room, ben, mutedUntilAt=until)
    await ben.data(LEAVE, room=room["id"])
    await join(ben, room)

    for mutation, variables in (
        (SEND, {"input": {"roomId": room["id"], "body": "Hm"}}),
        (EDIT, {"input": {"id": message["id"], "body": "Hm"}}),
        (REACT, {"id": message["id"], "emoji": "👍"}),
        (UNREACT, {"id": message["id"], "emoji": "👍"}),
        (TYPE, {"room": room["id"], "typing": True}),
    ):
        refusal = await ben.refusal(mutation, **variables)
        assert (refusal["errorType"], refusal["errorInfo"]["mutedUntilAt"]) == ("MEMBER_MUTED", until)
    assert (await ben.data(READ, room=room["id"], sequence=1))["markRoomRead"]["lastReadSequence"] == 1
    school.clock.advance(seconds=600)
    await send(ben, room)
    await moderate(ada, room, ben, mutedUntilAt=later(school.clock.now(), seconds=600))
    assert (await moderate(ada, room, ben, mutedUntilAt=None))["mutedUntilAt"] is None
    await send(ben, room)


async def test_the_inbox_tells_what_is_unread(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    rooms = [await create_room(ada, name=f"Room {number}") for number in range(3)]
    for room in rooms:
        await join(ben, room)
    for _ in range(4):
        await send(ada, rooms[1])
    await ben.data(LEAVE, room=rooms[2]["id"])
    await ben.data(READ, room=rooms[1]["id"], sequence=3)

    for limit in (1, 2, 100):
        inbox = {row["room"]["name"]: row["myUnreadCount"] for row in await walk(ben, INBOX, limit)}
        assert inbox == {"Room 0": 0, "Room 1": 1}
    receipt = (await ben.data(READ, room=rooms[1]["id"], sequence=99))["markRoomRead"]
    assert receipt == {
        "roomId": rooms[1]["id"],
        "userId": ben.id,
        "lastReadSequence": 4,
        "readAt": school.clock.now(),
    }
    assert (await ben.data(READ, room=rooms[1]["id"], sequence=2))["markRoomRead"] == receipt
    assert [row["myUnreadCount"] for row in await walk(ben, INBOX, 100)] == [0, 0]
    assert await error(ben, READ, room=rooms[1]["id"], sequence=-1) == "BAD_REQUEST"
    assert await error(ben, READ, room=rooms[2]["id"], sequence=1) == "FORBIDDEN"


async def test_what_is_unread_is_never_told_too_low_and_is_none_after_reading_all(school: School) -> None:
    """Deleted messages count, so it may be too high."""
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada)
    await join(ben, room)
    dice = random.Random(17)
    kept: dict[str, int] = {}
    for _ in range(30):
        school.clock.advance(seconds=1)
        match dice.randrange(4):
            case 0 if kept:
                gone = dice.choice(sorted(kept))
                del kept[gone]
                await ada.data(DELETE, id=gone)
            case 1:
                await ben.data(READ, room=room["id"], sequence=dice.randrange(20))
            case _:
                sent = await send(ada, room)
                kept[sent["id"]] = sent["sequence"]
        [row] = await walk(ben, INBOX, 100)
        left = [place for place in kept.values() if place > row["lastReadSequence"]]
        assert row["myUnreadCount"] >= len(left)

    last = (await ada.data(GET_ROOM, id=room["id"]))["getRoom"]["lastSequence"]
    await ben.data(READ, room=room["id"], sequence=last)
    assert [row["myUnreadCount"] for row in await walk(ben, INBOX, 100)] == [0]


async def test_who_sends_no_read_receipts_is_not_seen_reading_and_sees_nobody(school: School) -> None:
    ada, ben, cem = school.as_("ada"), school.as_("ben"), school.as_("cem")
    room = await create_room(ada)
    await join(ben, room)
    await join(cem, room)
    await send(ada, room)
    await ben.data(HIDE_RECEIPTS)

    assert (await ben.data(READ, room=room["id"], sequence=1))["markRoomRead"] is None
    await cem.data(READ, room=room["id"], sequence=1)

    async def positions(client: Client) -> dict[str, int]:
        rows = await walk(client, MEMBERS, 100, room=room["id"])
        return {row["user"]["displayName"]: row["lastReadSequence"] for row in rows}

    assert await positions(ada) == {"Ada": 0, "Ben": 0, "Cem": 1}
    assert await positions(ben) == {"Ada": 0, "Ben": 1, "Cem": 0}
    publish = (
        "mutation ($room: ID!, $user: ID!) { publishRoomMember(roomId: $room, userId: $user) { lastReadSequence } }"
    )
    told = await school.backend.data(publish, room=room["id"], user=ben.id)
    assert told["publishRoomMember"]["lastReadSequence"] == 0


async def test_a_member_chooses_what_a_room_tells(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada)
    await join(ben, room)

    chosen = (await ben.data(NOTIFY, room=room["id"], level="MENTIONS"))["updateRoomNotifications"]

    assert (chosen["notificationLevel"], chosen["version"]) == ("MENTIONS", 2)
    assert await error(school.as_("eve"), NOTIFY, room=room["id"], level="NONE") == "FORBIDDEN"


async def test_members_are_listed_once_in_the_order_of_their_ids(school: School) -> None:
    ada = school.as_("ada")
    room = await create_room(ada)
    others = [school.as_(f"user{number}") for number in range(8)]
    for client in others:
        await join(client, room)

    for limit in (1, 7, 100):
        rows = await walk(ada, MEMBERS, limit, room=room["id"])
        assert [row["userId"] for row in rows] == sorted(client.id for client in (ada, *others))


async def test_a_list_goes_on_only_for_the_one_who_began_it(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room, other = await create_room(ada), await create_room(ada)
    await join(ben, room)
    page = (await ada.data(MEMBERS, room=room["id"], limit=1))["listRoomMembers"]

    assert await error(ben, MEMBERS, room=room["id"], limit=1, next=page["nextToken"]) == "INVALID_NEXT_TOKEN"
    assert await error(ada, MEMBERS, room=other["id"], limit=1, next=page["nextToken"]) == "INVALID_NEXT_TOKEN"
