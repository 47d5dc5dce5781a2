"""Messages under load: many senders, many processes, one room."""

import asyncio
import random
from functools import partial
from typing import Any

import pytest

from datasources import room_queue
from datasources.idempotency import Request
from datasources.ports import RecordStore
from datasources.room_draft import Reaction
from datasources.tables import REACTIONS
from domain.errors import Code, DomainError, dependency_failed
from domain.messages import Message
from domain.times import Timestamp
from tests.chatting import OWNER, Chat, log_numbers
from tests.learning import crowd
from tests.races import at_once, codes, successes


async def test_twenty_senders_fill_every_place_once_in_the_order_of_time(store: RecordStore) -> None:
    """From two processes, so that they race for the counter."""
    senders = [f"user-{number}" for number in crowd(store, 20)]
    each = 50 if len(senders) == 20 else 10
    processes = (Chat(store), Chat(store))
    room = await processes[0].room(*senders)

    async def talk(sender: str) -> list[Message]:
        chat = processes[senders.index(sender) % 2]
        return [await chat.send(room, sender, f"{sender} {number}") for number in range(each)]

    acknowledged = successes(await at_once([lambda sender=sender: talk(sender) for sender in senders]))

    total = len(senders) * each
    stored = await processes[0].behind_sequence(room, 0)
    assert [message.sequence for message in stored] == list(range(1, total + 1))
    assert sorted(stored, key=lambda message: message.sent_at) == stored
    assert len({message.sent_at for message in stored}) == total
    for sent in acknowledged:
        assert [message for message in stored if message.sender_id == sent[0].sender_id] == sent
    now = await processes[0].counted(room)
    assert (now.last_sequence, now.last_change_sequence) == (total, total)
    assert now.last_message_at == stored[-1].sent_at


async def test_a_repeated_call_sends_nothing_twice(store: RecordStore) -> None:
    processes = (Chat(store), Chat(store))
    room = await processes[0].room("ada")
    request = Request("ada#sendMessage#token", "hash")

    sent = await at_once(
        [lambda chat=processes[number % 2]: chat.send(room, "ada", "Once", request=request) for number in range(10)]
    )

    assert len({message.id for message in successes(sent)}) == 1
    assert [message.body for message in await processes[0].behind_sequence(room, 0)] == ["Once"]
    assert (await processes[0].counted(room)).last_change_sequence == 1


