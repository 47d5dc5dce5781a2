"""The demo school's rooms: everybody says what they are to say, once, in the past."""

from pathlib import Path

import pytest

from app import seed as seeding
from app.auth.local_issuer import user_id
from app.demo_chat import read
from app.seed import seed
from app.seed_chat import plant_chat
from datasources.local.sqlite import SQLiteStore
from datasources.ports import RecordStore
from domain.errors import DomainError
from domain.messages import Message
from domain.rooms import Room
from domain.times import Timestamp, later
from resolvers.context import Sources
from tests.app.test_seed import CutOff, Ground, ground
from tests.learning import NOW


async def rooms_of(here: Ground, username: str) -> dict[str, Room]:
    room_ids = await here.sources.room_members.joined_rooms(user_id(username))
    rooms = [room for room in await here.sources.rooms.get_many(room_ids) if room is not None]
    return {room.name or room.kind: room for room in rooms}


async def conversation(here: Ground, room: Room) -> list[Message]:
    messages, following = await here.sources.messages.behind_sequence(room.id, 0, None, 100)
    assert following is None
    return messages


async def test_the_demo_user_finds_lively_rooms(sqlite_store: SQLiteStore) -> None:
    here = ground(sqlite_store)
    await seed(here, NOW)

    rooms = await rooms_of(here, "ada")

    assert set(rooms) == {*(plan.name or plan.kind for plan in read()), "Questions about the week"}
    for plan in read():
        room = rooms[plan.name or plan.kind]
        messages = await conversation(here, room)
        assert [message.body for message in messages] == [line.says for line in plan.lines]
        assert all(later(NOW, days=-30) < message.sent_at < NOW for message in messages)
        assert sum(message.reply_count for message in messages) == sum(line.to is not None for line in plan.lines)
        reactions = [reaction.count for message in messages for reaction in message.reactions]
        assert sum(reactions) == sum(len(fans) for line in plan.lines for fans in line.liked.values())
    assert rooms["Field notes"].name not in await rooms_of(here, "aiko")


@pytest.mark.parametrize("transactions", [1, 10, 40, 80, 120])
async def test_conversations_that_were_cut_off_end_as_if_they_had_not_been(
    sqlite_store: SQLiteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transactions: int
) -> None:
    whole = ground(sqlite_store)
    await seed(whole, NOW)
    async with SQLiteStore.open(tmp_path / "cut-off.db") as store:
        cut = CutOff(store, transactions)

        async def cut_off_first(_: RecordStore, __: Sources, now: Timestamp) -> None:
            with pytest.raises(DomainError):
                await plant_chat(cut, ground(cut).sources, now)  # type: ignore[arg-type] # it does what a store does
            for _ in range(2):
                await plant_chat(store, ground(store).sources, now)

        monkeypatch.setattr(seeding, "plant_chat", cut_off_first)
        here = ground(store)
        await seed(here, NOW)

        rooms, true_rooms = await rooms_of(here, "ada"), await rooms_of(whole, "ada")
        assert rooms.keys() == true_rooms.keys()
        for name, room in rooms.items():
            said, true_words = await conversation(here, room), await conversation(whole, true_rooms[name])
            assert [(each.body, each.reactions) for each in said] == [
                (each.body, each.reactions) for each in true_words
            ]
            assert room.last_change_sequence == true_rooms[name].last_change_sequence


async def test_the_room_of_the_examples_is_there(sqlite_store: SQLiteStore) -> None:
    here = ground(sqlite_store)
    await seed(here, NOW)
    room = await here.sources.rooms.get("common-room")
    assert room is not None
    assert room.kind == "PUBLIC"
