"""Lists that are spread over several partitions and read one partition after another."""

import asyncio
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec

from datasources.conditions import Condition
from datasources.limits import position_names
from datasources.ports import Item, RecordStore
from datasources.tables import Table

SHARDS = 16
_READ_AT_ONCE = 16
_ROUNDS = 8

Position = Any
"""Where such a list goes on: (number of the partition, last key in it or None). None is the start."""


class Partition(msgspec.Struct, frozen=True):
    """One partition of a table's index."""

    index: str
    value: str


def shard(user_id: str, shards: int = SHARDS) -> int:
    """The same on every machine and in every year."""
    return zlib.crc32(user_id.encode()) % shards


async def read_in_turn(
    store: RecordStore,
    table: Table,
    partitions: Sequence[Partition],
    position: Position,
    size: int,
    *,
    where: Condition | None = None,
    descending: bool = False,
) -> tuple[list[Item], Position]:
    """At most `size` items from `position` on, and the next position, None at the end.

    The first partition is read alone, as a large list fills its page there; where it does not, the next ones
    are read together. After eight rounds the page is returned as it is: a filter that few items pass makes
    short pages.
    """
    at, after = position or (0, None)
    found: list[tuple[int, Item]] = []
    for number in range(_ROUNDS):
        together = partitions[at : at + (_READ_AT_ONCE if number else 1)]
        pages = await asyncio.gather(
            *(
                store.query(
                    table,
                    partition.value,
                    index=partition.index,
                    limit=size + 1,
                    after=None if offset else after,
                    descending=descending,
                    where=where,
                )
                for offset, partition in enumerate(together)
            )
        )
        for page in pages:
            found += [(at, item) for item in page.items]
            after = page.last_key
            if after is not None:
                break
            at += 1
        if len(found) > size:
            at, last = found[size - 1]
            names = position_names(table, table.index(partitions[at].index))
            return [item for _, item in found[:size]], (at, {name: last[name] for name in names})
        if at == len(partitions):
            return [item for _, item in found], None
    return [item for _, item in found], (at, after)
