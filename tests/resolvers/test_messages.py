"""Messages as clients see them: sending, replying, editing, deleting, reacting, catching up, searching."""

from typing import Any

import pytest

from datasources.tables import AUDIT_EVENTS, ROOM_LOG, USERS
from datasources.tables import MESSAGES as MESSAGE_TABLE
from domain.messages import room_id_of
from tests.dump import dump
from tests.resolvers.chat import (
    DELETE,
    EDIT,
    GET_MESSAGE,
    GET_ROOM,
    LEAVE,
    MESSAGES,
    REACT,
    REPLIES,
    SEARCH,
    SEND,
    UNREACT,
    UPDATE,
    create_room,
    error,
    found,
    invite,
    join,
    meet,
    messages,
    moderate,
    send,
    walk,
)
from tests.school import Client, School


async def room_of_two(school: School) -> tuple[Client, Client, dict[str, Any]]:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada)
    await join(ben, room)
    return ada, ben, room


async def changes(client: Client, room: dict[str, Any]) -> int:
    return int((await client.data(GET_ROOM, id=room["id"]))["getRoom"]["lastChangeSequence"])


@pytest.mark.parametrize("message_id", [".", "../x", "x", ".gone"])
async def test_an_id_without_a_room_is_of_no_message(school: School, message_id: str) -> None:
    ada, root = school.as_("ada"), school.as_("root", "Admins")
    assert await error(ada, EDIT, input={"id": message_id, "body": "Hm"}) == "NOT_FOUND"
    assert await error(root, DELETE, id=message_id) == "NOT_FOUND"
    assert (await ada.data(GET_MESSAGE, id=message_id))["getMessage"] is None


async def test_a_message_has_its_place_in_the_room(school: School) -> None:
    ada, ben, room = await room_of_two(school)
    await send(ada, room)

    sent = await send(ben, room, "  Hello Ada  ", mentionedUserIds=[ada.id, ada.id])

    assert sent == {
        "id": sent["id"],
        "roomId": room["id"],
        "sequence": 2,
        "changeSequence": 2,
        "kind": "USER",
        "senderId": ben.id,
        "sender": {"displayName": "Ben"},
        "body": "Hello Ada",
        "mentionedUserIds": [ada.id],
        "replyToId": None,
        "replyCount": 0,
        "reactions": [],
        "sentAt": school.clock.now().replace(".000Z", ".001Z"),
        "editedAt": None,
        "deletedAt": None,
        "deletedById": None,
        "version": 1,
    }
    assert room_id_of(sent["id"]) == room["id"]
    assert (await ada.data(GET_MESSAGE, id=sent["id"]))["getMessage"] == sent
    after = (await ben.data(GET_ROOM, id=room["id"]))["getRoom"]
    assert (after["lastSequence"], after["lastChangeSequence"], after["lastMessageAt"]) == (2, 2, sent["sentAt"])


@pytest.mark.parametrize(
    ("given", "field", "rule"),
    [
        ({"body": " \n "}, "input.body", "LENGTH"),
        ({"body": None}, "input.body", "LENGTH"),
        ({"body": "x" * 4_001}, "input.body", "LENGTH"),
        ({"body": "\x07"}, "input.body", "CHARACTERS"),
        ({"mentionedUserIds": ["stranger"]}, "input.mentionedUserIds", "NOT_A_MEMBER"),
        ({"mentionedUserIds": [f"u{number}" for number in range(51)]}, "input.mentionedUserIds", "COUNT"),
        ({"replyToId": "another-room.message"}, "input.replyToId", "OTHER_ROOM"),
        ({"clientToken": ""}, "input.clientToken", "ID"),
    ],
)
async def test_a_message_that_breaks_a_rule_is_not_sent(
    school: School, given: dict[str, Any], field: str, rule: str
) -> None:
    ada, _, room = await room_of_two(school)

    refusal = await ada.refusal(SEND, input={"roomId": room["id"], "body": "Hello", **given})

    assert refusal["errorType"] == "BAD_REQUEST"
    assert (refusal["errorInfo"]["field"], refusal["errorInfo"]["rule"]) == (field, rule)
    assert await changes(ada, room) == 0


