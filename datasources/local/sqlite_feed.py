"""The change feed in SQLite: rows numbered in commit order, and a signal that wakes their readers."""

import asyncio
import sqlite3
import threading
from contextlib import suppress

from datasources.limits import MAX_PAGE
from datasources.local.sqlite_schema import decode
from datasources.ports import FeedEvent, FeedPage
from domain.times import from_epoch

_START = "0"
NEWEST = "SELECT name, MAX(sequence) FROM _changes NOT INDEXED WHERE sequence > ? GROUP BY name"
"""By number, as the index by name would be read from end to end."""


OLDEST = "SELECT sequence, at FROM _changes ORDER BY sequence LIMIT ?"
DELETE_OLDEST = f"DELETE FROM _changes WHERE sequence IN (SELECT sequence FROM ({OLDEST}) WHERE at < ?)"  # noqa: S608 - ours
"""The lowest numbers are the oldest, so that no index by age is needed, which every change would have to keep."""


def sequence_of(position: str | None) -> int:
    """Raises ValueError for text that is no position."""
    return int(_START if position is None else position)


def read_changes(connection: sqlite3.Connection, name: str, position: str | None, limit: int) -> FeedPage:
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"a page has 1 to {MAX_PAGE} changes")
    rows = connection.execute(
        "SELECT sequence, kind, key, old, new, at FROM _changes INDEXED BY _changes_of_table "
        "WHERE name = ? AND sequence > ? ORDER BY sequence LIMIT ?",
        (name, sequence_of(position), limit),
    ).fetchall()
    times = {at: from_epoch(at) for at in {at for *_, at in rows}}  # those of one commit have the same
    events = [
        FeedEvent(str(sequence), name, kind, decode(key), old and decode(old), new and decode(new), times[at])
        for sequence, kind, key, old, new, at in rows
    ]
    return FeedPage(events, events[-1].event_id if events else position or _START)


def last_sequence(connection: sqlite3.Connection) -> int:
    (sequence,) = connection.execute("SELECT COALESCE(MAX(sequence), 0) FROM _changes").fetchone()
    return int(sequence)


def prune(connection: sqlite3.Connection, now: float, feed_seconds: float, token_seconds: float, most: int) -> int:
    """Delete up to `most` old changes and as many old transaction tokens; how many changes there were."""
    connection.execute(
        "DELETE FROM _tokens WHERE token IN (SELECT token FROM _tokens INDEXED BY _tokens_by_age WHERE at < ? LIMIT ?)",
        (now - token_seconds, most),
    )
    return connection.execute(DELETE_OLDEST, (most, now - feed_seconds)).rowcount


class Signal:
    """Knows the newest change of each table since `last`, and wakes those who wait for a newer one."""

    def __init__(self, last: int) -> None:
        self._newest: dict[str, int] = {}
        self._last = last
        self._waiters: dict[asyncio.Future[None], str] = {}
        self._lock = threading.Lock()

    def refresh(self, connection: sqlite3.Connection) -> None:
        """See what was committed since the last time; called in the writer's thread after each commit."""
        rows = connection.execute(NEWEST, (self._last,)).fetchall()
        if not rows:
            return
        newest = dict(rows)
        with self._lock:
            self._newest.update(newest)
            self._last = max(newest.values())
            waiters = list(self._waiters.items())  # a copy: the first to wake leaves while we wake the others
        for waiter, name in waiters:
            if name in newest:
                with suppress(RuntimeError):  # its loop has ended
                    waiter.get_loop().call_soon_threadsafe(_wake, waiter)

    async def wait(self, name: str, sequence: int, seconds: float) -> None:
        """Returns when a change behind `sequence` is known, or after `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while waiter := self._waiter(name, sequence):
                    await waiter

    def _waiter(self, name: str, sequence: int) -> asyncio.Future[None] | None:
        with self._lock:
            if self._newest.get(name, 0) > sequence:
                return None
            waiter = asyncio.get_running_loop().create_future()
            self._waiters[waiter] = name
            waiter.add_done_callback(self._waiters.pop)
            return waiter


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
