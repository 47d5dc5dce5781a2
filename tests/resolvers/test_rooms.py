"""Rooms as clients see them: making and changing them, who may know them, who is in them."""

from typing import Any

import pytest

from tests.learning import published_course
from tests.resolvers.chat import (
    ARCHIVE,
    CREATE,
    DELETE,
    EDIT,
    GET_MESSAGE,
    GET_ROOM,
    INBOX,
    INVITE,
    JOIN,
    LEAVE,
    MEMBERS,
    MESSAGES,
    MODERATE,
    NOTIFY,
    OPEN_DIRECT,
    PUBLIC,
    REACT,
    READ,
    REPLIES,
    SEARCH,
    SEND,
    TYPE,
    UNREACT,
    UPDATE,
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

NOBODYS = "01JD0000000000000000000000"


async def room_of(client: Client, room: dict[str, Any]) -> Any:
    return (await client.data(GET_ROOM, id=room["id"]))["getRoom"]


async def members(client: Client, room: dict[str, Any]) -> dict[str, str]:
    rows = await walk(client, MEMBERS, 100, room=room["id"])
    return {row["user"]["displayName"]: row["status"] for row in rows}


async def test_who_creates_a_room_owns_it_and_is_counted(school: School) -> None:
    ada = school.as_("ada")

    room = await create_room(ada, topic=" Waders and gulls ")

    assert room == {
        "id": room["id"],
        "kind": "PUBLIC",
        "name": "Shore birds",
        "topic": "Waders and gulls",
        "courseId": None,
        "memberCount": 1,
        "lastSequence": 0,
        "lastChangeSequence": 0,
        "lastMessageAt": None,
        "slowModeSeconds": 0,
        "isArchived": False,
        "createdAt": school.clock.now(),
        "version": 1,
        "myMembership": {
            "roomId": room["id"],
            "userId": ada.id,
            "role": "OWNER",
            "status": "JOINED",
            "statusChangedById": ada.id,
            "notificationLevel": "ALL",
            "mutedUntilAt": None,
            "lastReadSequence": 0,
            "myUnreadCount": 0,
            "joinedAt": school.clock.now(),
            "version": 1,
        },
    }
    assert await room_of(ada, room) == room


async def test_a_repeated_create_makes_one_room_and_asks_nobody_twice(school: School) -> None:
    ada, ben, cem = school.as_("ada"), school.as_("ben"), school.as_("cem")
    await meet(ben, cem)
    given = {"clientToken": "t", "inviteUserIds": [ben.id, cem.id, ada.id, ben.id]}
    room = await create_room(ada, "PRIVATE", **given)
    await ben.data(LEAVE, room=room["id"])

    again = await create_room(ada, "PRIVATE", **given)
    mismatch = {"kind": "PRIVATE", "name": "Other", **given}

    assert again["id"] == room["id"]
    assert await error(ada, CREATE, input=mismatch) == "IDEMPOTENCY_MISMATCH"
    assert await members(ada, room) == {"Ada": "JOINED", "Cem": "INVITED"}
    assert len(await walk(ada, INBOX, 100)) == 1


@pytest.mark.parametrize(
    ("given", "field", "rule"),
    [
        ({"kind": "DIRECT"}, "input.kind", "KIND"),
        ({"name": "  "}, "input.name", "LENGTH"),
        ({"name": "x" * 201}, "input.name", "LENGTH"),
        ({"topic": "x" * 501}, "input.topic", "LENGTH"),
        ({"inviteUserIds": ["nobody"]}, "input.inviteUserIds", "NO_SUCH_USER"),
        ({"inviteUserIds": [f"u{number}" for number in range(101)]}, "input.inviteUserIds", "COUNT"),
    ],
)
async def test_a_room_that_breaks_a_rule_is_not_made(
    school: School, given: dict[str, Any], field: str, rule: str
) -> None:
    ada = school.as_("ada")

    refusal = await ada.refusal(CREATE, input={"kind": "PUBLIC", "name": "Shore birds", **given})

    assert refusal["errorType"] == "BAD_REQUEST"
    assert (refusal["errorInfo"]["field"], refusal["errorInfo"]["rule"]) == (field, rule)
    assert await walk(ada, INBOX, 100) == []


async def test_moderators_change_a_room_and_owners_archive_it_for_good(school: School) -> None:
    ada, ben, cem = school.as_("ada"), school.as_("ben"), school.as_("cem")
    room = await create_room(ada, topic="Gulls")
    await join(ben, room)
    await join(cem, room)
    assert await error(ben, UPDATE, input={"id": room["id"], "name": "Mine"}) == "FORBIDDEN"
    await moderate(ada, room, ben, role="MODERATOR")

    changed = await ben.data(UPDATE, input={"id": room["id"], "topic": None, "slowModeSeconds": 30})

    assert (changed["updateRoom"]["topic"], changed["updateRoom"]["slowModeSeconds"]) == (None, 30)
    assert changed["updateRoom"]["version"] == 2
    conflict = await ben.refusal(UPDATE, input={"id": room["id"], "name": "Late", "expectedVersion": 1})
    assert (conflict["errorType"], conflict["errorInfo"]["currentVersion"]) == ("CONFLICT", 2)
    assert await error(ben, UPDATE, input={"id": room["id"], "slowModeSeconds": 3_601}) == "BAD_REQUEST"
    assert await error(ben, ARCHIVE, id=room["id"]) == "FORBIDDEN"
    archived = (await ada.data(ARCHIVE, id=room["id"], version=2))["archiveRoom"]
    assert (archived["isArchived"], archived["version"]) == (True, 3)


async def test_an_archived_room_is_read_and_left_and_never_written(school: School) -> None:
    ada, ben, cem = school.as_("ada"), school.as_("ben"), school.as_("cem")
    await meet(cem)
    room = await create_room(ada)
    await join(ben, room)
    message = await send(ben, room, "Before")
    await ada.data(REACT, id=message["id"], emoji="👍")
    await ada.data(ARCHIVE, id=room["id"])

    in_room, of_message = {"room": room["id"]}, {"id": message["id"]}
    writes: list[tuple[Client, str, dict[str, Any]]] = [
        (ada, ARCHIVE, {"id": room["id"]}),
        (ada, UPDATE, {"input": {"id": room["id"], "name": "Other"}}),
        (ada, INVITE, {**in_room, "user": cem.id}),
        (ada, MODERATE, {"input": {"roomId": room["id"], "userId": ben.id, "status": "BANNED"}}),
        (cem, JOIN, in_room),
        (ben, SEND, {"input": {"roomId": room["id"], "body": "Late"}}),
        (ben, EDIT, {"input": {"id": message["id"], "body": "Late"}}),
        (ben, DELETE, of_message),
        (ada, REACT, {**of_message, "emoji": "🎉"}),
        (ada, UNREACT, {**of_message, "emoji": "👍"}),
        (ben, TYPE, {**in_room, "typing": True}),
    ]
    for client, mutation, variables in writes:
        assert await error(client, mutation, **variables) == "ROOM_ARCHIVED", mutation

    assert (await ben.data(READ, room=room["id"], sequence=1))["markRoomRead"]["lastReadSequence"] == 1
    assert (await ben.data(GET_MESSAGE, id=message["id"]))["getMessage"]["body"] == "Before"
    assert (await ben.data(LEAVE, room=room["id"]))["leaveRoom"]["status"] == "LEFT"


async def test_two_users_have_one_direct_room_for_ever(school: School) -> None:
    ada, ben, cem = school.as_("ada"), school.as_("ben"), school.as_("cem")
    await meet(ada, ben, cem)

    room = (await ada.data(OPEN_DIRECT, user=ben.id))["openDirectRoom"]

    assert (room["kind"], room["name"], room["memberCount"]) == ("DIRECT", None, 2)
    assert (await ben.data(OPEN_DIRECT, user=ada.id))["openDirectRoom"] == room
    assert await members(ada, room) == {"Ada": "JOINED", "Ben": "JOINED"}
    await send(ben, room, "Hello Ada")
    assert await error(ada, LEAVE, room=room["id"]) == "INVALID_STATE"
    for mutation, variables in (
        (INVITE, {"room": room["id"], "user": cem.id}),
        (MODERATE, {"input": {"roomId": room["id"], "userId": ben.id, "status": "BANNED"}}),
        (UPDATE, {"input": {"id": room["id"], "name": "Ours"}}),
        (ARCHIVE, {"id": room["id"]}),
    ):
        assert await error(ada, mutation, **variables) == "FORBIDDEN"
    assert await error(ada, OPEN_DIRECT, user=ada.id) == "BAD_REQUEST"
    assert await error(ada, OPEN_DIRECT, user="nobody") == "NOT_FOUND"


async def test_members_are_counted_once_whatever_they_do(school: School) -> None:
    ada, ben, cem, dan = (school.as_(name) for name in ("ada", "ben", "cem", "dan"))
    room = await create_room(ada)
    await join(ben, room)
    await join(cem, room)
    await join(dan, room)
    await ben.data(LEAVE, room=room["id"])
    await join(ben, room)
    await moderate(ada, room, cem, status="BANNED")
    await dan.data(LEAVE, room=room["id"])
    private = await create_room(ada, "PRIVATE")
    await invite(ada, private, ben)

    await school.drain()
    await school.drain()

    assert (await room_of(ada, room))["memberCount"] == 2
    assert (await room_of(ada, private))["memberCount"] == 1
    assert (await room_of(ada, room))["version"] == 1


async def test_public_rooms_are_listed_by_the_hour_of_the_last_message(school: School) -> None:
    ada = school.as_("ada")
    rooms = [await create_room(ada, name=f"Room {number}") for number in range(4)]
    await create_room(ada, "PRIVATE", name="Hidden")
    for room in (rooms[2], rooms[0]):
        school.clock.advance(seconds=3_600)
        await send(ada, room)

    for limit in (1, 2, 100):
        listed = [room["name"] for room in await walk(school.as_("ben"), PUBLIC, limit)]
        assert listed[:2] == ["Room 0", "Room 2"]
        assert sorted(listed[2:]) == ["Room 1", "Room 3"]


async def test_a_private_room_is_unknown_to_all_but_its_members(school: School) -> None:
    """Strangers, the invited, those who left and the banned get the answers of a room that does not exist."""
    ada, eve, ian, leo, bea = (school.as_(name) for name in ("ada", "eve", "ian", "leo", "bea"))
    admin = school.as_("root", "Admins")
    room = await create_room(ada, "PRIVATE")
    for client in (ian, leo, bea):
        await invite(ada, room, client)
    for client in (leo, bea):
        await join(client, room)
    await leo.data(LEAVE, room=room["id"])
    await moderate(ada, room, bea, status="BANNED")
    message = await send(ada, room, "Secret gulls")
    await send(ada, room, "An answer", replyToId=message["id"])
    await school.drain()

    for outsider in (eve, ian, leo, bea, admin):
        assert await room_of(outsider, room) is None
        assert (await outsider.data(GET_MESSAGE, id=message["id"]))["getMessage"] is None
        for query, known, unknown in (
            (MESSAGES, {"room": room["id"]}, {"room": NOBODYS}),
            (MEMBERS, {"room": room["id"]}, {"room": NOBODYS}),
            (SEARCH, {"room": room["id"], "words": "gulls"}, {"room": NOBODYS, "words": "gulls"}),
            (REPLIES, {"id": message["id"]}, {"id": f"{NOBODYS}.{NOBODYS}"}),
        ):
            refusal, twin = await outsider.refusal(query, **known), await outsider.refusal(query, **unknown)
            assert refusal["errorType"] == "NOT_FOUND", query
            assert refusal["message"] == twin["message"]
        assert (await outsider.data(SEARCH, words="gulls"))["searchMessages"]["items"] == []
        for row in await walk(outsider, INBOX, 100):
            assert row["room"] is None
        expected = "MEMBER_BANNED" if outsider is bea else "NOT_FOUND"
        for mutation, variables in (
            (SEND, {"input": {"roomId": room["id"], "body": "Let me in"}}),
            (EDIT, {"input": {"id": message["id"], "body": "Mine"}}),
            (REACT, {"id": message["id"], "emoji": "👍"}),
            (UNREACT, {"id": message["id"], "emoji": "👍"}),
            (READ, {"room": room["id"], "sequence": 1}),
            (TYPE, {"room": room["id"], "typing": True}),
            (UPDATE, {"input": {"id": room["id"], "name": "Mine"}}),
            (ARCHIVE, {"id": room["id"]}),
            (INVITE, {"room": room["id"], "user": eve.id}),
            (MODERATE, {"input": {"roomId": room["id"], "userId": eve.id, "role": "OWNER"}}),
            (NOTIFY, {"room": room["id"], "level": "NONE"}),
            *([] if outsider in (admin,) else [(DELETE, {"id": message["id"]})]),
        ):
            assert await error(outsider, mutation, **variables) == expected, mutation
    for outsider in (eve, leo, admin):
        assert await error(outsider, JOIN, room=room["id"]) == "NOT_FOUND"
    assert await error(bea, JOIN, room=room["id"]) == "MEMBER_BANNED"
    assert (await room_of(ada, room))["lastChangeSequence"] == 3
    assert [row["status"] for row in await walk(ian, INBOX, 100)] == ["INVITED"]
    assert (await join(ian, room))["status"] == "JOINED"
    assert (await room_of(ian, room))["name"] == "Shore birds"


async def test_a_courses_rooms_are_for_those_with_access_to_the_course(school: School) -> None:
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")
    course = await published_course(school.store, owner=ada.id)
    enroll = "mutation ($id: ID!) { enrollInCourse(input: {courseId: $id}) { status } }"
    await ben.data(enroll, id=course.id)
    assert await error(ben, CREATE, input={"kind": "PUBLIC", "name": "Mine", "courseId": course.id}) == "FORBIDDEN"

    room = await create_room(ada, courseId=course.id)
    await join(ben, room)
    message = await send(ben, room, "A question")

    assert [each["id"] for each in await walk(ben, PUBLIC, 10, course=course.id)] == [room["id"]]
    assert await walk(ben, PUBLIC, 10) == []
    assert await room_of(eve, room) is None
    assert (await eve.data(GET_MESSAGE, id=message["id"]))["getMessage"] is None
    refusal = await eve.refusal(JOIN, room=room["id"])
    assert (refusal["errorType"], refusal["errorInfo"]["reason"]) == ("ENROLLMENT_REQUIRED", "NOT_ENROLLED")
    assert await error(eve, PUBLIC, course=course.id) == "ENROLLMENT_REQUIRED"
    assert await error(eve, MESSAGES, room=room["id"]) == "ENROLLMENT_REQUIRED"

    await ben.data("mutation ($id: ID!) { dropCourse(courseId: $id) { status } }", id=course.id)
    assert await room_of(ben, room) is None
    for query, variables in (
        (MESSAGES, {"room": room["id"]}),
        (SEND, {"input": {"roomId": room["id"], "body": "Still here"}}),
        (REACT, {"id": message["id"], "emoji": "👍"}),
        (READ, {"room": room["id"], "sequence": 1}),
    ):
        assert await error(ben, query, **variables) == "ENROLLMENT_REQUIRED", query


async def test_what_changes_is_published_and_publishing_changes_nothing(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada)
    await join(ben, room)
    await ben.data(LEAVE, room=room["id"])
    await error(ben, LEAVE, room=room["id"])
    await ada.data(UPDATE, input={"id": room["id"], "name": "Other"})

    changed = {"room_id": room["id"], "user_id": ben.id}
    assert school.published == [
        ("publishRoom", {"id": room["id"]}),
        ("publishRoomMember", {"room_id": room["id"], "user_id": ada.id}),
        ("publishRoomMember", changed),
        ("publishRoomMember", changed),
        ("publishRoom", {"id": room["id"]}),
    ]
    assert school.rechecked == [ben.id]
    publish = """mutation ($id: ID!, $user: ID!) { publishRoom(id: $id) { id version }
      publishRoomMember(roomId: $id, userId: $user) { status version room { id } } }"""
    for _ in range(3):
        assert await school.backend.data(publish, id=room["id"], user=ben.id) == {
            "publishRoom": {"id": room["id"], "version": 2},
            "publishRoomMember": {"status": "LEFT", "version": 2, "room": {"id": room["id"]}},
        }
    assert await school.backend.data(publish, id=NOBODYS, user=ben.id) == {
        "publishRoom": None,
        "publishRoomMember": None,
    }
    assert len((await school.as_("root", "Admins").run(publish, id=room["id"], user=ben.id))["errors"]) == 2
