"""A title that changes in the servers' files, so that what they read is not what they read before."""

import contextlib
import itertools
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench import stored_school
from bench.servers import Change
from datasources.local.sqlite_schema import decode, encode

COURSE = ("courses", f"{1:026}")
LESSON = ("lessons", f"{stored_school.COURSE_PAGE}.{7:026}")
"""The peers' table, and the id that the record has everywhere."""
TITLES = ("Proofs, and what they are not", "Proofs, and what they are for")


@contextlib.contextmanager
def connection(file: Path) -> Iterator[sqlite3.Connection]:
    """To a file that a server has open. Nothing is synced: what is timed is who reads it."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as opened:
        opened.execute("PRAGMA synchronous = OFF")
        yield opened


def change(ours: sqlite3.Connection, peers: sqlite3.Connection, which: tuple[str, str]) -> Change:
    """What gives the record the other one of TITLES in both files."""
    table, record_id = which
    update = f"UPDATE {table} SET title = ? WHERE id = ?"  # noqa: S608 - the table is one of the two above
    item = _stored(ours, record_id)
    turns = itertools.cycle([(title, encode({**item, "title": title})) for title in TITLES])

    def to_the_other() -> None:
        title, stored = next(turns)
        ours.execute(
            "UPDATE Courses SET _item = ? WHERE courseId = ? AND sk = ?", (stored, item["courseId"], item["sk"])
        )
        peers.execute(update, (title, record_id))

    return to_the_other


def _stored(ours: sqlite3.Connection, record_id: str) -> Mapping[str, Any]:
    """The item of a course, or of something in it."""
    rows = ours.execute("SELECT _item FROM Courses")
    return next(item for (row,) in rows if (item := decode(row)).get("id") == record_id)