class Cut:
    """A store whose answer to one call is lost, before or after it was done."""

    def __init__(self, store: RecordStore, number: int, *, is_done: bool) -> None:
        self._store = store
        self._left = number
        self._is_done = is_done

    def __getattr__(self, name: str) -> Any:
        async def call(*given: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left:
                return await getattr(self._store, name)(*given, **named)
            if self._is_done:
                await getattr(self._store, name)(*given, **named)
            raise dependency_failed("The record store")

        return call


@pytest.mark.parametrize("is_done", [False, True])
async def test_a_call_that_was_cut_at_any_step_and_is_repeated_sends_one_message(
    store: RecordStore, is_done: bool
) -> None:
    chat = Chat(store)
    room = await chat.room("ada")
    for number in range(1, 50):
        request = Request(f"ada#sendMessage#{number}", "hash")
        cut: Any = Cut(store, number, is_done=is_done)
        [answer] = await at_once([partial(Chat(cut).send, room, "ada", "Once", request=request)])
        if isinstance(answer, Message):
            break
        assert answer.code is Code.DEPENDENCY_FAILED
        repeated = await chat.send(room, "ada", "Once", request=request)
        assert repeated.sequence == number

    assert number > 3, "reads and a write"
    stored = await chat.behind_sequence(room, 0)
    assert [message.sequence for message in stored] == list(range(1, number + 1))


async def test_a_repeated_call_with_other_arguments_is_refused(store: RecordStore) -> None:
    chat = Chat(store)
    room = await chat.room("ada")
    await chat.send(room, "ada", "Once", request=Request("ada#sendMessage#token", "hash"))

    with pytest.raises(DomainError) as refused:
        await chat.send(room, "ada", "Twice", request=Request("ada#sendMessage#token", "other hash"))

    assert refused.value.code == Code.IDEMPOTENCY_MISMATCH
    assert (await chat.counted(room)).last_sequence == 1


async def test_reactions_are_a_set_whatever_the_order(store: RecordStore) -> None:
    """And every change takes one number, a call that changes nothing takes none."""
    users = [f"user-{number}" for number in crowd(store, 20)]
    chats = (Chat(store), Chat(store))
    room = await chats[0].room(*users)
    message = await chats[0].send(room, OWNER)
    dice = random.Random(7)
    plan = [(user, emoji, dice.random() < 0.6) for user in users for emoji in "👍🎉" for _ in range(4)]
    dice.shuffle(plan)

    results = await at_once(
        [
            lambda step=step, chat=chats[number % 2]: chat.messages.react(message.id, step[1], step[0], is_set=step[2])
            for number, step in enumerate(plan)
        ]
    )

    assert codes(results) == []
    after = await chats[0].messages.get(message.id)
    assert after is not None
    for reaction in after.reactions:
        assert reaction.count == len(set(reaction.user_ids))
        rows = [await store.get(REACTIONS, Reaction(message.id, reaction.emoji, user).key) for user in users]
        assert sum(row is not None for row in rows) == reaction.count
    places, changes = await log_numbers(store, room)
    assert (places, changes) == ([1], [after.change_sequence])
    assert (await chats[0].counted(room)).last_change_sequence == after.change_sequence


async def test_both_cursors_are_complete_while_the_room_is_busy(store: RecordStore) -> None:
    users = [f"user-{number}" for number in crowd(store, 10)]
    chat, other = Chat(store), Chat(store)
    room = await chat.room(*users)
    first = [await chat.send(room, users[0], f"before {number}") for number in range(12)]
    dice = random.Random(3)

    async def act(user: str) -> None:
        for number in range(8):
            target = dice.choice(first)
            match number % 4:
                case 0:
                    await other.send(room, user, f"{user} {number}", reply_to=target)
                case 1:
                    await chat.messages.react(target.id, "👍", user, is_set=True)
                case 2:
                    await other.send(room, user)
                case _:
                    await chat.messages.react(target.id, "👍", user, is_set=False)

    async def read_all(size: int) -> tuple[list[Message], list[Message]]:
        return await chat.behind_sequence(room, 4, size), await other.behind_change(room, 4, size)

    writing = asyncio.gather(*map(act, users))
    for size in (1, 7, 100):
        known = {message.id for message in await chat.behind_sequence(room, 0)}
        by_place, by_change = await read_all(size)
        assert [message.sequence for message in by_place] == list(range(5, len(by_place) + 5))
        numbers = [message.change_sequence for message in by_change]
        assert numbers == sorted(set(numbers))
        assert known <= {message.id for message in by_place} | {message.id for message in first[:4]}
    await writing

    stored = {message.id: message for message in await chat.behind_sequence(room, 0)}
    total = (await chat.counted(room)).last_change_sequence
    for number in range(total + 1):
        for size in (1, 7, 100) if number in (0, 1, total // 2, total - 1) else (100,):
            wanted = [message for message in stored.values() if message.change_sequence > number]
            wanted.sort(key=lambda message: message.change_sequence)
            assert await chat.behind_change(room, number, size) == wanted
            assert await chat.behind_sequence(room, number, size) == list(stored.values())[number:]


async def test_a_client_that_catches_up_holds_what_the_room_holds(store: RecordStore) -> None:
    """It hears nothing live: it only asks for what changed since, again and again, while everybody is at work."""
    users = [f"user-{number}" for number in crowd(store, 20)]
    chat = Chat(store)
    room = await chat.room(*users)
    done = asyncio.Event()
    dice = random.Random(11)

    async def act(user: str) -> None:
        mine = [await chat.send(room, user, f"{user} begins")]
        for number in range(10):
            message = dice.choice(mine)
            match dice.randrange(5):
                case 0:
                    mine.append(await chat.send(room, user, f"{user} {number}"))
                case 1 if not (await chat.messages.get(message.id)).is_deleted:  # type: ignore[union-attr]
                    await chat.messages.edit(message.id, user, f"edit {number}", mentioned=None, expected_version=None)
                case 2:
                    await chat.messages.delete(message.id, user, expected_version=None, as_staff=None)
                    mine.append(await chat.send(room, user))
                case 3:
                    await chat.messages.take_down(message.id)
                    mine.append(await chat.send(room, user))
                case _:
                    mine.append(await chat.send(room, user, reply_to=mine[-1] if await alive(mine[-1]) else None))

    async def alive(message: Message) -> bool:
        found = await chat.messages.get(message.id)
        return found is not None and not found.is_deleted

    async def follow() -> dict[str, Message]:
        copy: dict[str, Message] = {}
        reached = 0
        while True:
            is_last = done.is_set()
            for message in await chat.behind_change(room, reached, dice.choice((1, 7, 100))):
                reached = message.change_sequence
                copy[message.id] = message
            if is_last:
                return copy
            await asyncio.sleep(0)

    following = asyncio.create_task(follow())
    await asyncio.gather(*map(act, users))
    done.set()

    assert await following == {message.id: message for message in await chat.behind_sequence(room, 0)}
    counted = await chat.counted(room)
    places, changes = await log_numbers(store, room)
    assert places == list(range(1, counted.last_sequence + 1))
    assert len(changes) == len(places)


async def test_one_sender_is_refused_and_the_others_of_the_same_moment_are_not(store: RecordStore) -> None:
    """They may share a transaction, and none of them pays for another's fault."""
    users = [f"user-{number}" for number in range(6)]
    chat = Chat(store)
    room = await chat.room(*users)

    sent = await at_once([lambda user=user: chat.send(room, user) for user in (*users, "stranger", "stranger too")])

    assert codes(sent) == [Code.FORBIDDEN, Code.FORBIDDEN]
    assert len(await chat.behind_sequence(room, 0)) == len(users)


async def test_a_caller_who_gives_up_stops_nobody_else(store: RecordStore) -> None:
    chat = Chat(store)
    room = await chat.room("ada", "bob")
    hasty = [asyncio.create_task(chat.send(room, "ada", "Forget it")) for _ in range(5)]
    patient = asyncio.create_task(chat.send(room, "bob", "Here"))
    await asyncio.sleep(0)
    for task in hasty:
        task.cancel()

    assert (await patient).body == "Here"
    stored = await chat.behind_sequence(room, 0)
    assert [message.sequence for message in stored] == list(range(1, len(stored) + 1))


async def test_a_room_has_only_so_many_waiting(store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_queue, "MOST_WAITING", 5)
    chat = Chat(store)
    room = await chat.room()

    sent = await at_once([lambda: chat.send(room, OWNER) for _ in range(20)])

    assert set(codes(sent)) == {Code.THROTTLED}
    assert len(await chat.behind_sequence(room, 0)) == len(successes(sent)) >= 5
    await chat.send(room, OWNER)


async def test_a_message_costs_the_same_in_a_room_of_two_and_of_many(store: RecordStore) -> None:
    writes: list[int] = []

    class Counting:
        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        async def transact(self, sent, *, token=None):  # type: ignore[no-untyped-def]
            writes.append(len(sent))
            await store.transact(sent, token=token)

    for size in (1, 40):
        chat = Chat(store)
        room = await chat.room(*(f"user-{number}" for number in range(size)))
        counting = Chat(Counting())  # type: ignore[arg-type]
        await counting.send(room, OWNER)

    assert writes[0] == writes[1] == 6  # counter, room, message, two log rows, the sender's place


async def test_sent_later_is_stamped_later_although_the_clock_stands_still(store: RecordStore) -> None:
    chat = Chat(store)
    room = await chat.room()
    times = [(await chat.send(room, OWNER)).sent_at for _ in range(3)]

    assert times == [Timestamp(f"2036-09-01T08:00:00.00{number}Z") for number in range(3)]
