"""Rooms and memberships under races, on both engines."""

import random

import pytest

from datasources.ports import RecordStore
from domain.errors import Code, DomainError
from domain.room_members import RoomMember, invite, leave, moderate
from domain.rooms import Room, archived_room, changed_room, direct_room
from tests.chatting import NOW, OWNER, Chat
from tests.learning import crowd
from tests.races import at_once, codes, successes


async def left(chat: Chat, room: Room, user_id: str) -> RoomMember:
    def step(room: Room, before: RoomMember | None, _actor: RoomMember | None) -> RoomMember:
        assert before is not None
        return leave(room, before)

    member, _ = await chat.members.step(room.id, user_id, step, actor_id=user_id)
    return member


async def moderated(chat: Chat, room: Room, user_id: str, actor_id: str = OWNER, **given: object) -> RoomMember:
    def step(room: Room, before: RoomMember | None, actor: RoomMember | None) -> RoomMember:
        assert before is not None
        assert actor is not None
        return moderate(room, actor, before, given, NOW)

    member, _ = await chat.members.step(room.id, user_id, step, actor_id=actor_id)
    return member


async def test_two_users_who_open_their_room_at_once_meet_in_one(store: RecordStore) -> None:
    chats = (Chat(store), Chat(store))
    pairs = (("ada", "bob"), ("bob", "ada"))

    opened = await at_once(
        [
            lambda number=number: chats[number % 2].rooms.open_direct(
                direct_room(*pairs[number % 2], NOW), pairs[number % 2]
            )
            for number in range(10)
        ]
    )

    [room_id] = {room.id for room in successes(opened)}
    assert codes(opened) == []
    members = await chats[0].members.of_room(room_id, ["ada", "bob"])
    assert [member is not None and member.is_joined for member in members] == [True, True]


async def test_two_owners_who_leave_at_once_leave_one_behind(store: RecordStore) -> None:
    chat = Chat(store)
    room = await chat.room("ada")
    await moderated(chat, room, "ada", role="OWNER")

    gone = await at_once([lambda user=user: left(chat, room, user) for user in (OWNER, "ada")])

    assert codes(gone) == [Code.LAST_OWNER]
    assert (await chat.counted(room)).owner_count == 1


async def test_of_twenty_updates_of_one_version_one_succeeds(store: RecordStore) -> None:
    chat = Chat(store)
    room = await chat.room()

    results = await at_once(
        [
            lambda number=number: chat.rooms.update(
                room.id, OWNER, lambda room, _: changed_room(room, {"name": f"Name {number}"}), expected_version=1
            )
            for number in crowd(store, 20)
        ]
    )

    assert len(successes(results)) == 1
    assert set(codes(results)) == {Code.CONFLICT}
    assert (await chat.counted(room)).version == 2


async def test_nothing_is_sent_to_a_room_once_its_archiving_was_acknowledged(store: RecordStore) -> None:
    chat, other = Chat(store), Chat(store)
    room = await chat.room("ada")

    async def archive() -> int:
        await chat.rooms.update(room.id, OWNER, lambda room, _: archived_room(room), expected_version=None)
        return (await other.counted(room)).last_sequence

    async def talk() -> int:
        for number in range(20):
            await other.send(room, "ada", f"{number}")
        return 20

    reached, refused = await at_once([archive, talk])

    assert isinstance(refused, DomainError) or refused == 20
    assert (await chat.counted(room)).last_sequence == reached
    with pytest.raises(DomainError) as late:
        await chat.send(room, "ada")
    assert late.value.code == Code.ROOM_ARCHIVED


async def test_nobody_writes_once_their_ban_was_acknowledged(store: RecordStore) -> None:
    chat, other = Chat(store), Chat(store)
    room = await chat.room("ada")

    async def ban() -> int:
        await moderated(chat, room, "ada", status="BANNED")
        return (await other.counted(room)).last_sequence

    async def talk() -> None:
        for _ in range(20):
            await other.send(room, "ada")

    reached, refused = await at_once([ban, talk])

    assert codes([refused]) in ([], [Code.MEMBER_BANNED])
    assert (await chat.counted(room)).last_sequence == reached


