"""The demo school's rooms: everybody says what they are to say, once, in the past."""

import pytest

from app.auth.local_issuer import user_id
from app.demo_chat import read
from app.seed import seed
from app.seed_chat import plant_chat
from datasources.local.sqlite import SQLiteStore
from domain.errors import DomainError
from domain.messages import Message
from domain.rooms import Room
from domain.times import later
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

    assert len(rooms) == len(read()) == 4
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
async def test_a_conversation_that_was_cut_off_goes_on(sqlite_store: SQLiteStore, transactions: int) -> None:
    here = ground(sqlite_store)
    await seed(here, NOW)
    before = {name: await conversation(here, room) for name, room in (await rooms_of(here, "ada")).items()}
    late = later(NOW, days=40)

    with pytest.raises(DomainError):
        await plant_chat(cut := CutOff(sqlite_store, transactions), ground(cut).sources, late)  # type: ignore[arg-type]
    for _ in range(2):
        await plant_chat(sqlite_store, here.sources, late)

    rooms = [room for room in (await rooms_of(here, "ada")).values() if room.created_at > NOW]
    assert len(rooms) == len(before) - 1  # the direct room is the one that was there
    for room in rooms:
        messages = await conversation(here, room)
        known = before[room.name or room.kind]
        assert [(each.body, each.reactions) for each in messages] == [(each.body, each.reactions) for each in known]
        assert room.last_change_sequence == max(message.change_sequence for message in known)
