"""Memberships: who is in which room. Each step is one transaction with the room that it rests on."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datasources.batches import get_each
from datasources.conditions import all_of, equals, exists, greater, less, one_of
from datasources.contention import LostRace, settle
from datasources.ports import Change, ConditionFailed, RecordStore, Write
from datasources.room_log import counter
from datasources.room_rows import member_key, member_of, member_step, room_key, unchanged_member, unchanged_room
from datasources.rooms import Rooms
from datasources.tables import ROOM_MEMBERS, ROOMS
from datasources.transactions import commit
from datasources.updates import Add, Set
from domain.errors import Code, DomainError, conflict, not_found
from domain.room_members import ReadReceipt, RoomMember
from domain.rooms import Room
from domain.times import Timestamp

MOST_ROOMS = 1_000
"""Memberships of one user that are looked through for search and presence."""
_PAGE = 100

Step = Callable[[Room, RoomMember | None, RoomMember | None], RoomMember]
"""From the room, the user's row and the actor's to the user's row as it shall be: itself where nothing changes."""


class RoomMembers:
    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self._rooms = Rooms(store)

    # Reads

    async def get(self, room_id: str, user_id: str) -> RoomMember | None:
        item = await self._store.get(ROOM_MEMBERS, member_key(room_id, user_id))
        return None if item is None else member_of(item)

    async def of_user(self, user_id: str, room_ids: Sequence[str]) -> list[RoomMember | None]:
        """The user's rows, in the order of the rooms."""
        return await self._each([member_key(room_id, user_id) for room_id in room_ids])

    async def of_room(self, room_id: str, user_ids: Sequence[str]) -> list[RoomMember | None]:
        """The rows of users, in their order."""
        return await self._each([member_key(room_id, user_id) for user_id in user_ids])

    async def list_user(self, user_id: str, position: Any, size: int) -> tuple[list[RoomMember], Any]:
        """Where the user is, or is invited to, by room."""
        page = await self._store.query(ROOM_MEMBERS, user_id, limit=size, after=position)
        return [row for row in page.records(RoomMember) if row.status in ("INVITED", "JOINED")], page.last_key

    async def list_room(
        self, room_id: str, statuses: Sequence[str], position: Any, size: int
    ) -> tuple[list[RoomMember], Any]:
        """The members in these states, by user."""
        rows, following = await self.list_rooms({room_id: position}, statuses, size)
        return rows, following.get(room_id)

    async def list_rooms(
        self, positions: Mapping[str, Any], statuses: Sequence[str], size: int
    ) -> tuple[list[RoomMember], dict[str, Any]]:
        """As `list_room`, of at most 100 rooms by their ids: a page of each, and where those go on that have more."""
        pages = await self._store.query_each(
            ROOM_MEMBERS, positions, index="RoomIdUserIdIndex", limit=size, where=one_of("status", *statuses)
        )
        by_room = dict(zip(positions, pages, strict=True))
        rows = await self._each(
            [member_key(room_id, item["userId"]) for room_id, page in by_room.items() for item in page.items]
        )
        present = [row for row in rows if row is not None and row.status in statuses]
        return present, {room_id: page.last_key for room_id, page in by_room.items() if page.last_key is not None}

    async def joined_rooms(self, user_id: str) -> list[str]:
        """The rooms that the user is in, at most those of 1,000 memberships."""
        found: list[str] = []
        after = None
        for _ in range(MOST_ROOMS // _PAGE):
            page = await self._store.query(
                ROOM_MEMBERS, user_id, limit=_PAGE, after=after, where=equals("status", "JOINED")
            )
            found += [item["roomId"] for item in page.items]
            after = page.last_key
            if after is None:
                break
        return found

    async def _each(self, keys: Sequence[dict[str, str]]) -> list[RoomMember | None]:
        items = await get_each(self._store, ROOM_MEMBERS, keys)
        return [None if item is None else member_of(item) for item in items]

    # Steps

    async def step(
        self, room_id: str, user_id: str, step: Step, *, actor_id: str, expected_version: int | None = None
    ) -> tuple[RoomMember, bool]:
        """The user's row after `step`, and whether anything changed. Called anew after a lost race.

        Args:
            actor_id: who does it, with rights that still hold when it is committed.

        Raises:
            DomainError: NOT_FOUND for an unknown room; CONFLICT; LAST_OWNER when nobody would own the room any
                more; THROTTLED; what `step` raises.
        """

        async def attempt() -> tuple[RoomMember, bool]:
            room, [before, actor] = await asyncio.gather(
                self._rooms.get(room_id), self.of_room(room_id, [user_id, actor_id])
            )
            if room is None:
                raise not_found("room")
            after = step(room, before, actor)
            if expected_version is not None and before is not None and before.version != expected_version:
                raise conflict(before.version)
            if after is before:
                return before, False
            writes = [member_step(before, after), _room_write(room, before, after)]
            if actor is not None and actor_id != user_id:
                writes.append(unchanged_member(actor))
            await commit(self._store, [(write, LostRace()) for write in writes])
            return after, True

        return await settle(attempt, "The room")

    # Read positions

    async def mark_read(self, room_id: str, user_id: str, sequence: int, now: Timestamp) -> ReadReceipt | None:
        """Where the user's read position stands afterwards: no further than the last message, never further back.

        None for who is not in the room.
        """
        furthest = min(sequence, (await counter(self._store, room_id)).last_sequence)
        forward = all_of(equals("status", "JOINED"), less("lastReadSequence", furthest))
        moves = [Set("lastReadSequence", furthest), Set("readAt", now)]
        try:
            item = await self._store.update(ROOM_MEMBERS, member_key(room_id, user_id), moves, condition=forward)
        except ConditionFailed as failed:
            if failed.item is None or failed.item["status"] != "JOINED":
                return None
            item = failed.item
        member = member_of(item)
        return ReadReceipt(room_id, user_id, member.last_read_sequence, member.read_at or member.joined_at)


def _room_write(room: Room, before: RoomMember | None, after: RoomMember) -> Write:
    """The room as it was read; and with one owner more or less, as long as one is left."""
    more = after.is_owner - (before is not None and before.is_owner)
    unchanged = unchanged_room(room)
    if not more:
        return unchanged
    if more < 0 and room.owner_count <= 1:
        raise DomainError(Code.LAST_OWNER, "Somebody else has to own the room first.")
    left = greater("ownerCount", 1) if more < 0 else exists("roomId")
    return Change(ROOMS, room_key(room.id), [Add("ownerCount", more)], all_of(unchanged.condition, left))
