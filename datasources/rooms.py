"""Rooms: their records, found by id, by activity, or by the pair of users that they belong to."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from datasources import idempotency, room_log
from datasources.batches import get_each
from datasources.contention import LostRace, settle
from datasources.ports import Change, RecordStore, Write
from datasources.recent import Recent
from datasources.room_rows import (
    PUBLIC,
    course_scope,
    member_key,
    member_of,
    member_step,
    new_room,
    room_attributes,
    room_key,
    room_of,
    unchanged_member,
    unchanged_room,
)
from datasources.tables import ROOM_MEMBERS, ROOMS
from datasources.transactions import Guarded, commit
from datasources.updates import difference
from domain.errors import conflict, not_found
from domain.records import to_item
from domain.room_members import RoomMember, founder
from domain.rooms import Room
from domain.times import Timestamp

_REMEMBERED_COURSES = 10_000
_COURSE_SECONDS = 3_600.0
_NO_COURSE = ""

RoomStep = Callable[[Room, RoomMember | None], Room]
"""From the room and the actor's row in it to the room as it shall be."""


class Rooms:
    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self._courses: Recent[str, str] = Recent(size=_REMEMBERED_COURSES, seconds=_COURSE_SECONDS)

    async def get(self, room_id: str) -> Room | None:
        return (await self.get_many([room_id]))[0]

    async def place(self, room_id: str) -> Room | None:
        """For who may do what there: in one read, and so with the numbers of a room in which nothing was said."""
        item = await self._store.get(ROOMS, room_key(room_id))
        return None if item is None else room_of(item, None)

    async def get_many(self, room_ids: Sequence[str]) -> list[Room | None]:
        """With their counters, in the order asked; None for the unknown."""
        unique = list(dict.fromkeys(room_ids))
        items = await get_each(self._store, ROOMS, [room_key(room_id) for room_id in unique])
        known = [item for item in items if item is not None]
        counters = await room_log.counter_items(self._store, [item["roomId"] for item in known])
        found = {item["roomId"]: room_of(item, counter) for item, counter in zip(known, counters, strict=True)}
        return [found.get(room_id) for room_id in room_ids]

    async def last_sequences(self, room_ids: Sequence[str]) -> dict[str, int]:
        """The number of the last message, by room; without those that do not exist."""
        counters = await room_log.counter_items(self._store, room_ids)
        numbered = zip(room_ids, counters, strict=True)
        return {room_id: room_log.counter_of(item).last_sequence for room_id, item in numbered if item is not None}

    async def course_of(self, room_id: str, now: Timestamp) -> str | None:
        """The course that a room belongs to, which never changes; None for a room of none and for an unknown one."""
        known = self._courses.get(room_id, now)
        if known is None:
            ticket = self._courses.ticket()
            item = await self._store.get(ROOMS, room_key(room_id))
            if item is None:
                return None
            known = item.get("courseId", _NO_COURSE)
            self._courses.remember(room_id, known, now, ticket)
        return known or None

    async def by_activity(self, course_id: str | None, position: Any, size: int) -> tuple[list[Room], Any]:
        """PUBLIC rooms of a course, or of none, those first in which something was said last (by the hour)."""
        page = await self._store.query(
            ROOMS,
            PUBLIC if course_id is None else course_scope(course_id),
            index="PublicActivityIndex",
            limit=size,
            after=position,
            descending=True,
        )
        rooms = await self.get_many([item["roomId"] for item in page.items])
        return [room for room in rooms if room is not None], page.last_key

    async def created_before(self, request: idempotency.Request | None) -> Room | None:
        """The room that this very request created, as it is now."""
        remembered = await idempotency.replay(self._store, request)
        return None if remembered is None else await self.get(remembered["id"])

    async def create(self, room: Room, owner_id: str, request: idempotency.Request | None, now: Timestamp) -> Room:
        """The room with its owner in it, or the one that the same request created before.

        Raises:
            DomainError: IDEMPOTENCY_MISMATCH, THROTTLED.
        """
        writes: list[Guarded] = [
            *idempotency.once(request, to_item(room), now),
            *((write, LostRace()) for write in creation(room, founder(room, owner_id, "OWNER"))),
        ]

        async def attempt() -> Room:
            earlier = await self.created_before(request)
            if earlier is None:
                await commit(self._store, writes)
            return earlier or room

        return await settle(attempt, "The room")

    async def open_direct(self, room: Room, user_ids: Sequence[str]) -> Room:
        """The DIRECT room of two users, created when there is none yet."""
        members = [founder(room, user_id, "MEMBER") for user_id in sorted(user_ids)]
        writes: list[Guarded] = [(write, LostRace()) for write in creation(room, *members)]

        async def attempt() -> Room:
            earlier = await self.get(room.id)
            if earlier is None:
                await commit(self._store, writes)
            return earlier or room

        return await settle(attempt, "The room")

    async def update(self, room_id: str, actor_id: str, change: RoomStep, *, expected_version: int | None) -> Room:
        """The room after `change`, which is called anew when somebody else changed the room in between.

        Args:
            actor_id: who does it, with rights that still hold when it is committed.

        Raises:
            DomainError: NOT_FOUND, CONFLICT, THROTTLED; what `change` raises.
        """

        async def attempt() -> Room:
            room, row = await asyncio.gather(
                self.get(room_id), self._store.get(ROOM_MEMBERS, member_key(room_id, actor_id))
            )
            if room is None:
                raise not_found("room")
            actor = None if row is None else member_of(row)
            changed = change(room, actor)
            if expected_version not in (None, room.version):
                raise conflict(room.version)
            updates = difference(room_attributes(room), room_attributes(changed))
            writes: list[Write] = [Change(ROOMS, room_key(room_id), updates, unchanged_room(room).condition)]
            if actor is not None:
                writes.append(unchanged_member(actor))
            await commit(self._store, [(write, LostRace()) for write in writes])
            return changed

        return await settle(attempt, "The room")


def creation(room: Room, *members: RoomMember) -> list[Write]:
    """The writes of a room that has not been there, with its founders in it."""
    return [new_room(room), room_log.started(room.id), *(member_step(None, member) for member in members)]