async def test_a_repeated_send_is_answered_with_the_message_as_it_is_now(school: School) -> None:
    ada, ben, room = await room_of_two(school)
    sent = await send(ada, room, "Once", clientToken="t")
    await ben.data(REACT, id=sent["id"], emoji="👍")

    again = await send(ada, room, "Once", clientToken="t")

    assert (again["id"], again["changeSequence"]) == (sent["id"], 2)
    twice = {"roomId": room["id"], "body": "Twice", "clientToken": "t"}
    assert await error(ada, SEND, input=twice) == "IDEMPOTENCY_MISMATCH"
    assert (await send(ben, room, "Twice", clientToken="t"))["sequence"] == 2
    await ada.data(DELETE, id=sent["id"])
    assert (await send(ada, room, "Once", clientToken="t"))["deletedAt"] is not None
    assert (await messages(ada, room))[-1]["sequence"] == 1


async def test_a_reply_counts_for_its_parent_and_takes_two_numbers(school: School) -> None:
    ada, ben, room = await room_of_two(school)
    parent = await send(ada, room, "A question")

    replies = [await send(ben, room, f"Answer {number}", replyToId=parent["id"]) for number in range(3)]

    assert [reply["changeSequence"] for reply in replies] == [3, 5, 7]
    after = (await ada.data(GET_MESSAGE, id=parent["id"]))["getMessage"]
    assert (after["replyCount"], after["changeSequence"], after["version"]) == (3, 6, 1)
    for limit in (1, 2, 100):
        listed = await walk(ben, REPLIES, limit, id=parent["id"])
        assert [reply["body"] for reply in listed] == ["Answer 0", "Answer 1", "Answer 2"]
    await ada.data(DELETE, id=parent["id"])
    late = {"roomId": room["id"], "body": "Late", "replyToId": parent["id"]}
    assert await error(ben, SEND, input=late) == "MESSAGE_DELETED"
    gone = {"roomId": room["id"], "body": "Late", "replyToId": f"{room['id']}.gone"}
    assert await error(ben, SEND, input=gone) == "NOT_FOUND"


async def test_slow_mode_makes_members_wait(school: School) -> None:
    ada, ben, room = await room_of_two(school)
    await ada.data(UPDATE, input={"id": room["id"], "slowModeSeconds": 30})
    await send(ben, room)
    school.clock.advance(seconds=10)

    refusal = await ben.refusal(SEND, input={"roomId": room["id"], "body": "Too soon"})

    assert (refusal["errorType"], refusal["errorInfo"]["retryAfterSeconds"]) == ("RATE_LIMITED", 20)
    await send(ada, room)
    school.clock.advance(seconds=20)
    await send(ben, room)


async def test_a_room_and_a_user_change_messages_only_so_fast(school: School) -> None:
    ada, ben, room = await room_of_two(school)
    message = await send(ben, room)
    for _ in range(29):
        await ada.data(REACT, id=message["id"], emoji="👍")
    await ada.data(UNREACT, id=message["id"], emoji="👍")

    refusal = await ada.refusal(REACT, id=message["id"], emoji="👍")
    assert (refusal["errorType"], refusal["errorInfo"]["retryAfterSeconds"]) == ("RATE_LIMITED", 1)
    for _ in range(19):
        await send(ben, room)
    assert await error(ben, SEND, input={"roomId": room["id"], "body": "One too many"}) == "RATE_LIMITED"
    school.clock.advance(seconds=1)
    await send(ada, room)


async def test_strangers_do_not_use_up_a_rooms_rate(school: School) -> None:
    ada, ben, room = await room_of_two(school)
    for stranger in (school.as_("eve"), school.as_("mia")):
        for _ in range(30):
            assert await error(stranger, SEND, input={"roomId": room["id"], "body": "Hi"}) == "FORBIDDEN"

    for sender in (ada, ben):
        for _ in range(25):
            await send(sender, room)


