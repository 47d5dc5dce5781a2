"""Presence: the last heartbeat of each user, for 75 seconds; and who may say how often that they are typing."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from datasources.batches import get_each
from datasources.conditions import equals
from datasources.ports import ConditionFailed, Item, RecordStore, SortRange
from datasources.recent import Recent
from datasources.room_members import RoomMembers
from datasources.shards import shard
from datasources.tables import PRESENCE
from domain.presence import HEARTBEAT_SECONDS, Presence, at, offline
from domain.rate import RateLimiter
from domain.records import to_item
from domain.times import Timestamp, epoch_seconds, later, moment

ROOMS_SECONDS = 5.0
"""How long it is remembered who is in which rooms, to tell who may see whom."""
TYPING_PAUSE_SECONDS = 3.0
_TYPING_BURST = 2
"""So that one who tells in the right rhythm may also tell at any time that they stopped."""
_REMEMBERED_USERS = 2_000
_READS_AT_ONCE = 10
_SHARDS = 4
_MOST_AT_ONCE = 100
_SPARE_SECONDS = 3_600
"""How long an old heartbeat waits for `expire`, which tells of it, before the store lets it go."""


class Presences:
    def __init__(self, store: RecordStore, members: RoomMembers, now: Callable[[], Timestamp]) -> None:
        def seconds() -> float:
            return moment(now()).timestamp()

        self._store = store
        self._typing = RateLimiter(1 / TYPING_PAUSE_SECONDS, _TYPING_BURST, seconds)
        self._members = members
        self._rooms: Recent[str, frozenset[str]] = Recent(size=_REMEMBERED_USERS, seconds=ROOMS_SECONDS)

    async def of(self, user_ids: Sequence[str], now: Timestamp) -> list[Presence]:
        """Of each user, in order, whoever asks."""
        items = await get_each(self._store, PRESENCE, [{"userId": user_id} for user_id in user_ids])
        return [
            offline(user_id) if item is None else at(msgspec.convert(item, Presence), now)
            for user_id, item in zip(user_ids, items, strict=True)
        ]

    async def beat(self, user_id: str, status: str, now: Timestamp) -> Presence:
        presence = Presence(user_id, status, now)
        ends_at = later(now, seconds=HEARTBEAT_SECONDS)
        item: Item = {
            **to_item(presence),
            "ttl": epoch_seconds(ends_at) + _SPARE_SECONDS,
            "expiryShard": _shard(shard(user_id, _SHARDS)),
            "expiryAt": ends_at,
        }
        await self._store.put(PRESENCE, item)
        return presence

    async def expire(self, now: Timestamp) -> list[str]:
        """Take away heartbeats that count no longer; the users who were online until then, at most 400."""
        pages = await asyncio.gather(
            *(
                self._store.query(
                    PRESENCE, _shard(number), index="ExpiryIndex", sort=SortRange(at_most=now), limit=_MOST_AT_ONCE
                )
                for number in range(_SHARDS)
            )
        )
        return [item["userId"] for page in pages for item in page.items if await self._taken_away(item)]

    async def share_a_room(self, user_id: str, others: Sequence[str], now: Timestamp) -> frozenset[str]:
        """Those among `others` who are in a room with the user; the user themselves too."""
        rooms = await self._rooms_of(user_id, now)
        gate = asyncio.Semaphore(_READS_AT_ONCE)

        async def meets(other: str) -> bool:
            async with gate:
                return other == user_id or not rooms.isdisjoint(await self._rooms_of(other, now))

        met = await asyncio.gather(*map(meets, others))
        return frozenset(other for other, is_met in zip(others, met, strict=True) if is_met)

    def typing_wait(self, room_id: str, user_id: str) -> int:
        """0 when the user may tell the room now whether they are typing; else the seconds until then."""
        return self._typing.wait((room_id, user_id))

    def forget_rooms(self, user_id: str) -> None:
        """The user joined or left one."""
        self._rooms.forget(user_id)

    async def _rooms_of(self, user_id: str, now: Timestamp) -> frozenset[str]:
        known = self._rooms.get(user_id, now)
        if known is not None:
            return known
        ticket = self._rooms.ticket()
        rooms = frozenset(await self._members.joined_rooms(user_id))
        self._rooms.remember(user_id, rooms, now, ticket)
        return rooms

    async def _taken_away(self, item: Item) -> bool:
        """False when there was a new heartbeat meanwhile."""
        try:
            await self._store.delete(
                PRESENCE, {"userId": item["userId"]}, condition=equals("lastSeenAt", item["lastSeenAt"])
            )
        except ConditionFailed:
            return False
        return bool(item["status"] != "OFFLINE")


def _shard(number: int) -> str:
    return f"EXPIRY#{number}"
