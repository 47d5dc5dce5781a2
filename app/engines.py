"""Which engines keep records, find words, keep files and know faces, as the settings choose."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext

import msgspec

from app import key_file
from app.aws_session import AwsSession
from app.buckets import s3_buckets
from app.data_folder import used
from app.face_engines import open_face_engine
from app.key_file import make_folder
from app.settings import Settings, SettingsFault
from datasources import worker_rows
from datasources.blobs import BlobStore
from datasources.face_engine import FaceEngine
from datasources.ports import RecordStore, SearchIndex
from domain.errors import DomainError

DATABASE_FILE = "records.db"
FILES_FOLDER = "files"
FILES_SECRET_FILE = "files-secret"  # noqa: S105 - a file's name, no secret

log = logging.getLogger(__name__)


class Engines(msgspec.Struct, frozen=True):
    store: RecordStore
    search: SearchIndex
    blobs: BlobStore
    faces: FaceEngine
    aws: AwsSession


_Records = tuple[RecordStore, SearchIndex]


@asynccontextmanager
async def open_engines(settings: Settings) -> AsyncIterator[Engines]:
    """Open until the context ends. Raises OSError or SettingsFault when DATA_DIR cannot be used."""
    aws = AwsSession()
    is_local = settings.records == "sqlite" or settings.blobs == "files"
    with used(settings.data_dir) if is_local else nullcontext():
        records = _dynamodb(settings, aws) if settings.records == "dynamodb" else _sqlite(settings)
        async with (
            records as (store, search),
            open_blobs(settings, aws) as blobs,
            open_face_engine(settings, store, aws) as faces,
        ):
            yield Engines(store, search, blobs, faces, aws)


def open_blobs(settings: Settings, aws: AwsSession) -> AbstractAsyncContextManager[BlobStore]:
    """The store of files alone."""
    return _s3(settings, aws) if settings.blobs == "s3" else _files(settings)


@asynccontextmanager
async def _sqlite(settings: Settings) -> AsyncIterator[_Records]:
    from datasources.local.search import SQLiteSearch
    from datasources.local.sqlite import SQLiteStore

    make_folder(settings.data_dir)
    path = settings.data_dir / DATABASE_FILE
    async with AsyncExitStack() as stack:
        try:
            store = await stack.enter_async_context(SQLiteStore.open(path))
        except (sqlite3.Error, RuntimeError) as error:
            raise SettingsFault([f"DATA_DIR: {path} cannot be used: {error}"]) from error
        yield store, await SQLiteSearch.over(store)


@asynccontextmanager
async def _dynamodb(settings: Settings, aws: AwsSession) -> AsyncIterator[_Records]:
    # AWS's libraries take longer to import than all the rest together.
    from datasources.aws.dynamodb import open_dynamodb
    from datasources.aws.dynamodb_calls import Missing
    from datasources.aws.search import TermSearch

    region, prefix, endpoint = settings.aws_region, settings.table_prefix, settings.aws_endpoint_url
    async with open_dynamodb(region=region, prefix=prefix, endpoint_url=endpoint, session=aws.get()) as store:
        backup: str | None = None
        try:
            _, backup = await asyncio.gather(store.ready(), worker_rows.restored_from(store))
        except Missing as error:
            tables = f"tables whose names begin with {prefix!r}" if prefix else "tables"
            hint = f"RECORDS: DynamoDB has no {tables}; `python -m app tables create` makes them"
            raise SettingsFault([hint]) from error
        except DomainError as error:  # it may come up later than we do
            log.warning("DynamoDB does not answer yet", exc_info=error)
        if backup is not None:
            raise SettingsFault(["RECORDS: a restore of these tables has not ended; run it again"])
        yield store, TermSearch(store)


@asynccontextmanager
async def _files(settings: Settings) -> AsyncIterator[BlobStore]:
    from datasources.local.files import FileStore

    make_folder(settings.data_dir)
    folder = settings.data_dir / FILES_FOLDER
    secret = key_file.secret(settings.data_dir / FILES_SECRET_FILE)
    async with AsyncExitStack() as stack:
        try:
            opened = FileStore.open(folder, secret=secret, base_url=settings.base_url)
            store = await stack.enter_async_context(opened)
        except (sqlite3.Error, RuntimeError) as error:
            raise SettingsFault([f"DATA_DIR: {folder} cannot be used: {error}"]) from error
        yield store


@asynccontextmanager
async def _s3(settings: Settings, aws: AwsSession) -> AsyncIterator[BlobStore]:
    from datasources.aws.s3 import open_s3

    async with open_s3(
        s3_buckets(settings),
        region=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        kms_key=settings.s3_kms_key,
        acceleration=settings.s3_acceleration,
        session=aws.get(),
    ) as store:
        try:
            await store.ready()
        except DomainError as error:  # it may come up later than we do
            log.warning("S3 does not answer yet", exc_info=error)
        yield store