async def test_a_message_is_edited_by_its_sender_within_a_day(school: School) -> None:
    ada, ben, room = await room_of_two(school)
    sent = await send(ben, room, "Helo", mentionedUserIds=[ada.id])
    school.clock.advance(seconds=24 * 3600 - 1)

    edited = (await ben.data(EDIT, input={"id": sent["id"], "body": "Hello", "expectedVersion": 1}))["updateMessage"]

    assert (edited["body"], edited["mentionedUserIds"], edited["version"]) == ("Hello", [ada.id], 2)
    assert (edited["editedAt"], edited["changeSequence"], edited["sequence"]) == (school.clock.now(), 2, 1)
    cleared = await ben.data(EDIT, input={"id": sent["id"], "body": "Hello", "mentionedUserIds": None})
    assert cleared["updateMessage"]["mentionedUserIds"] == []
    assert await error(ada, EDIT, input={"id": sent["id"], "body": "Mine"}) == "FORBIDDEN"
    stale = {"id": sent["id"], "body": "Stale", "expectedVersion": 1}
    conflict = await ben.refusal(EDIT, input=stale)
    assert (conflict["errorType"], conflict["errorInfo"]["currentVersion"]) == ("CONFLICT", 3)
    school.clock.advance(seconds=1)
    assert await error(ben, EDIT, input={"id": sent["id"], "body": "Late"}) == "EDIT_WINDOW_PASSED"
    assert await error(ben, EDIT, input={"id": f"{room['id']}.gone", "body": "Hm"}) == "NOT_FOUND"


async def test_after_a_deletion_the_words_are_nowhere(school: School) -> None:
    ada, ben, room = await room_of_two(school)
    sent = await send(ben, room, "Unforgettable", mentionedUserIds=[ada.id], clientToken="t")
    await ada.data(REACT, id=sent["id"], emoji="👍")
    await school.drain()
    assert await found(ada, "unforgettable") == ["Unforgettable"]

    deleted = (await ben.data(DELETE, id=sent["id"]))["deleteMessage"]

    assert (deleted["body"], deleted["mentionedUserIds"], deleted["sequence"]) == ("", [], 1)
    assert (deleted["deletedAt"], deleted["deletedById"]) == (school.clock.now(), ben.id)
    assert await found(ada, "unforgettable") == []
    await school.drain()
    assert await school.search.search(f"ROOM#{room['id']}", "unforgettable", limit=10) == []
    item = await school.store.get(MESSAGE_TABLE, {"messageId": sent["id"]})
    assert item is not None
    assert "requestHash" not in item
    assert (await messages(ada, room))[0]["body"] == ""
    assert "unforgettable" not in repr(await dump(school.store)).lower(), "in no table, and in no change of one"
    again = (await ben.data(DELETE, id=sent["id"]))["deleteMessage"]
    assert again == deleted
    for mutation, variables in (
        (EDIT, {"input": {"id": sent["id"], "body": "Back"}}),
        (REACT, {"id": sent["id"], "emoji": "🎉"}),
    ):
        assert await error(ben, mutation, **variables) == "MESSAGE_DELETED"


async def test_senders_moderators_and_staff_delete_and_nobody_else(school: School) -> None:
    """Staff needs no place in the room, and leaves an audit event."""
    ada, ben, room = await room_of_two(school)
    cem, staff = school.as_("cem"), school.as_("mod", "Moderators")
    await join(cem, room)
    first, second, third = [await send(cem, room) for _ in range(3)]

    assert await error(ben, DELETE, id=first["id"]) == "FORBIDDEN"
    await moderate(ada, room, ben, role="MODERATOR")
    assert (await ben.data(DELETE, id=first["id"]))["deleteMessage"]["deletedById"] == ben.id
    assert await error(staff, DELETE, id=f"{room['id']}.gone") == "NOT_FOUND"
    assert (await staff.data(DELETE, id=second["id"]))["deleteMessage"]["deletedById"] == staff.id
    await staff.data(DELETE, id=second["id"])
    await cem.data(DELETE, id=third["id"])

    audited = await school.store.query(AUDIT_EVENTS, staff.id, index="ActorIndex")
    assert [(event["action"], event["target"]) for event in audited.items] == [("deleteMessage", second["id"])]


async def test_a_takedown_names_nobody(school: School) -> None:
    ada, _, room = await room_of_two(school)
    sent = await send(ada, room, "Forbidden words")

    taken = await school.sources.messages.take_down(sent["id"])

    assert (taken.body, taken.deleted_by_id, taken.change_sequence) == ("", None, 2)


async def test_a_system_message_is_told_once(school: School) -> None:
    ada, _, room = await room_of_two(school)

    for _ in range(2):
        await school.sources.messages.tell(room["id"], "event-1", "The lesson begins.")

    [told] = await messages(ada, room)
    assert (told["kind"], told["senderId"], told["body"]) == ("SYSTEM", None, "The lesson begins.")
    assert (await ada.data(GET_MESSAGE, id=told["id"]))["getMessage"]["sender"] is None


