"""Table Connections: which users have sockets open in which process, and until when a process is believed to live.

A process says that it lives with one small write, however many sockets it has. A user has one row for a process,
however many sockets they have there.
"""

import asyncio
from collections.abc import Sequence

from datasources.conditions import Condition, all_of, equals, exists, not_exists
from datasources.ports import ConditionFailed, Item, RecordStore, SortRange
from datasources.shards import shard
from datasources.tables import CONNECTIONS
from datasources.updates import Set
from domain.times import Timestamp, epoch_seconds, later

LEASE_SECONDS = 60
ROW_SECONDS = 2 * 3600
"""How long a row outlives its last renewal, should nobody take it away."""
MOST_AT_ONCE = 25
_SHARDS = 4
"""Partitions of one process's users: a crowd that comes back at once is more than one takes."""
_ENDED_AT_ONCE = 10
_LEASE = "LEASE"
_LEASES = "LEASES"
_USER = "USER#"


class Connections:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    # For the process itself

    async def begin(self, node: str, now: Timestamp) -> None:
        """A new process, whose name no other ever had."""
        until = later(now, seconds=LEASE_SECONDS)
        lease = {"expiryShard": _LEASES, "expiryAt": until, "ttl": _ttl(until)}
        await self._store.put(CONNECTIONS, {**_lease_key(node), **lease})

    async def believe_until(self, node: str, until: Timestamp) -> bool:
        """False when the process was taken for dead: whoever is connected has to be entered anew, under a new name."""
        alive = all_of(exists("node"), not_exists("endedAt"))
        changes = [Set("expiryAt", until), Set("ttl", _ttl(until))]
        try:
            await self._store.update(CONNECTIONS, _lease_key(node), changes, condition=alive)
        except ConditionFailed:
            return False
        return True

    async def enter(self, node: str, user_ids: Sequence[str], now: Timestamp) -> None:
        """At most 25 users, who may be there already."""
        rows: list[Item] = [{**_user_key(node, user_id), "userId": user_id, "ttl": _ttl(now)} for user_id in user_ids]
        await self._store.batch_write(CONNECTIONS, puts=rows)

    async def leave(self, node: str, user_ids: Sequence[str]) -> None:
        """At most 25 users."""
        await self._store.batch_write(CONNECTIONS, deletes=[_user_key(node, user_id) for user_id in user_ids])

    # For whoever clears up after dead processes

    async def ended(self, now: Timestamp) -> list[str]:
        """Some processes that are believed to live no longer; from here on they cannot come back to life."""
        page = await self._store.query(
            CONNECTIONS, _LEASES, index="ExpiryIndex", sort=SortRange(at_most=now), limit=_ENDED_AT_ONCE
        )
        ended = await asyncio.gather(*(self._end(item, now) for item in page.items))
        return [item["node"] for item, is_ended in zip(page.items, ended, strict=True) if is_ended]

    async def users_of(self, node: str) -> list[str]:
        """Some of those whose rows are left, at most 25."""
        for number in range(_SHARDS):
            page = await self._store.query(CONNECTIONS, _partition(node, number), limit=MOST_AT_ONCE)
            if page.items:
                return [item["userId"] for item in page.items]
        return []

    async def forget(self, node: str) -> None:
        """Nothing is left of it."""
        await self._store.delete(CONNECTIONS, _lease_key(node))

    async def _end(self, lease: Item, now: Timestamp) -> bool:
        """False when the process lives after all: an index may lag."""
        same: Condition = equals("expiryAt", lease["expiryAt"])
        try:
            await self._store.update(CONNECTIONS, _lease_key(lease["node"]), [Set("endedAt", now)], condition=same)
        except ConditionFailed:
            return False
        return True


def _lease_key(node: str) -> dict[str, str]:
    return {"node": node, "sk": _LEASE}


def _user_key(node: str, user_id: str) -> dict[str, str]:
    return {"node": _partition(node, shard(user_id, _SHARDS)), "sk": _USER + user_id}


def _partition(node: str, number: int) -> str:
    return f"{node}#{number}"


def _ttl(since: Timestamp) -> int:
    return epoch_seconds(since) + ROW_SECONDS
