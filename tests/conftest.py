"""Stores for every test: SQLite's in a file of its own, DynamoDB's on an emulator behind real HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from datasources.local.sqlite import SQLiteStore


@pytest.fixture
async def sqlite_store(tmp_path: Path) -> AsyncIterator[SQLiteStore]:
    async with SQLiteStore.open(tmp_path / "records.db") as store:
        yield store