async def test_a_reaction_is_set_once_and_taken_back_once(school: School) -> None:
    ada, ben, room = await room_of_two(school)
    sent = await send(ada, room)

    for client, emoji in ((ada, "👍"), (ben, "👍"), (ben, "👍"), (ben, "❤")):
        await client.data(REACT, id=sent["id"], emoji=emoji)
    after = (await ada.data(GET_MESSAGE, id=sent["id"]))["getMessage"]
    assert after["reactions"] == [
        {"emoji": "👍", "count": 2, "userIds": [ada.id, ben.id]},
        {"emoji": "❤️", "count": 1, "userIds": [ben.id]},
    ]
    assert (after["changeSequence"], after["version"]) == (4, 1)

    for client, emoji in ((ada, "👍"), (ada, "👍"), (ben, "❤️"), (ben, "🎉")):
        await client.data(UNREACT, id=sent["id"], emoji=emoji)
    after = (await ada.data(GET_MESSAGE, id=sent["id"]))["getMessage"]
    assert after["reactions"] == [{"emoji": "👍", "count": 1, "userIds": [ben.id]}]
    assert await changes(ada, room) == 6


@pytest.mark.parametrize("emoji", ["", "a", ":)", "👍👍", "👍 ", "1", "😀" * 50])
async def test_only_one_emoji_is_a_reaction(school: School, emoji: str) -> None:
    ada, _, room = await room_of_two(school)
    sent = await send(ada, room)

    refusal = await ada.refusal(REACT, id=sent["id"], emoji=emoji)

    assert (refusal["errorType"], refusal["errorInfo"]["rule"]) == ("BAD_REQUEST", "EMOJI")


async def test_a_message_takes_twenty_different_emoji(school: School) -> None:
    ada, _, room = await room_of_two(school)
    sent = await send(ada, room)
    emoji = [chr(code) for code in range(0x1F600, 0x1F600 + 21)]
    for each in emoji[:20]:
        await ada.data(REACT, id=sent["id"], emoji=each)

    refusal = await ada.refusal(REACT, id=sent["id"], emoji=emoji[20])

    assert (refusal["errorType"], refusal["errorInfo"]["limit"]) == ("LIMIT_EXCEEDED", 20)


async def test_messages_are_listed_by_time_in_either_direction(school: School) -> None:
    ada, _, room = await room_of_two(school)
    for number in range(9):
        school.clock.advance(seconds=1)
        sent = await send(ada, room, f"{number}")
        if number == 4:
            middle = sent["sentAt"]

    for limit in (1, 7, 100):
        newest = await walk(ada, MESSAGES, limit, room=room["id"])
        assert [message["body"] for message in newest] == list("876543210")
        oldest = await walk(ada, MESSAGES, limit, room=room["id"], sort="ASC", sentAfter=middle)
        assert [message["body"] for message in oldest] == list("5678")


async def test_catching_up_gives_every_change_once_in_its_present_form(school: School) -> None:
    ada, ben, room = await room_of_two(school)
    first, second = await send(ada, room, "one"), await send(ben, room, "two")
    await send(ben, room, "three", replyToId=first["id"])
    await ada.data(EDIT, input={"id": first["id"], "body": "uno"})
    await ben.data(DELETE, id=second["id"])
    await ada.data(REACT, id=first["id"], emoji="👍")

    for limit in (1, 7, 100):
        behind = await walk(ada, MESSAGES, limit, room=room["id"], afterChange=2)
        assert [(each["sequence"], each["changeSequence"], each["body"]) for each in behind] == [
            (3, 4, "three"),
            (2, 6, ""),
            (1, 7, "uno"),
        ]
        behind = await walk(ada, MESSAGES, limit, room=room["id"], afterSequence=1)
        assert [each["sequence"] for each in behind] == [2, 3]
    assert await messages(ada, room, afterChange=7) == []
    assert await messages(ada, room, afterSequence=2_147_483_647) == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"afterChange": 1, "afterSequence": 1}, "afterChange"),
        ({"sentAfter": "2036-01-01T00:00:00Z", "afterChange": 1}, "afterChange"),
        ({"afterChange": -1}, "afterChange"),
        ({"afterSequence": 1, "sort": "DESC"}, "sortDirection"),
    ],
)
async def test_cursors_exclude_each_other(school: School, given: dict[str, Any], field: str) -> None:
    ada, _, room = await room_of_two(school)

    refusal = await ada.refusal(MESSAGES, room=room["id"], **given)

    assert (refusal["errorType"], refusal["errorInfo"]["field"]) == ("BAD_REQUEST", field)


