"""A school full of people: chat rooms, their members and what was said in them, and each member's token."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from ulid import ULID

from app.auth.local_issuer import LocalIssuer, user_id
from app.clock import now
from app.settings import Settings
from app.sign_in import open_issuer
from app.wiring import App, open_app
from domain.callers import Caller, Mode
from domain.messages import Words
from domain.room_members import RoomMember, join
from domain.rooms import Room, new_room

OWNER = "bench-owner"
SAID = 20
"""Messages in each room, by different members when there are so many."""
_AT_ONCE = 50


@dataclass(frozen=True)
class Member:
    """Someone in a room. `number` counts from 0; neighbours are in different rooms."""

    number: int
    room_id: str
    token: str


async def plant(folder: Path, members: int, rooms: int) -> list[Member]:
    """Fills a data folder, by the calls that the product itself makes, and lets its workers finish."""
    settings = Settings.load({"DATA_DIR": str(folder), "SEED_DEMO": "off"})
    issuer = await open_issuer(settings)
    if issuer is None:
        raise RuntimeError("this needs the local issuer")
    async with open_app(settings) as app:
        room_ids = [await _room(app, f"Room {number}") for number in range(rooms)]
        places = [Member(number, room_ids[number % rooms], _token(issuer, number)) for number in range(members)]
        for start in range(0, members, _AT_ONCE):
            await asyncio.gather(*(_enter(app, place) for place in places[start : start + _AT_ONCE]))
        for number in range(SAID):
            speakers = [places[(number * rooms + room) % members] for room in range(rooms)]
            await asyncio.gather(*(_speak(app, speaker, number) for speaker in speakers))
        await app.workers.drain()
    return places


async def _room(app: App, name: str) -> str:
    room = new_room({"kind": "PUBLIC", "name": name}, room_id=str(ULID()), now=now())
    return (await app.sources.rooms.create(room, user_id(OWNER), None, now())).id


async def _enter(app: App, place: Member) -> None:
    caller = Caller(Mode.COGNITO, user_id(_name(place.number)), username=_name(place.number))

    def joined(room: Room, before: RoomMember | None, _: RoomMember | None) -> RoomMember:
        return join(room, caller.id, before, now())

    await app.sources.users.seen(caller, now())
    await app.sources.room_members.step(place.room_id, caller.id, joined, actor_id=caller.id)


async def _speak(app: App, place: Member, number: int) -> None:
    words = Words(f"Message {number}: has anybody seen the oystercatchers this morning?")
    speaker = user_id(_name(place.number))
    await app.sources.messages.send(place.room_id, speaker, words, reply_to_id=None, fresh_id=str(ULID()), request=None)


def _token(issuer: LocalIssuer, number: int) -> str:
    return issuer.token(_name(number))


def _name(number: int) -> str:
    return f"member-{number}"
