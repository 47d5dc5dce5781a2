"""Pages as they lie in the store: a row becomes what is asked for, in one step."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from datasources.ports import Item, Record
from datasources.readable import readable

REMEMBERED_ROWS = 4096
REMEMBERED_ROW_BYTES = 2048
"""Of the longest row that is remembered: all together bound memory to some 40 MB for a class."""

Decode = Callable[[bytes], Any]


class RowReader:
    """From a row's bytes to its item, or to a record.

    Each class that is asked for remembers rows that it has read, by all their bytes. Most lists are read far more often
    than they change, and a row that has not changed is the same record, which is frozen; one that has is another key.

    Args:
        item: decodes a row.
        record: makes what decodes a row to a record of a class, or raises msgspec.ValidationError: it is none.
    """

    def __init__(self, item: Callable[[bytes], Item], record: Callable[[type[Any]], Decode]) -> None:
        self.item = item
        self._record = record
        self._decoders: dict[type[Any], tuple[Decode, Decode]] = {}

    def records(self, rows: list[bytes], kind: type[Record]) -> list[Record]:
        """Raises msgspec.ValidationError: one of them is no such record."""
        known = self._decoders.get(kind)
        if known is None:
            plain = self._record(kind)
            known = self._decoders[kind] = plain, lru_cache(REMEMBERED_ROWS)(plain)
        read, remembering = known
        if max(map(len, rows), default=0) <= REMEMBERED_ROW_BYTES:
            read = remembering
        return [read(row) for row in rows]


class RowPage:
    """A `Page`."""

    def __init__(self, rows: list[bytes], last_key: dict[str, Any] | None, reader: RowReader) -> None:
        self.last_key = last_key
        self._rows = rows
        self._reader = reader

    @property
    def items(self) -> list[Item]:
        return [self._reader.item(row) for row in self._rows]

    def records(self, kind: type[Record]) -> list[Record]:
        try:
            return self._reader.records(self._rows, kind)
        except msgspec.ValidationError:  # of one of them, which the long way finds
            return readable(self.items, lambda item: msgspec.convert(item, kind))