async def test_search_looks_through_the_callers_rooms_newest_first(school: School) -> None:
    ada, ben, room = await room_of_two(school)
    private = await create_room(ada, "PRIVATE")
    await invite(ada, private, ben)
    left = await create_room(ada)
    await join(ben, left)
    for number, where in enumerate((room, private, left, room)):
        school.clock.advance(seconds=1)
        await send(ada, where, f"Curlew {number}")
    await send(ada, room, "A gull")
    await ben.data(LEAVE, room=left["id"])
    await school.drain()

    assert await found(ada, "curlew") == ["Curlew 3", "Curlew 2", "Curlew 1", "Curlew 0"]
    assert await found(ben, "curl") == ["Curlew 3", "Curlew 0"]
    assert await found(ben, "curlew", room=left["id"]) == ["Curlew 2"]  # it is PUBLIC
    for limit in (1, 3):
        assert [hit["body"] for hit in await walk(ada, SEARCH, limit, words="curlew")] == [
            f"Curlew {number}" for number in (3, 2, 1, 0)
        ]
    assert await error(ada, SEARCH, words="c") == "BAD_REQUEST"


async def test_search_follows_edits(school: School) -> None:
    ada, _, room = await room_of_two(school)
    sent = await send(ada, room, "A curlew")
    await school.drain()
    await ada.data(EDIT, input={"id": sent["id"], "body": "A whimbrel"})
    await school.drain()
    await school.drain()

    assert await found(ada, "curlew") == []
    assert await found(ada, "whimbrel") == ["A whimbrel"]


async def test_messages_expire_after_thirty_days(school: School) -> None:
    ada, _, room = await room_of_two(school)
    sent = await send(ada, room)

    item = await school.store.get(MESSAGE_TABLE, {"messageId": sent["id"]})

    assert item is not None
    assert item["ttl"] == int(school.clock.seconds()) + 30 * 24 * 3600


async def test_an_expired_message_is_found_no_more(school: School) -> None:
    """The store takes away the message and its rows one after another, in any order."""
    ada, _, room = await room_of_two(school)
    sent = await send(ada, room, "A curlew")
    await school.drain()
    await school.store.delete(MESSAGE_TABLE, {"messageId": sent["id"]})
    await school.store.delete(ROOM_LOG, {"roomId": room["id"], "sk": "C#000000000001"})

    await school.drain()

    assert await school.search.search(f"ROOM#{room['id']}", "curlew", limit=10) == []
    assert await messages(ada, room, afterChange=0) == []
    assert await messages(ada, room, afterSequence=0) == []


async def test_every_change_of_a_message_is_published(school: School) -> None:
    ada, ben, room = await room_of_two(school)
    sent = await send(ada, room)
    school.published.clear()

    reply = await send(ben, room, replyToId=sent["id"])
    await ada.data(EDIT, input={"id": sent["id"], "body": "Hi"})
    await ben.data(REACT, id=sent["id"], emoji="👍")
    await ben.data(UNREACT, id=sent["id"], emoji="👍")
    await ben.data(DELETE, id=reply["id"])
    await error(ben, DELETE, id=sent["id"])

    assert [key["id"] for name, key in school.published if name == "publishMessage"] == [
        reply["id"],
        *[sent["id"]] * 4,
        reply["id"],
    ]
    publish = "mutation ($id: ID!) { publishMessage(id: $id) { changeSequence sender { displayName } } }"
    told = {"changeSequence": 6, "sender": {"displayName": "Ada"}}
    for _ in range(3):
        assert (await school.backend.data(publish, id=sent["id"]))["publishMessage"] == told
    assert (await school.backend.data(publish, id="gone"))["publishMessage"] is None


async def test_an_erased_sender_is_a_deleted_user(school: School) -> None:
    ada, ben, room = await room_of_two(school)
    sent = await send(ben, room)
    await meet(ben)
    await school.store.put(USERS, {"userId": ben.id, "status": "ERASED", "erasedAt": school.clock.now()})

    assert (await ada.data(GET_MESSAGE, id=sent["id"]))["getMessage"]["sender"] == {"displayName": "Deleted user"}
