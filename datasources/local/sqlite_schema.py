"""How tables lie in SQLite: one SQL table each, keys and index keys in columns, the whole item as msgpack.

The column of an attribute has the attribute's name; `_item` and `_ttl` are ours. An index is partial: an
item that lacks one of its keys is not in it.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

import msgspec

from datasources.limits import position_names, query_keys
from datasources.ports import MAX_BATCH_GET, Item
from datasources.tables import Index, Table

SCHEMA_VERSION = 1
"""Of the layout itself. A table or an index more or less is no new version: `Layout.create` sees to it."""

_APPLICATION_ID = 0x45445543  # "EDUC", so that `file` and SQLite's shell tell whose file it is
_BIG_INTEGER = 1
_TTL = "ttl"
_SIZES = (1, 2, 5, 10, 25, 50, MAX_BATCH_GET)
"""Of statements that look up several keys."""
_ROWS_AT_ONCE = 50
"""In an INSERT: so few that SQLite need not parse many different ones."""

_SYSTEM_TABLES = """
CREATE TABLE IF NOT EXISTS _changes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
    key BLOB NOT NULL, old BLOB, new BLOB
);
CREATE INDEX IF NOT EXISTS _changes_of_table ON _changes (name, sequence);
DROP INDEX IF EXISTS _changes_by_age;
CREATE TABLE IF NOT EXISTS _tokens (token TEXT PRIMARY KEY, digest BLOB NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS _tokens_by_age ON _tokens (at);
"""


# Items as bytes


def _read_extension(code: int, data: memoryview) -> Any:
    if code != _BIG_INTEGER:
        raise ValueError(f"unknown extension {code} in a stored item")
    return int(bytes(data))


_decoder = msgspec.msgpack.Decoder(dict[str, Any], ext_hook=_read_extension)
_decoder_of_all = msgspec.msgpack.Decoder(list[dict[str, Any]], ext_hook=_read_extension)
_encoder = msgspec.msgpack.Encoder()


def encode(item: Mapping[str, Any]) -> bytes:
    try:
        return _encoder.encode(item)
    except OverflowError:  # msgpack's integers end at 64 bits, DynamoDB's numbers at 38 digits
        return _encoder.encode(_with_extensions(item))


def bindable(data: bytes) -> bytearray:
    """For a value of a statement. With `bytes` sqlite3 searches for adapters each time, which takes as long as
    encoding an item."""
    return bytearray(data)


def decode(data: bytes | bytearray | msgspec.Raw) -> Item:
    return _decoder.decode(data)


def decode_all(array: bytes) -> list[Item]:
    """The items of a msgpack array."""
    return _decoder_of_all.decode(array)


def records_decoder(kind: type[Any]) -> Callable[[bytes], list[Any]]:
    """As `decode_all`, to records of a class; raises msgspec.ValidationError."""
    return msgspec.msgpack.Decoder(list[kind]).decode  # type: ignore[valid-type] # known at run time only


def _with_extensions(value: Any) -> Any:
    if type(value) is int and not -(2**63) <= value < 2**64:
        return msgspec.msgpack.Ext(_BIG_INTEGER, str(value).encode())
    if isinstance(value, Mapping):
        return {name: _with_extensions(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_extensions(inner) for inner in value]
    return value


# Tables


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def conjunction(names: Sequence[str]) -> str:
    return " AND ".join(f"{quoted(name)} = ?" for name in names)


def as_array(items: str) -> str:
    """For `read_array`: a SELECT of encoded items, which come as one value.

    Each row of an answer costs Python's lock, several calls of SQLite and some objects. Encoded items say where they
    end, so that they need nothing between them.
    """
    return f"SELECT COUNT(*), CAST(group_concat(_item, '') AS BLOB) FROM ({items})"  # noqa: S608 - names are ours


class Way(msgspec.Struct, frozen=True):
    """How queries go through a table, by its key or by an index, as pieces of SQL.

    Attributes:
        rows: FROM and WHERE of one partition, its only parameter.
        sort: the sort key's column; None where there is none.
        rising, falling: for ORDER BY.
        place: attributes that tell a row's place in the partition; `place_row` are their columns, `place_values`
            as many parameters.
    """

    rows: str
    sort: str | None
    rising: str
    falling: str
    place: tuple[str, ...]
    place_row: str
    place_values: str


def _order(table: Table, index: Index | None) -> tuple[str, ...]:
    """Attributes by which items lie, in a table or an index: together they are another's of no item."""
    if index is not None and index.is_distinct and index.sort is not None:
        return index.partition, index.sort
    return position_names(table, index)


class Insert:
    """Many rows by few statements, each of which costs the writer's thread a wait for Python's lock.

    Args:
        columns: values of a row.
        rest: what follows them.
    """

    def __init__(self, head: str, columns: int, rest: str = "") -> None:
        row = f"({', '.join('?' * columns)})"
        self._statement = cache(lambda count: f"{head} VALUES {', '.join([row] * count)} {rest}")

    def run(self, connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """What RETURNING gives, in any order."""
        returned: list[Any] = []
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[start : start + _ROWS_AT_ONCE]
            returned += connection.execute(self._statement(len(some)), list(chain.from_iterable(some))).fetchall()
        return returned


class Layout:
    """One table's columns and the statements on single items."""

    def __init__(self, table: Table) -> None:
        self.table = table
        kinds = {name: kind for name, kind, _ in table.key_attributes}
        self.columns = tuple(kinds)
        self._stored_names = (*self.columns, _TTL) if table.ttl else self.columns
        self._types = {name: "TEXT" if kind == "S" else "NUMERIC" for name, kind in kinds.items()}
        stored = [*self.columns, *(["_ttl"] if table.ttl else []), "_item"]
        rest = [name for name in stored if name not in table.key_names]
        self.sql_name = quoted(table.name)
        self.key_values = table.key_values
        self.select_many = cache(self._select_many)
        self.array_of_many = cache(lambda count: as_array(self.select_many(count)))
        self.way = cache(self._way)
        self.select = f"SELECT _item FROM {self.sql_name} WHERE {conjunction(table.key_names)}"  # noqa: S608 - names are ours
        self.delete = f"DELETE FROM {self.sql_name} WHERE {conjunction(table.key_names)}"  # noqa: S608 - names are ours
        self.upsert = Insert(
            f"INSERT INTO {self.sql_name} ({', '.join(map(quoted, stored))})",
            len(stored),
            f"ON CONFLICT ({', '.join(map(quoted, table.key_names))}) "
            f"DO UPDATE SET {', '.join(f'{quoted(name)} = excluded.{quoted(name)}' for name in rest)}",
        )

    def _select_many(self, count: int) -> str:
        """One statement for `count` keys.

        CROSS JOIN keeps SQLite from turning the join round, which would be a scan.
        """
        if count == 1:
            return self.select
        names = ", ".join(map(quoted, self.table.key_names))
        row = f"({', '.join('?' * len(self.table.key_names))})"
        same = " AND ".join(f"wanted.{quoted(name)} = kept.{quoted(name)}" for name in self.table.key_names)
        return (
            f"WITH wanted ({names}) AS (VALUES {', '.join([row] * count)}) "  # noqa: S608 - names are ours
            f"SELECT _item FROM wanted CROSS JOIN {self.sql_name} AS kept ON {same}"
        )

    def select_these(self, keys: Sequence[tuple[Any, ...]]) -> tuple[str, list[Any]]:
        """A statement that finds the items with these keys, at most 100, and its values."""
        count, values = self._filled_up(keys)
        return self.select_many(count), values

    def array_of_these(self, keys: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
        """As `select_these`, for `read_array`."""
        count, values = self._filled_up(keys)
        return self.array_of_many(count), *values

    def _filled_up(self, keys: Sequence[tuple[Any, ...]]) -> tuple[int, list[Any]]:
        """To one of few sizes, so that SQLite need not parse many statements: no item has an empty key."""
        count = next(size for size in _SIZES if size >= len(keys))
        nothing = [""] * ((count - len(keys)) * len(self.table.key_names))
        return count, [*chain.from_iterable(keys), *nothing]

    def _way(self, index: Index | None) -> Way:
        partition, sort, _ = query_keys(self.table, index)
        names = _order(self.table, index)
        place = names[1:] if len(names) > 1 else names
        by_index = "" if index is None else f" INDEXED BY {self.index_name(index.name)}"
        is_there = f" AND {quoted(sort)} IS NOT NULL" if index is not None and sort is not None else ""
        return Way(
            f"FROM {self.sql_name}{by_index} WHERE {quoted(partition)} = ?{is_there}",
            None if sort is None else quoted(sort),
            rising=", ".join(map(quoted, names)),
            falling=", ".join(f"{quoted(name)} DESC" for name in names),
            place=place,
            place_row=f"({', '.join(map(quoted, place))})",
            place_values=f"({', '.join('?' * len(place))})",
        )

    def row(self, item: Mapping[str, Any], data: bytes | bytearray) -> list[Any]:
        """Values for `upsert`; `data` is the item's bytes."""
        return [*map(item.get, self._stored_names), data]

    def index_name(self, name: str) -> str:
        return quoted(f"{self.table.name}.{name}")

    def table_definition(self) -> str:
        columns = [
            f"{quoted(name)} {kind}{' NOT NULL' if name in self.table.key_names else ''}"
            for name, kind in self._types.items()
        ]
        if self.table.ttl:
            columns.append("_ttl NUMERIC")
        unique = f"UNIQUE ({', '.join(map(quoted, self.table.key_names))})"
        return f"CREATE TABLE IF NOT EXISTS {self.sql_name} ({', '.join(columns)}, _item BLOB NOT NULL, {unique})"

    def index_definitions(self) -> dict[str, str]:
        """CREATE INDEX statements by the index's full name."""
        definitions = {}
        for index in self.table.indexes:
            # SQLite takes IS NOT NULL on a NOT NULL column for granted, and then does not know the index again.
            keys = [name for name in (index.partition, index.sort) if name and name not in self.table.key_names]
            definitions[index.name] = self._index_definition(index.name, _order(self.table, index), keys)
        if self.table.ttl:
            definitions["_ttl"] = self._index_definition("_ttl", ["_ttl"], ["_ttl"])
        return {f"{self.table.name}.{name}": definition for name, definition in definitions.items()}

    def _index_definition(self, name: str, columns: Sequence[str], present: Sequence[str]) -> str:
        where = f" WHERE {' AND '.join(f'{quoted(key)} IS NOT NULL' for key in present)}" if present else ""
        return f"CREATE INDEX {self.index_name(name)} ON {self.sql_name} ({', '.join(map(quoted, columns))}){where}"

    def create(self, connection: sqlite3.Connection) -> None:
        """The table and exactly its declared indexes.

        Only an index that stands as declared has been kept by all who wrote: another release leaves out what it
        does not declare. So the columns of a new one are filled from the items.
        """
        connection.execute(self.table_definition())
        existing = dict(
            connection.execute(
                "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
                (self.table.name,),
            ).fetchall()
        )
        declared = self.index_definitions()
        for name, _ in existing.items() - declared.items():
            connection.execute(f"DROP INDEX {quoted(name)}")
        new = declared.items() - existing.items()
        if new:
            self._fill_columns(connection)
        for _, definition in sorted(new):
            connection.execute(definition)

    def _fill_columns(self, connection: sqlite3.Connection) -> None:
        present = {row[1] for row in connection.execute(f"PRAGMA table_info({self.sql_name})")}
        types = self._types | ({"_ttl": "NUMERIC"} if self.table.ttl else {})
        for name in types.keys() - present:
            connection.execute(f"ALTER TABLE {self.sql_name} ADD COLUMN {quoted(name)} {types[name]}")
        last = 0
        page = f"SELECT rowid, _item FROM {self.sql_name} WHERE rowid > ? ORDER BY rowid LIMIT 1000"  # noqa: S608 - names are ours
        while rows := connection.execute(page, (last,)).fetchall():
            last = rows[-1][0]
            self.upsert.run(connection, [self.row(decode(data), data) for _, data in rows])


def prepare(connection: sqlite3.Connection, layouts: Sequence[Layout]) -> None:
    """Create what is missing, in one transaction; several processes may do so at once.

    Raises:
        RuntimeError: the file is not ours, or a newer release has written it.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        _check_owner(connection)
        for statement in _SYSTEM_TABLES.split(";"):
            connection.execute(statement)
        for layout in layouts:
            layout.create(connection)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _check_owner(connection: sqlite3.Connection) -> None:
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
    if owner != _APPLICATION_ID and tables:
        raise RuntimeError("The database file belongs to another program.")
    if version > SCHEMA_VERSION:
        raise RuntimeError(
            f"The database file has schema version {version}, this release knows {SCHEMA_VERSION}: "
            "run the release that wrote it, or a newer one."
        )
