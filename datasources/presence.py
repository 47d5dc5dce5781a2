"""Presence: one row a user, changed by heartbeats and by sockets that open and close; and who may say how often that
they are typing."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from datasources.batches import get_each
from datasources.conditions import Condition, all_of, any_of, at_most, equals, not_exists
from datasources.connections import ROW_SECONDS
from datasources.contention import LostRace, settle
from datasources.ports import ConditionFailed, Item, RecordStore, SortRange
from datasources.recent import Recent
from datasources.room_members import RoomMembers
from datasources.shards import shard
from datasources.tables import PRESENCE
from domain import presence
from domain.presence import Presence, Whereabouts
from domain.rate import RateLimiter
from domain.records import to_item
from domain.times import Timestamp, epoch_seconds, later, moment

ROOMS_SECONDS = 5.0
"""How long it is remembered who is in which rooms, to tell who may see whom."""
TYPING_PAUSE_SECONDS = 3.0
CONFIRM_SECONDS = 5
"""How long after a change it is looked whether subscribers have heard of it."""
_TYPING_BURST = 2
"""So that one who tells in the right rhythm may also tell at any time that they stopped."""
_REMEMBERED_USERS = 2_000
_READS_AT_ONCE = 10
_SHARDS = 4
_MOST_AT_ONCE = 100
_SPARE_SECONDS = 3_600
"""How long a row waits to be looked at before the store lets it go."""


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
        items = await get_each(self._store, PRESENCE, [_key(user_id) for user_id in user_ids])
        return [
            presence.offline(user_id) if item is None else presence.shown(_of(item), now)
            for user_id, item in zip(user_ids, items, strict=True)
        ]

    # Changes. Each tells whether the user is shown differently now, of which subscribers have to hear.

    async def beat(self, user_id: str, status: str, now: Timestamp) -> bool:
        """A heartbeat."""
        return await self._change(user_id, lambda known: presence.said(known, user_id, status, now), now)

    async def came(self, user_id: str, node: str, now: Timestamp) -> bool:
        """The user has a socket open in this process. Repeated every hour, it keeps the row from expiring."""
        return await self._change(user_id, lambda known: presence.came(known, user_id, node, now), now)

    async def went(self, user_id: str, node: str, now: Timestamp) -> bool:
        """The user has no socket there any more."""

        def step(known: Whereabouts | None) -> Whereabouts | None:
            return None if known is None or node not in known.nodes else presence.went(known, node, now)

        return await self._change(user_id, step, now)

    async def _change(
        self, user_id: str, step: Callable[[Whereabouts | None], Whereabouts | None], now: Timestamp
    ) -> bool:
        """Args: step: None where nothing changes."""

        async def attempt() -> bool:
            item = await self._store.get(PRESENCE, _key(user_id))
            known = None if item is None else _of(item)
            after = step(known)
            if after is None:
                return False
            told = presence.announced(known, after, now)
            await self._save(known, told, now)
            return told.told != (presence.OFFLINE if known is None else known.told)

        return await settle(attempt, "The presence")

    # What becomes of rows by the clock

    async def due(self, now: Timestamp) -> list[Whereabouts]:
        """Rows of users who may be there no longer, or of whom subscribers may not have heard; at most 400."""
        pages = await asyncio.gather(
            *(
                self._store.query(
                    PRESENCE, _shard(number), index="ExpiryIndex", sort=SortRange(at_most=now), limit=_MOST_AT_ONCE
                )
                for number in range(_SHARDS)
            )
        )
        return [_of(item) for page in pages for item in page.items]

    async def announce(self, known: Whereabouts, now: Timestamp) -> bool:
        """Note that subscribers are being told how the user is shown now; False when the row is another by now."""
        return await self._saved(known, presence.announced(known, known, now), now)

    async def confirm(self, known: Whereabouts, now: Timestamp) -> None:
        """Subscribers have heard of it. A row of somebody who is not there goes."""
        if presence.is_there(known, now):
            confirmed = msgspec.structs.replace(known, is_confirmed=True, revision=known.revision + 1)
            await self._saved(known, confirmed, now)
            return
        with suppress(ConditionFailed):  # the user is there again
            await self._store.delete(PRESENCE, _key(known.user_id), condition=_unchanged(known))

    async def _saved(self, known: Whereabouts, after: Whereabouts, now: Timestamp) -> bool:
        try:
            await self._save(known, after, now)
        except LostRace:
            return False
        return True

    async def _save(self, known: Whereabouts | None, after: Whereabouts, now: Timestamp) -> None:
        """Raises LostRace."""
        free = any_of(not_exists("userId"), at_most("ttl", epoch_seconds(now)))
        try:
            await self._store.put(PRESENCE, _item(after, now), condition=free if known is None else _unchanged(known))
        except ConditionFailed:
            raise LostRace from None

    # Who sees whom, and who types

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


def _key(user_id: str) -> dict[str, str]:
    return {"userId": user_id}


def _of(item: Item) -> Whereabouts:
    return msgspec.convert(item, Whereabouts)


def _item(row: Whereabouts, now: Timestamp) -> Item:
    """With when the row is to be looked at; never, while sockets are open and subscribers know it."""
    item: Item = to_item(row)
    until = row.counts_until if not row.nodes else later(now, seconds=ROW_SECONDS)
    item["ttl"] = epoch_seconds(max(until, now)) + _SPARE_SECONDS
    if not row.is_confirmed:
        look_at = later(now, seconds=CONFIRM_SECONDS)
    elif not row.nodes:
        look_at = row.counts_until
    else:
        return item
    return {**item, "expiryShard": _shard(shard(row.user_id, _SHARDS)), "expiryAt": look_at}


def _unchanged(row: Whereabouts) -> Condition:
    revision = equals("revision", row.revision) if row.revision else not_exists("revision")
    return all_of(revision, equals("lastSeenAt", row.last_seen_at))


def _shard(number: int) -> str:
    return f"EXPIRY#{number}"
