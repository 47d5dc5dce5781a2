"""Writes that follow from changes, made once however often the changes are handled: for changes that come through
a queue, where no place in a feed is committed with them.
"""

from collections.abc import Sequence

from datasources.conditions import not_exists
from datasources.ports import FeedEvent, Put, RecordStore, TransactionFailed, Write
from datasources.tables import HANDLED_CHANGES
from domain.times import Timestamp, epoch_seconds, later

REMEMBERED_DAYS = 30
"""Longer than a message lives in a queue and then among its dead letters."""


class HandledBefore(Exception):
    """Nothing was written: of at least one of the changes it was before."""


async def commit(
    store: RecordStore, step: str, events: Sequence[FeedEvent], writes: Sequence[Write], now: Timestamp
) -> None:
    """What `step` answers to the changes, all or nothing. Raises HandledBefore."""
    ttl = epoch_seconds(later(now, days=REMEMBERED_DAYS))
    marks = [Put(HANDLED_CHANGES, {"id": f"{step}#{event.event_id}", "ttl": ttl}, not_exists("id")) for event in events]
    try:
        await store.transact([*marks, *writes])
    except TransactionFailed as failed:
        if any(failed.reasons[: len(marks)]):
            raise HandledBefore from None
        raise
