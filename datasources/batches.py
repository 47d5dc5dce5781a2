"""Reads of many items by key, as few calls as the port allows."""

from collections.abc import Sequence

from datasources.ports import MAX_BATCH_GET, Item, Key, RecordStore
from datasources.tables import Table


async def get_each(store: RecordStore, table: Table, keys: Sequence[Key]) -> list[Item | None]:
    """Consistent reads in the order of `keys`, None for the absent. The caller bounds their number."""
    found: list[Item | None] = []
    for start in range(0, len(keys), MAX_BATCH_GET):
        found += await store.batch_get(table, keys[start : start + MAX_BATCH_GET])
    return found
