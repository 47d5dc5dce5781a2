"""The log of a room: one counter, and a row for each message's place and for each message's last change.

Numbers and rows commit together, so numbers have no holes and none is seen before a lower one. Each message
has exactly one change row: its next change takes the old one away.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from datasources.batches import get_each
from datasources.conditions import equals
from datasources.ports import Attributes, Change, Delete, Item, Put, RecordStore, SortRange
from datasources.tables import ROOM_LOG
from datasources.updates import assign
from domain.messages import Message
from domain.records import Record, to_item
from domain.times import Timestamp

COUNTER = "COUNTER"
Order = Literal["S", "C"]
"""Rows by the messages' sequence, or by their last change."""

_DIGITS = 12


class Counter(Record, frozen=True):
    """How many messages and changes a room has had; `last_message_at` None before the first."""

    last_sequence: int = 0
    last_change_sequence: int = 0
    last_message_at: Timestamp | None = None


class LogRow(msgspec.Struct, frozen=True):
    number: int
    message_id: str


def counter_key(room_id: str) -> dict[str, str]:
    return {"roomId": room_id, "sk": COUNTER}


def started(room_id: str) -> Put:
    """The counter of a new room."""
    return Put(ROOM_LOG, {**counter_key(room_id), **to_item(Counter())})


def advanced(room_id: str, before: Counter, after: Counter) -> Change:
    """Fails when somebody else took a number meanwhile."""
    unmoved = equals("lastChangeSequence", before.last_change_sequence)
    return Change(ROOM_LOG, counter_key(room_id), assign(**to_item(after)), unmoved)


def sequence_row(message: Message, ttl: int) -> Put:
    return Put(ROOM_LOG, _row(message, "S", message.sequence, ttl))


def change_row(message: Message, before: Message | None, ttl: int) -> Put:
    """The one that workers follow.

    `isNew`: it is the message's first change. `words`: it is of what the message says, so the search index has to
    follow.
    """
    words = before is None or (before.body, before.is_deleted) != (message.body, message.is_deleted)
    row = _row(message, "C", message.change_sequence, ttl)
    row["isNew"], row["words"] = before is None, words
    return Put(ROOM_LOG, row)


def change_row_gone(message: Message) -> Delete:
    return Delete(ROOM_LOG, _key(message.room_id, "C", message.change_sequence))


def is_of_new_message(row: Attributes) -> bool:
    """Whether it is what tells workers of a new message: its first change row, or from older releases its place row."""
    return bool(row.get("isNew")) or str(row["sk"]).startswith("S#")


def is_change_row(key: Attributes) -> bool:
    return str(key["sk"]).startswith("C#")


def number_of(row: Attributes) -> int:
    """Of a place row or a change row."""
    return int(row["sk"][2:])


async def counter_items(store: RecordStore, room_ids: Sequence[str]) -> list[Item | None]:
    """Consistent, in the order asked; None for a room that does not exist."""
    return await get_each(store, ROOM_LOG, [counter_key(room_id) for room_id in room_ids])


async def counter(store: RecordStore, room_id: str) -> Counter:
    return counter_of(await store.get(ROOM_LOG, counter_key(room_id)))


def counter_of(item: Attributes | None) -> Counter:
    return Counter() if item is None else msgspec.convert(item, Counter)


async def rows_behind(
    store: RecordStore, room_id: str, order: Order, number: int, size: int
) -> tuple[list[LogRow], bool]:
    """At most `size` rows with a higher number, rising, and whether there are more; all that was committed before
    the call is in them.

    Rows that are committed while they are read count as more: a read of many items may meet a higher number
    and have missed a lower one, so only what the counter had reached before is believed.
    """
    before = await counter(store, room_id)
    reached = before.last_sequence if order == "S" else before.last_change_sequence
    behind = SortRange(after=_sk(order, number), at_most=_sk(order, 10**_DIGITS - 1))
    page = await store.query(ROOM_LOG, room_id, sort=behind, limit=size + 1)
    found = [LogRow(number_of(item), item["messageId"]) for item in page.items]
    rows = [row for row in found if row.number <= reached][:size]
    return rows, len(rows) < len(found) or page.last_key is not None


def _row(message: Message, order: Order, number: int, ttl: int) -> Item:
    """`sentAt` is part of the message's place in the search index."""
    return {
        "roomId": message.room_id,
        "sk": _sk(order, number),
        "messageId": message.id,
        "sentAt": message.sent_at,
        "ttl": ttl,
    }


def _key(room_id: str, order: Order, number: int) -> dict[str, str]:
    return {"roomId": room_id, "sk": _sk(order, number)}


def _sk(order: Order, number: int) -> str:
    return f"{order}#{number:0{_DIGITS}d}"
