"""Messages committed on what a process remembers of a room, while other processes decide about it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from datasources import room_memory
from datasources.idempotency import Request
from datasources.ports import RecordStore
from domain.errors import Code
from domain.messages import Message
from domain.room_members import RoomMember, leave, moderate
from domain.rooms import Room, archived_room, changed_room
from tests.chatting import NOW, OWNER, Chat
from tests.races import at_once, codes, successes

LATER = "2036-09-01T09:00:00.000Z"


class Counting:
    """A store that counts its calls."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self._store, name)


async def decide(chat: Chat, room: Room, user_id: str, **given: Any) -> None:
    def step(room: Room, before: RoomMember | None, actor: RoomMember | None) -> RoomMember:
        assert before is not None
        assert actor is not None
        return moderate(room, actor, before, given, NOW)

    await chat.members.step(room.id, user_id, step, actor_id=OWNER)


async def archive(chat: Chat, room: Room) -> None:
    await chat.rooms.update(room.id, OWNER, lambda room, _: archived_room(room), expected_version=None)


async def go(chat: Chat, room: Room) -> None:
    def step(room: Room, before: RoomMember | None, _: RoomMember | None) -> RoomMember:
        assert before is not None
        return leave(room, before)

    await chat.members.step(room.id, "ada", step, actor_id="ada")


DECISIONS: dict[Code, Callable[[Chat, Room], Awaitable[None]]] = {
    Code.MEMBER_BANNED: lambda chat, room: decide(chat, room, "ada", status="BANNED"),
    Code.MEMBER_MUTED: lambda chat, room: decide(chat, room, "ada", muted_until_at=LATER),
    Code.ROOM_ARCHIVED: archive,
    Code.FORBIDDEN: go,
}


async def test_a_plain_message_in_a_room_that_is_known_costs_one_call(store: RecordStore) -> None:
    counting = Counting(store)
    chat = Chat(counting)  # type: ignore[arg-type]
    room = await chat.room("ada")
    await chat.send(room, "ada")
    counting.calls.clear()

    sent = [await chat.send(room, "ada") for _ in range(3)]

    assert counting.calls == {"transact": 3}
    assert await chat.behind_sequence(room, 1) == sent


@pytest.mark.parametrize("code", DECISIONS)
async def test_what_another_process_decides_holds_for_the_next_message(store: RecordStore, code: Code) -> None:
    mine, other = Chat(store), Chat(store)
    room = await mine.room("ada")
    await mine.send(room, "ada")

    await DECISIONS[code](other, room)

    assert codes(await at_once([lambda: mine.send(room, "ada")])) == [code]
    assert (await other.counted(room)).last_sequence == 1


@pytest.mark.parametrize("code", DECISIONS)
async def test_a_decision_and_messages_at_once_have_an_order(store: RecordStore, code: Code) -> None:
    """What was acknowledged stands before it, what was refused comes behind."""
    mine, other = Chat(store), Chat(store)
    room = await mine.room("ada")
    await mine.send(room, "ada")

    async def talk() -> int:
        sent = 1
        while isinstance((await at_once([lambda: mine.send(room, "ada")]))[0], Message):
            sent += 1
        return sent

    async with asyncio.TaskGroup() as tasks:
        talking = tasks.create_task(talk())
        tasks.create_task(DECISIONS[code](other, room))
    assert (await other.counted(room)).last_sequence == talking.result()


async def test_a_refusal_is_never_said_from_memory(store: RecordStore) -> None:
    mine, other = Chat(store), Chat(store)
    room = await mine.room("ada")
    await mine.send(room, "ada")
    await decide(mine, room, "ada", muted_until_at=LATER)
    assert codes(await at_once([lambda: mine.send(room, "ada")])) == [Code.MEMBER_MUTED]
    await mine.send(room, OWNER)

    await decide(other, room, "ada", muted_until_at=None)

    assert (await mine.send(room, "ada")).sequence == 3


async def test_slow_mode_that_another_process_begins_holds(store: RecordStore) -> None:
    mine, other = Chat(store), Chat(store)
    room = await mine.room("ada")
    await mine.send(room, "ada")
    slower = {"slow_mode_seconds": 60}
    await other.rooms.update(room.id, OWNER, lambda room, _: changed_room(room, slower), expected_version=None)

    sent = [*await at_once([lambda: mine.send(room, "ada")]), *await at_once([lambda: mine.send(room, "ada")])]

    assert len(successes(sent)) == 1
    assert codes(sent) == [Code.RATE_LIMITED]


async def test_processes_that_take_turns_leave_no_hole_and_soon_read_first(store: RecordStore) -> None:
    counting = Counting(store)
    mine, other = Chat(counting), Chat(store)  # type: ignore[arg-type]
    room = await mine.room("ada", "ben")
    for _ in range(3):
        await mine.send(room, "ada")
        await other.send(room, "ben")
    counting.calls.clear()

    await mine.send(room, "ada")

    assert counting.calls["transact"] == 1, "nothing was tried in vain"
    assert [message.sequence for message in await other.behind_sequence(room, 0)] == list(range(1, 8))
    await mine.send(room, "ada")
    counting.calls.clear()
    await mine.send(room, "ada")
    assert counting.calls == {"transact": 1}, "alone again"


async def test_a_repeated_call_is_found_although_the_room_is_remembered(store: RecordStore) -> None:
    mine, other = Chat(store), Chat(store)
    room = await mine.room("ada")
    request = Request("ada#sendMessage#token", "hash")
    first = await mine.send(room, "ada", request=request)
    await mine.send(room, "ada")

    assert await mine.send(room, "ada", request=request) == first
    assert await other.send(room, "ada", request=request) == first
    changed = Request("ada#sendMessage#token", "other hash")
    assert codes(await at_once([lambda: mine.send(room, "ada", request=changed)])) == [Code.IDEMPOTENCY_MISMATCH]
    assert (await mine.counted(room)).last_sequence == 2


async def test_what_is_forgotten_is_read_again(store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_memory, "MOST_ROOMS", 2)
    monkeypatch.setattr(room_memory, "MOST_MEMBERS", 2)
    chat = Chat(store)
    rooms = [await chat.room("ada", "ben") for _ in range(3)]

    for _ in range(2):
        for room in rooms:
            for user in ("ada", "ben"):
                await chat.send(room, user)

    for room in rooms:
        assert [message.sequence for message in await chat.behind_sequence(room, 0)] == [1, 2, 3, 4]
