"""Queries as SQL: always a lookup in one index, named, so that SQLite refuses rather than scans."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from datasources.limits import position_names, query_keys
from datasources.local.sqlite_schema import Layout, decode, quoted
from datasources.ports import Item, SortRange
from datasources.tables import Index

_LAST_CHARACTER = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


def read(connection: sqlite3.Connection, layout: Layout, key: Mapping[str, Any]) -> Item | None:
    row = connection.execute(layout.select, layout.key_values(key)).fetchone()
    return None if row is None else decode(row[0])


def read_rows(connection: sqlite3.Connection, sql: str, values: Sequence[Any]) -> list[bytes]:
    """The encoded items of a statement that selects nothing else."""
    return [data for (data,) in connection.execute(sql, values).fetchall()]


class Statement:
    """SQL under construction, with its parameters."""

    def __init__(self, layout: Layout, index: Index | None, partition: Any) -> None:
        self._layout = layout
        partition_name, sort_name, _ = query_keys(layout.table, index)
        self._sort = None if sort_name is None else quoted(sort_name)
        self._names = position_names(layout.table, index)
        self._index = "" if index is None else f" INDEXED BY {layout.index_name(index.name)}"
        self._terms = [f"{quoted(partition_name)} = ?"]
        if index is not None and self._sort is not None:
            self._terms.append(f"{self._sort} IS NOT NULL")
        self._values: list[Any] = [partition]

    def within(self, sort: SortRange | None) -> "Statement":
        if sort is None:
            return self
        if sort.prefix is not None:
            self._compare(">=", sort.prefix)
            if (end := prefix_end(sort.prefix)) is not None:
                self._compare("<", end)
        bounds = (("=", sort.equal), (">", sort.after), (">=", sort.at_least), ("<", sort.before), ("<=", sort.at_most))
        for operator, value in bounds:
            if value is not None:
                self._compare(operator, value)
        return self

    def _compare(self, operator: str, value: Any) -> None:
        self._terms.append(f"{self._sort} {operator} ?")
        self._values.append(value)

    def behind(self, after: Mapping[str, Any] | None, *, descending: bool) -> "Statement":
        if after is not None:
            names = self._names[1:] if len(self._names) > 1 else self._names
            comparison = "<" if descending else ">"
            self._terms.append(f"({', '.join(map(quoted, names))}) {comparison} ({', '.join('?' * len(names))})")
            self._values.extend(after[name] for name in names)
        return self

    def alive(self, now: float) -> "Statement":
        if self._layout.table.ttl:
            self._terms.append("(_ttl IS NULL OR _ttl > ?)")
            self._values.append(now)
        return self

    def items(self, limit: int, *, descending: bool) -> tuple[str, list[Any]]:
        direction = " DESC" if descending else ""
        order = ", ".join(quoted(name) + direction for name in self._names)
        return f"SELECT _item {self._from()} ORDER BY {order} LIMIT ?", [*self._values, limit]

    def count(self, most: int) -> tuple[str, list[Any]]:
        return f"SELECT COUNT(*) FROM (SELECT 1 {self._from()} LIMIT ?)", [*self._values, most]  # noqa: S608 - names are ours

    def _from(self) -> str:
        return f"FROM {self._layout.sql_name}{self._index} WHERE {' AND '.join(self._terms)}"


def prefix_end(prefix: str) -> str | None:
    """The first text behind all that begin with `prefix`; None when there is none."""
    stem = prefix.rstrip(chr(_LAST_CHARACTER))
    if not stem:
        return None
    code = ord(stem[-1]) + 1
    return stem[:-1] + chr(_SURROGATES.stop if code in _SURROGATES else code)
