"""Queries as SQL: always a lookup in one index, named, so that SQLite refuses rather than scans."""

import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec

from datasources.local.sqlite_schema import Layout, as_array, decode
from datasources.ports import Item, SortRange
from datasources.tables import Index

_ARRAY = b"\xdd"
"""Begins a msgpack array, before its length in four bytes."""
_ARRAY_HEAD = 5
_raws = msgspec.msgpack.Decoder(list[msgspec.Raw])
Question = tuple[Any, ...]
"""SQL and its values."""

_LAST_CHARACTER = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


def read(connection: sqlite3.Connection, layout: Layout, key: Mapping[str, Any]) -> Item | None:
    row = connection.execute(layout.select, layout.key_values(key)).fetchone()
    return None if row is None else decode(row[0])


def read_array(connection: sqlite3.Connection, question: Question) -> bytes:
    """The items that a statement of `as_array` selects, as one msgpack array."""
    sql, *values = question
    count: int
    items: bytes | None
    [(count, items)] = connection.execute(sql, values).fetchall()
    return _array(count, items or b"")


def first_of(array: bytes, most: int) -> tuple[bytes, Item | None]:
    """An array with no more items than that; and the last one of them, where there were more."""
    count = int.from_bytes(array[1:_ARRAY_HEAD], "big")
    if count <= most:
        return array, None
    items = _raws.decode(array)
    rest = sum(len(memoryview(item)) for item in items[most:])
    return _array(most, array[_ARRAY_HEAD:-rest]), decode(items[most - 1])


def _array(count: int, items: bytes) -> bytes:
    return _ARRAY + count.to_bytes(4, "big") + items


class Statement:
    """SQL under construction, with its parameters."""

    def __init__(self, layout: Layout, index: Index | None, partition: Any) -> None:
        self._ttl = layout.table.ttl
        self._way = layout.way(index)
        self._rows = self._way.rows
        self._values: list[Any] = [partition]

    def within(self, sort: SortRange | None) -> "Statement":
        if sort is None:
            return self
        if sort.prefix is not None:
            self._compare(">=", sort.prefix)
            if (end := prefix_end(sort.prefix)) is not None:
                self._compare("<", end)
            return self
        bounds = (("=", sort.equal), (">", sort.after), (">=", sort.at_least), ("<", sort.before), ("<=", sort.at_most))
        for operator, value in bounds:
            if value is not None:
                self._compare(operator, value)
        return self

    def _compare(self, operator: str, value: Any) -> None:
        self._rows += f" AND {self._way.sort} {operator} ?"
        self._values.append(value)

    def behind(self, after: Mapping[str, Any] | None, *, descending: bool) -> "Statement":
        if after is not None:
            way = self._way
            self._rows += f" AND {way.place_row} {'<' if descending else '>'} {way.place_values}"
            self._values.extend(after[name] for name in way.place)
        return self

    def alive(self, now: float) -> "Statement":
        if self._ttl:
            self._rows += " AND (_ttl IS NULL OR _ttl > ?)"
            self._values.append(now)
        return self

    def items(self, limit: int, *, descending: bool) -> Question:
        """For `read_array`."""
        order = self._way.falling if descending else self._way.rising
        return as_array(f"SELECT _item {self._rows} ORDER BY {order} LIMIT ?"), *self._values, limit

    def count(self, most: int) -> tuple[str, list[Any]]:
        return f"SELECT COUNT(*) FROM (SELECT 1 {self._rows} LIMIT ?)", [*self._values, most]  # noqa: S608 - names are ours


def prefix_end(prefix: str) -> str | None:
    """The first text behind all that begin with `prefix`; None when there is none."""
    stem = prefix.rstrip(chr(_LAST_CHARACTER))
    if not stem:
        return None
    code = ord(stem[-1]) + 1
    return stem[:-1] + chr(_SURROGATES.stop if code in _SURROGATES else code)
