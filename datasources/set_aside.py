"""Changes that a step could not handle. Each is kept as it was, for somebody to look at and to have tried again."""

from typing import Any, Literal

import msgspec

from datasources.conditions import equals
from datasources.ports import ConditionFailed, Delete, FeedEvent, Item, Put, RecordStore
from datasources.tables import SET_ASIDE
from datasources.updates import Set
from datasources.values import item_size
from domain.records import Record, to_item
from domain.times import Timestamp, epoch_seconds, later

KEPT_DAYS = 14
_INDEX = "QueueIndex"
_LARGEST_BYTES = 350 * 1024
"""Of what is kept of a change; an item has 400 KB."""


class SetAside(Record, frozen=True):
    """A row of table SetAside.

    Attributes:
        id: of step and change.
        error: the name of what the step raised; its words could tell what is in the change.
        at: when it was given up.
        is_whole: whether the change is kept; one that is too large is not, and cannot be tried again.
    """

    id: str
    step: str
    event_id: str
    table: str
    kind: Literal["INSERT", "MODIFY", "REMOVE"]
    key: dict[str, Any]
    error: str
    at: Timestamp
    is_whole: bool = True
    old: dict[str, Any] | None = None
    new: dict[str, Any] | None = None
    committed_at: Timestamp | None = None

    @property
    def event(self) -> FeedEvent:
        return FeedEvent(self.event_id, self.table, self.kind, self.key, self.old, self.new, self.committed_at)


def set_aside(step: str, event: FeedEvent, error: Exception, now: Timestamp) -> Put:
    """The change, until somebody has it tried again; a change that was set aside before is so anew."""
    is_whole = item_size({"old": event.old, "new": event.new}) <= _LARGEST_BYTES
    row = SetAside(
        id=f"{step}#{event.event_id}",
        step=step,
        event_id=event.event_id,
        table=event.table,
        kind=event.kind,
        key=event.key,
        error=type(error).__name__,
        at=now,
        is_whole=is_whole,
        committed_at=event.at,
    )
    images = {"old": event.old, "new": event.new} if is_whole else {}
    ttl = epoch_seconds(later(now, days=KEPT_DAYS))
    return Put(SET_ASIDE, {**to_item(row), **images, "queue": "DEAD", "ttl": ttl})


def tried_again(row: SetAside) -> Delete:
    """The row of a change that is handled now. Fails when another process was faster."""
    return Delete(SET_ASIDE, {"id": row.id}, equals("queue", "DUE"))


class SetAsides:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def dead(self, *, most: int) -> list[SetAside]:
        """What nobody has asked to be tried again, the latest first."""
        page = await self._store.query(SET_ASIDE, "DEAD", index=_INDEX, limit=most, descending=True)
        return [_of(item) for item in page.items]

    async def due(self, *, most: int) -> list[SetAside]:
        """What is to be tried again, the oldest first."""
        page = await self._store.query(SET_ASIDE, "DUE", index=_INDEX, limit=most)
        return [_of(item) for item in page.items]

    async def get(self, id: str) -> SetAside | None:
        item = await self._store.get(SET_ASIDE, {"id": id})
        return None if item is None else _of(item)

    async def try_again(self, id: str) -> bool:
        """Leaves it to the workers; False when there is no such change, or it is on its way already."""
        try:
            await self._store.update(SET_ASIDE, {"id": id}, [Set("queue", "DUE")], condition=equals("queue", "DEAD"))
        except ConditionFailed:
            return False
        return True


def _of(item: Item) -> SetAside:
    return msgspec.convert(item, SetAside)
