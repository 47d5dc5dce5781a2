"""Rows that the clock ends: the attributes of a table's ExpiryIndex, and what is due by them."""

import asyncio
from collections.abc import Sequence

from datasources.ports import Item, RecordStore, SortRange
from datasources.shards import shard
from datasources.tables import Table
from datasources.updates import Remove, Update
from domain.times import Timestamp

_SHARDS = 4
_MOST_A_SHARD = 100


def expires(row_id: str, at: Timestamp) -> Item:
    """Attributes of a row that is due at a moment."""
    return {"expiryShard": _partition(shard(row_id, _SHARDS)), "expiryAt": at}


def expires_no_more() -> Sequence[Update]:
    return [Remove("expiryShard"), Remove("expiryAt")]


async def due(store: RecordStore, table: Table, now: Timestamp) -> list[Item]:
    """Rows whose moment has come, at most 400; the index may lag behind what has become of them."""
    pages = await asyncio.gather(
        *(
            store.query(
                table, _partition(number), index="ExpiryIndex", sort=SortRange(at_most=now), limit=_MOST_A_SHARD
            )
            for number in range(_SHARDS)
        )
    )
    return [item for page in pages for item in page.items]


def _partition(number: int) -> str:
    return f"EXPIRY#{number}"
