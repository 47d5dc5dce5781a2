"""Pages as they lie in the store: what was read becomes what is asked for, in one step."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import msgspec

from datasources.ports import Item, Record
from datasources.readable import readable

REMEMBERED_BYTES = 6 * 1024 * 1024
"""Of all pages that a store remembers; their records take up to twice as much besides."""
LARGEST_REMEMBERED = REMEMBERED_BYTES // 8

Rows = TypeVar("Rows")
"""The items of a page in the store's own form; equal where they are the same, byte for byte."""


class RememberedPages(Generic[Rows]):
    """The records of pages that were read before; those go first that nobody has asked for the longest.

    Lists are read far more often than they change. A page is read from the store each time, and where all its bytes are
    what they were, so are its records, which are frozen. Nothing can be stale, whoever writes.

    Args:
        items: the items in rows.
        records: what reads rows as records of a class, or raises msgspec.ValidationError: one is no such record.
        size: of rows in bytes.
    """

    def __init__(
        self,
        items: Callable[[Rows], list[Item]],
        records: Callable[[type[Any]], Callable[[Rows], list[Any]]],
        size: Callable[[Rows], int],
    ) -> None:
        self.items = items
        self._reader = records
        self._size = size
        self._readers: dict[type[Any], Callable[[Rows], list[Any]]] = {}
        self._pages: OrderedDict[Hashable, tuple[Rows, list[Any]]] = OrderedDict()
        self._room = REMEMBERED_BYTES

    def records(self, question: Hashable, rows: Rows, kind: type[Record]) -> list[Record]:
        """
        Args:
            question: what the rows answer, so that this answer is remembered in the last one's place.
        """
        name = (kind, question)
        page = self._pages.get(name)
        if page is not None and page[0] == rows:
            self._pages.move_to_end(name)
            return page[1].copy()
        read = self._readers.get(kind)
        if read is None:
            read = self._readers[kind] = self._reader(kind)
        records = read(rows)
        self._remember(name, rows, records)
        return records.copy()

    def _remember(self, name: Hashable, rows: Rows, records: list[Any]) -> None:
        before = self._pages.pop(name, None)
        if before is not None:
            self._room += self._size(before[0])
        size = self._size(rows)
        if size > LARGEST_REMEMBERED:
            return
        self._pages[name] = rows, records
        self._room -= size
        while self._room < 0:
            _, (gone, _) = self._pages.popitem(last=False)
            self._room += self._size(gone)


class RowPage(Generic[Rows]):
    """A `Page`."""

    def __init__(
        self, question: Hashable, rows: Rows, last_key: dict[str, Any] | None, remembered: RememberedPages[Rows]
    ) -> None:
        self.last_key = last_key
        self._question = question
        self._rows = rows
        self._remembered = remembered

    @property
    def items(self) -> list[Item]:
        return self._remembered.items(self._rows)

    def records(self, kind: type[Record]) -> list[Record]:
        try:
            return self._remembered.records(self._question, self._rows, kind)
        except msgspec.ValidationError:  # of one of them, which the long way finds
            return readable(self.items, lambda item: msgspec.convert(item, kind))
