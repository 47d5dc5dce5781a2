"""Pages as they lie in the file: a row becomes what is asked for, in one step."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import msgspec

from datasources.local.sqlite_schema import decode
from datasources.ports import Item, Record
from datasources.readable import record_or_none

REMEMBERED_ROWS = 4096
REMEMBERED_ROW_BYTES = 2048
"""Of the longest row that is remembered: all together bound memory to some 40 MB for a class."""


class RecordDecoders:
    """From a row's bytes to a record, without an item between.

    Each class that is asked for remembers rows that it has read, by all their bytes. Most lists are read far more often
    than they change, and a row that has not changed is the same record, which is frozen; one that has is another key.
    """

    def __init__(self) -> None:
        self._decoders: dict[type[Any], tuple[Callable[[bytes], Any], Callable[[bytes], Any]]] = {}

    def read(self, rows: list[bytes], kind: type[Record]) -> list[Record]:
        """Raises msgspec.ValidationError: one of them is no such record."""
        known = self._decoders.get(kind)
        if known is None:
            plain = msgspec.msgpack.Decoder(kind).decode
            known = self._decoders[kind] = plain, lru_cache(REMEMBERED_ROWS)(plain)
        read, remembering = known
        if max(map(len, rows), default=0) <= REMEMBERED_ROW_BYTES:
            read = remembering
        return [read(row) for row in rows]


class RowPage:
    """A `Page`."""

    def __init__(self, rows: list[bytes], last_key: dict[str, Any] | None, decoders: RecordDecoders) -> None:
        self.last_key = last_key
        self._rows = rows
        self._decoders = decoders

    @property
    def items(self) -> list[Item]:
        return [decode(row) for row in self._rows]

    def records(self, kind: type[Record]) -> list[Record]:
        try:
            return self._decoders.read(self._rows, kind)
        except msgspec.ValidationError:  # of one of them, which the long way finds
            records = (record_or_none(item, partial(msgspec.convert, type=kind)) for item in self.items)
            return [record for record in records if record is not None]
