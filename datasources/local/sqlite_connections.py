"""Connections to an SQLite file as every engine here wants them: durable at commit, shared between processes."""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

BUSY_SECONDS = 5.0
_WAL_BYTES = 64 * 1024 * 1024
_CHECKPOINT_PAGES = 16_000
"""Of the log, 64 MB, after which the writer copies them into the file, and who commits waits for all of them. Records
have a thread that comes to it before, see `sqlite_checkpoints`."""
_CACHE_KIB = 16 * 1024
"""Of the writer, which comes back to the same pages in every commit."""


def connect_all(path: Path, prepare: Callable[[sqlite3.Connection], None], readers: int) -> list[sqlite3.Connection]:
    """The writer's connection, then the readers'.

    Args:
        path: created when absent, readable by its owner only. Beside it lie `-wal` and `-shm`.
        prepare: makes the tables that are missing; several processes may do so at once.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # SQLite gives -wal and -shm the same rights.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    connections = [_connect(path)]
    try:
        _use_log(connections[0])
        connections[0].execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connections[0].execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        prepare(connections[0])
        for _ in range(readers):
            reader = _connect(path)
            connections.append(reader)
            reader.execute("PRAGMA query_only = ON")
    except BaseException:
        for connection in connections:
            connection.close()
        raise
    return connections


def _connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode, used by one thread at a time but not by the one that opens it."""
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    connection.execute("PRAGMA synchronous = FULL")  # in WAL mode: one sync a commit, before it returns
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    connection.execute("PRAGMA temp_store = MEMORY")  # nothing outside the one file
    return connection


def _use_log(connection: sqlite3.Connection) -> None:
    """Switch to WAL; SQLite does not wait for other processes that open the file at the same time."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
