"""The embedded store's file, copied while it is used, and read and made without an event loop.

All of this blocks and belongs in a thread.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from datasources.local.sqlite_connections import connect_all
from datasources.local.sqlite_schema import Layout, decode, encode, prepare
from datasources.ports import Item
from datasources.tables import Table

_ROWS = 500


@contextmanager
def snapshot(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that sees the file as it is now, whatever others commit meanwhile."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()  # the snapshot begins with the first read
        yield connection


def copy(source: sqlite3.Connection, target: Path) -> None:
    """What a snapshot sees, as a whole file of its own, by SQLite's online backup. It is not synced to disk.

    Raises:
        sqlite3.Error: the copy is no sound database.
    """
    with closing(sqlite3.connect(target, isolation_level=None)) as made:
        source.backup(made)
        made.execute("PRAGMA journal_mode = DELETE")  # so that nothing lies beside it
        check(made)


def check(connection: sqlite3.Connection) -> None:
    """Raises sqlite3.DatabaseError when the file's pages do not fit together."""
    (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        raise sqlite3.DatabaseError("the copy is damaged")


@contextmanager
def resting(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a file that nobody writes; nothing is made beside it."""
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)) as connection:
        yield connection


def count(connection: sqlite3.Connection, table: Table) -> int:
    """How many items a table has; 0 for a table that an earlier release did not know."""
    if not _has(connection, table):
        return 0
    (number,) = connection.execute(f"SELECT COUNT(*) FROM {Layout(table).sql_name}").fetchone()  # noqa: S608 - our names
    return int(number)


def items(connection: sqlite3.Connection, table: Table) -> Iterator[list[Item]]:
    """All items of a table, some at a time, also those that have expired."""
    if not _has(connection, table):
        return
    rows = connection.execute(f"SELECT _item FROM {Layout(table).sql_name}")  # noqa: S608 - names are ours
    while page := rows.fetchmany(_ROWS):
        yield [decode(data) for (data,) in page]


def _has(connection: sqlite3.Connection, table: Table) -> bool:
    named = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return connection.execute(named, (table.name,)).fetchone() is not None


def make(path: Path, tables: Sequence[Table], pages: Iterable[tuple[Table, list[Item]]]) -> None:
    """A new store's file with these items, which its change feed does not tell of."""
    layouts = {table.name: Layout(table) for table in tables}
    (connection,) = connect_all(path, lambda made: prepare(made, list(layouts.values())), readers=0)
    with closing(connection):
        connection.execute("PRAGMA synchronous = OFF")  # the whole file is synced at the end
        for table, page in pages:
            layout = layouts[table.name]
            connection.execute("BEGIN")
            layout.upsert.run(connection, [layout.row(item, encode(item)) for item in page])
            connection.execute("COMMIT")
