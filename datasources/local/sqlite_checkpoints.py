"""Copies the pages of SQLite's log into the file beside the writer, so that no commit waits for all of them."""

import logging
import sqlite3
from asyncio import to_thread
from contextlib import closing
from queue import SimpleQueue
from threading import Thread

CHANGES = 8_000
"""Rows that are changed before the log is copied: in a busy chat some 10,000 of its pages, 40 MB. Most of those are the
same pages, changed by one commit after the other, which are copied once."""

_log = logging.getLogger(__name__)


class Checkpoints:
    """A thread that copies while others commit.

    SQLite begins its log anew only when all of it is copied. So what was committed meanwhile the writer copies, which
    is little; and it copies all where the thread does not come to it, see `sqlite_connections`.

    Args:
        connection: of the thread, which closes it at its end.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._begun: SimpleQueue[bool] = SimpleQueue()
        """False at the end."""
        self._is_copying = False
        self._is_copied = False
        self._changes = 0
        self._thread = Thread(target=self._copy, args=(connection,), name="sqlite-checkpoints", daemon=True)
        self._thread.start()

    def committed(self, writer: sqlite3.Connection) -> None:
        """Called in the writer's thread after each commit."""
        if self._is_copied:
            self._is_copied = False
            _checkpoint(writer)
        elif not self._is_copying and not 0 <= writer.total_changes - self._changes < CHANGES:
            self._is_copying = True
            self._changes = writer.total_changes
            self._begun.put(True)

    async def close(self) -> None:
        self._begun.put(False)
        await to_thread(self._thread.join)

    def _copy(self, connection: sqlite3.Connection) -> None:
        with closing(connection):
            while self._begun.get():
                try:
                    _checkpoint(connection)
                    self._is_copied = True
                except sqlite3.Error as error:  # nothing is lost: the writer comes to it
                    _log.warning("checkpoint failed", extra={"error": type(error).__name__})
                self._is_copying = False


def _checkpoint(connection: sqlite3.Connection) -> None:
    """What no reader holds back. It waits for nobody, and nobody waits for it."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
