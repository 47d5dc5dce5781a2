"""Which engines keep records and find words, as the settings choose."""

import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from app.key_file import make_folder
from app.settings import Settings, SettingsFault
from datasources.ports import RecordStore, SearchIndex
from domain.errors import DomainError

DATABASE_FILE = "records.db"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Engines:
    store: RecordStore
    search: SearchIndex


@asynccontextmanager
async def open_engines(settings: Settings) -> AsyncIterator[Engines]:
    """Open until the context ends. Raises OSError or SettingsFault when DATA_DIR cannot be used."""
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
    path = settings.data_dir / DATABASE_FILE
    async with AsyncExitStack() as stack:
        try:
            store = await stack.enter_async_context(SQLiteStore.open(path))
        except (sqlite3.Error, RuntimeError) as error:
            raise SettingsFault([f"DATA_DIR: {path} cannot be used: {error}"]) from error
        yield Engines(store, await SQLiteSearch.over(store))


@asynccontextmanager
async def _dynamodb(settings: Settings) -> AsyncIterator[Engines]:
    # AWS's libraries take longer to import than all the rest together.
    from datasources.aws.dynamodb import open_dynamodb
    from datasources.aws.dynamodb_calls import Missing
    from datasources.aws.search import TermSearch

    region, prefix, endpoint = settings.aws_region, settings.table_prefix, settings.aws_endpoint_url
    async with open_dynamodb(region=region, prefix=prefix, endpoint_url=endpoint) as store:
        try:
            await store.ready()
        except Missing as error:
            tables = f"tables whose names begin with {prefix!r}" if prefix else "tables"
            hint = f"RECORDS: DynamoDB has no {tables}; `python -m app tables create` makes them"
            raise SettingsFault([hint]) from error
        except DomainError as error:  # it may come up later than we do
            log.warning("DynamoDB does not answer yet", exc_info=error)
        yield Engines(store, TermSearch(store))
