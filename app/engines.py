"""Which engines keep records and find words, as the settings choose."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.key_file import make_folder
from app.settings import Settings
from app.workers import Wait, poll
from datasources.ports import RecordStore, SearchIndex
from datasources.tables import Table

DATABASE_FILE = "records.db"


@dataclass(frozen=True)
class Engines:
    """`wait` tells workers of changes, as soon as the store can."""

    store: RecordStore
    search: SearchIndex
    wait: Wait


@asynccontextmanager
async def open_engines(settings: Settings) -> AsyncIterator[Engines]:
    """Open until the context ends. Raises OSError when DATA_DIR cannot be written."""
    if settings.records == "dynamodb":
        async with _dynamodb(settings) as engines:
            yield engines
    else:
        async with _sqlite(settings) as engines:
            yield engines


@asynccontextmanager
async def _sqlite(settings: Settings) -> AsyncIterator[Engines]:
    from datasources.local.search import SQLiteSearch

    from datasources.local.sqlite import SQLiteStore

    make_folder(settings.data_dir)
    async with SQLiteStore.open(settings.data_dir / DATABASE_FILE) as store:

        async def wait(table: Table, position: str | None, seconds: float) -> None:
            await store.wait_for_change(table, position, seconds=seconds)

        yield Engines(store, SQLiteSearch(store), wait)


@asynccontextmanager
async def _dynamodb(settings: Settings) -> AsyncIterator[Engines]:
    # AWS's libraries take longer to import than all the rest together.
    from datasources.aws.search import TermSearch

    from datasources.aws.dynamodb import open_dynamodb

    region, prefix, endpoint = settings.aws_region, settings.table_prefix, settings.aws_endpoint_url
    async with open_dynamodb(region=region, prefix=prefix, endpoint_url=endpoint, now=time.time) as store:
        yield Engines(store, TermSearch(store), poll)