async def test_who_is_no_moderator_any_more_moderates_nothing_any_more(store: RecordStore) -> None:
    chat, other = Chat(store), Chat(store)
    room = await chat.room("ada", "bob")
    await moderated(chat, room, "ada", role="MODERATOR")

    async def demote() -> int | None:
        await moderated(chat, room, "ada", role="MEMBER")
        return bob.version if (bob := await other.members.get(room.id, "bob")) else None

    async def mute() -> None:
        for minute in range(10, 30):

            def step(room: Room, before: RoomMember | None, actor: RoomMember | None) -> RoomMember:
                assert before is not None
                assert actor is not None
                if not actor.moderates:
                    raise DomainError(Code.FORBIDDEN, "no moderator")
                return moderate(room, actor, before, {"muted_until_at": f"2036-09-01T09:{minute}:00.000Z"}, NOW)  # noqa: B023 - called at once

            await other.members.step(room.id, "bob", step, actor_id="ada")

    version, refused = await at_once([demote, mute])

    assert codes([refused]) in ([], [Code.FORBIDDEN])
    bob = await chat.members.get(room.id, "bob")
    assert bob is not None
    assert bob.version == version


async def test_a_read_position_only_moves_forward_and_never_past_the_last_message(store: RecordStore) -> None:
    chats = (Chat(store), Chat(store))
    room = await chats[0].room("ada")
    for _ in range(30):
        await chats[0].send(room, OWNER)
    dice = random.Random(5)
    marks = [dice.randrange(25) for _ in crowd(store, 40)]

    receipts = successes(
        await at_once(
            [
                lambda mark=mark, chat=chats[number % 2]: chat.members.mark_read(room.id, "ada", mark, NOW)
                for number, mark in enumerate(marks)
            ]
        )
    )

    assert all(
        receipt is not None and receipt.last_read_sequence >= mark
        for receipt, mark in zip(receipts, marks, strict=True)
    )
    ada = await chats[0].members.get(room.id, "ada")
    assert ada is not None
    assert ada.last_read_sequence == max(marks)
    beyond = await chats[0].members.mark_read(room.id, "ada", 1_000, NOW)
    assert beyond is not None
    assert beyond.last_read_sequence == 30


async def test_a_step_leaves_a_read_position_that_moves_meanwhile(store: RecordStore) -> None:
    chat, other = Chat(store), Chat(store)
    room = await chat.room("ada")
    for _ in range(10):
        await chat.send(room, OWNER)

    await at_once(
        [
            lambda: moderated(chat, room, "ada", role="MODERATOR"),
            *(lambda mark=mark: other.members.mark_read(room.id, "ada", mark, NOW) for mark in range(1, 11)),
        ]
    )

    ada = await chat.members.get(room.id, "ada")
    assert ada is not None
    assert (ada.role, ada.last_read_sequence) == ("MODERATOR", 10)


async def test_everybody_who_joins_at_once_is_in_once(store: RecordStore) -> None:
    chats = (Chat(store), Chat(store))
    room = await chats[0].room()
    users = [f"user-{number}" for number in crowd(store, 20)]

    joined = await at_once([lambda user=user, chat=chat: chat.enter(room, user) for user in users for chat in chats])

    assert codes(joined) == []
    assert all(member.version == 1 for member in await chats[0].members.of_room(room.id, users) if member)


async def test_an_invitation_that_is_there_already_stays(store: RecordStore) -> None:
    chat = Chat(store)
    room = await chat.room(kind="PRIVATE")

    def step(room: Room, before: RoomMember | None, _actor: RoomMember | None) -> RoomMember:
        return invite(room, "ada", before, OWNER, NOW)

    first, is_new = await chat.members.step(room.id, "ada", step, actor_id=OWNER)
    again, is_new_again = await chat.members.step(room.id, "ada", step, actor_id=OWNER)

    assert (is_new, is_new_again) == (True, False)
    assert first == again
    assert again.status == "INVITED"
