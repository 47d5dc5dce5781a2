"""Brings a backup back, to the engines that the settings name.

On this machine all of it is there at the end, or all is as it was. Tables of DynamoDB are filled step by step: no
server uses them before they are full, and a restore that was cut short is simply run again.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from app import data_folder
from app.aws_session import AwsSession
from app.backups import manifest as manifests
from app.backups.keys import KEY_FILES
from app.backups.making import Progress
from app.backups.manifest import BadBackup, Manifest
from app.backups.searches import fill_search
from app.engines import DATABASE_FILE, FILES_FOLDER, FILES_SECRET_FILE, open_blobs
from app.key_file import secret
from app.settings import Settings
from datasources import worker_rows
from datasources.blobs import BlobStore
from datasources.local import file_backup, sqlite_backup
from datasources.local.file_backup import StoredFile
from datasources.local.files import INDEX_FILE, FileStore
from datasources.local.search import SQLiteSearch
from datasources.local.sqlite import SQLiteStore
from datasources.ports import Item
from datasources.tables import ALL, SEARCH_DOCUMENTS, SEARCH_TERMS, WORKERS, Table

_Pages = Iterator[tuple[Table, list[Item]]]
_Value = TypeVar("_Value")


async def restore(
    settings: Settings,
    folder: Path,
    *,
    replace: bool,
    digest: str | None,
    capacity: float,
    progress: Progress,
) -> Manifest:
    """Fills the engines of the settings from a backup, which is checked first.

    Args:
        replace: what is in DATA_DIR may go. DynamoDB's tables have to be empty in any case.
        digest: which backup it has to be; None for any that is whole.
        capacity: of DynamoDB, write units a second.
        progress: told what is done.

    Raises:
        BadBackup: the folder is no whole backup, or not that one; or something is in the way.
        SettingsFault: a server uses DATA_DIR.
        DomainError, OSError, sqlite3.Error: something cannot be written.
    """
    manifest, found = checked(folder, digest)
    progress("the backup is whole")
    is_local = settings.records == "sqlite" or settings.blobs == "files"
    with ExitStack() as stack:
        new: Path | None = None
        if is_local:
            stack.enter_context(data_folder.alone(settings.data_dir))
            _refuse_to_replace(settings, replace)
            new = data_folder.begin(settings.data_dir)
            _bring_keys(folder, new)
        await _bring_files(settings, folder, manifest, new, progress)
        if settings.records == "sqlite":
            assert new is not None  # noqa: S101 - SQLite is local
            await _make_database(folder, manifest, new / DATABASE_FILE)
            progress(f"{sum(manifest.items.values())} records")
        else:
            await _fill_tables(settings, folder, manifest, found, capacity, progress)
        if is_local:
            await asyncio.to_thread(data_folder.commit, settings.data_dir)
    return manifest


def checked(folder: Path, digest: str | None) -> tuple[Manifest, str]:
    """The manifest and digest of a whole backup. Blocks, for as long as reading it takes. Raises BadBackup."""
    manifest, found = manifests.read(folder)
    if digest is not None and digest != found:
        raise BadBackup(f"{folder} is another backup: its digest is {found}.")
    manifests.check(folder, manifest)
    return manifest, found


def _refuse_to_replace(settings: Settings, replace: bool) -> None:
    names = [DATABASE_FILE] if settings.records == "sqlite" else []
    names += [f"{FILES_FOLDER}/{INDEX_FILE}"] if settings.blobs == "files" else []
    there = [name for name in names if (settings.data_dir / name).exists()]
    if there and not replace:
        raise BadBackup(f"DATA_DIR: {settings.data_dir / there[0]} exists; --replace puts the backup in its place.")


def _bring_keys(folder: Path, new: Path) -> None:
    for name in KEY_FILES:
        kept = folder / manifests.KEYS_FOLDER / name
        if kept.exists():
            _copy_private(kept, new / name)


def _copy_private(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o600)


# Records


async def _make_database(folder: Path, manifest: Manifest, path: Path) -> None:
    """SQLite's file, as it was or made of DynamoDB's tables. Raises BadBackup when a newer release wrote it."""
    was_sqlite = manifest.records == "sqlite"
    if was_sqlite:
        await asyncio.to_thread(_copy_private, folder / manifests.RECORDS_FILE, path)
    else:
        await asyncio.to_thread(sqlite_backup.make, path, ALL, _pages(folder, manifest, same_engine=False))
    try:
        async with SQLiteStore.open(path) as store:
            search = await SQLiteSearch.over(store)
            if not was_sqlite:
                await fill_search(store, search, _pages(folder, manifest, same_engine=False))
    except RuntimeError as error:
        raise BadBackup(f"{folder}: {error}") from error


def _pages(folder: Path, manifest: Manifest, *, same_engine: bool) -> _Pages:
    """All items but those that mean nothing in a new store: places in change feeds that begin anew, and what another
    engine knows for its own search. Blocks."""
    for table, page in _all_pages(folder, manifest):
        if table is WORKERS:
            yield table, [item for item in page if not worker_rows.is_of_a_feed(item)]
        elif same_engine or table not in (SEARCH_TERMS, SEARCH_DOCUMENTS):
            yield table, page


def _all_pages(folder: Path, manifest: Manifest) -> _Pages:
    if manifest.records == "sqlite":
        with sqlite_backup.resting(folder / manifests.RECORDS_FILE) as connection:
            for table in ALL:
                for page in sqlite_backup.items(connection, table):
                    yield table, page
        return
    from datasources.aws.table_copies import exported

    for table in ALL:
        if table.name in manifest.items:
            for page in exported(manifests.table_file(folder, table)):
                yield table, page


async def _fill_tables(
    settings: Settings, folder: Path, manifest: Manifest, digest: str, capacity: float, progress: Progress
) -> None:
    from datasources.aws.dynamodb import open_dynamodb
    from datasources.aws.search import TermSearch
    from datasources.aws.table_copies import open_table_copies

    region, prefix, endpoint = settings.aws_region, settings.table_prefix, settings.aws_endpoint_url
    same_engine = manifest.records == "dynamodb"
    async with (
        open_dynamodb(region=region, prefix=prefix, endpoint_url=endpoint) as store,
        open_table_copies(region=region, prefix=prefix, endpoint_url=endpoint, capacity=capacity) as tables,
    ):
        if await worker_rows.restored_from(store) != digest:
            for table in ALL:
                if not await tables.is_empty(table):
                    raise BadBackup(f"{prefix}{table.name} is not empty: choose another TABLE_PREFIX.")
            await worker_rows.begin_restore(store, digest)
        for table in ALL:
            if table.feed:
                await tables.stream(table, on=False)
        number = 0
        async for table, page in _in_thread(_pages(folder, manifest, same_engine=same_engine)):
            await tables.write(table, page)
            number += len(page)
        progress(f"{number} records")
        if not same_engine:
            await fill_search(store, TermSearch(store), _pages(folder, manifest, same_engine=False))
        for table in ALL:
            if table.feed:
                await tables.stream(table, on=True)
        await worker_rows.end_restore(store)


# Files


async def _bring_files(
    settings: Settings, folder: Path, manifest: Manifest, new: Path | None, progress: Progress
) -> None:
    source = folder / manifests.FILES_FOLDER
    if settings.blobs == "files" and manifest.files == "files":
        assert new is not None  # noqa: S101 - files are local
        target = new / FILES_FOLDER
        await asyncio.to_thread(file_backup.transfer, source, target)
        await asyncio.to_thread(shutil.copyfile, source / INDEX_FILE, target / INDEX_FILE)
    else:
        async with _empty_blobs(settings, new) as blobs:
            async for file in _in_thread(_files(folder, manifest)):
                await _store(blobs, file)
    progress(f"{manifest.file_count} files")


@asynccontextmanager
async def _empty_blobs(settings: Settings, new: Path | None) -> AsyncIterator[BlobStore]:
    """Where files go: the bucket, or a folder that is not in its place yet."""
    if settings.blobs == "s3":
        async with open_blobs(settings, AwsSession()) as bucket:
            yield bucket
        return
    assert new is not None  # noqa: S101 - files are local
    made = secret(new / FILES_SECRET_FILE)
    async with FileStore.open(new / FILES_FOLDER, secret=made, base_url=settings.base_url) as store:
        yield store


def _files(folder: Path, manifest: Manifest) -> Iterator[StoredFile]:
    if manifest.files == "files":
        yield from file_backup.files(folder / manifests.FILES_FOLDER)
        return
    for copied in manifests.copied_files(folder):
        path = folder / manifests.FILES_FOLDER / copied.entry.path
        yield StoredFile(copied.key, copied.content_type, (path,))


async def _store(blobs: BlobStore, file: StoredFile) -> None:
    if len(file.paths) == 1:
        await blobs.store(file.key, file.paths[0], content_type=file.content_type)
        return
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "whole"
        await asyncio.to_thread(file_backup.joined, file.paths, whole)
        await blobs.store(file.key, whole, content_type=file.content_type)


async def _in_thread(values: Iterator[_Value]) -> AsyncIterator[_Value]:
    """The values of an iterator that blocks."""
    while (value := await asyncio.to_thread(next, values, None)) is not None:
        yield value
