"""The log is copied into the file beside the writer, and begins anew when all of it is."""

import asyncio
import logging
import sqlite3
from pathlib import Path

import pytest

from datasources.local import sqlite_checkpoints
from datasources.local.sqlite import SQLiteStore
from datasources.tables import USERS
from tests.waiting import PATIENCE_SECONDS

_BEGINNINGS = slice(12, 16)
"""Of a log's header: how often it began anew (walformat.html, 2)."""


def beginnings(path: Path) -> int:
    return int.from_bytes(Path(f"{path}-wal").read_bytes()[_BEGINNINGS], "big")


async def put_until_the_log_begins_anew(store: SQLiteStore, path: Path) -> int:
    """How many items were put."""
    before, number = beginnings(path), 0
    async with asyncio.timeout(PATIENCE_SECONDS):
        while beginnings(path) == before:
            await store.put(USERS, {"userId": f"u{number}"})
            number += 1
    return number


async def test_a_log_that_grows_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_checkpoints, "CHANGES", 20)
    path = tmp_path / "records.db"
    async with SQLiteStore.open(path) as store:
        await store.put(USERS, {"userId": "ada"})
        for _ in range(3):
            number = await put_until_the_log_begins_anew(store, path)
            keys = [{"userId": f"u{each}"} for each in range(number)][-100:]
            assert await store.batch_get(USERS, keys) == keys
    async with SQLiteStore.open(path) as store:
        assert await store.batch_get(USERS, keys) == keys


async def test_a_checkpoint_that_fails_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint, failed = sqlite_checkpoints._checkpoint, 0

    def fail_at_first(connection: sqlite3.Connection) -> None:
        nonlocal failed
        if failed < 2:
            failed += 1
            raise sqlite3.OperationalError("disk I/O error")
        checkpoint(connection)

    monkeypatch.setattr(sqlite_checkpoints, "CHANGES", 20)
    monkeypatch.setattr(sqlite_checkpoints, "_checkpoint", fail_at_first)
    path = tmp_path / "records.db"
    with caplog.at_level(logging.WARNING):
        async with SQLiteStore.open(path) as store:
            await store.put(USERS, {"userId": "ada"})
            await put_until_the_log_begins_anew(store, path)
    assert caplog.messages.count("checkpoint failed") == 2
