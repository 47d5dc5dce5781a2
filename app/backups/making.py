"""Makes a backup of what the settings name, while servers use it."""

import asyncio
import fcntl
import gzip
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from app import data_folder
from app.aws_session import AwsSession
from app.backups import manifest as manifests
from app.backups.keys import KEY_FILES
from app.backups.manifest import BadBackup, CopiedFile, Entry, Manifest
from app.clock import now
from app.engines import DATABASE_FILE, FILES_FOLDER, open_blobs
from app.settings import Settings
from app.version import VERSION
from datasources.blobs import BlobStore
from datasources.local import file_backup, sqlite_backup
from datasources.local.files import INDEX_FILE
from datasources.ports import Item
from datasources.tables import ALL
from domain.file_keys import PLACES

STAGING_FOLDER = ".backup"
STAGING_LOCK = ".backup.lock"
_LISTED = 1_000

Progress = Callable[[str], None]


async def make(settings: Settings, folder: Path, *, capacity: float, progress: Progress) -> tuple[Manifest, str]:
    """A backup in a new folder; its manifest and digest.

    Records and files of this machine are of one moment, and no write waits longer than for that moment. DynamoDB's
    tables and S3's files are read one after the other while others write.

    Args:
        capacity: of DynamoDB, read units a second.
        progress: told what is done.

    Raises:
        BadBackup: the folder is not empty.
        DomainError, OSError, sqlite3.Error: something cannot be read or written.
    """
    manifests.new_folder(folder)
    with ExitStack() as stack:
        if settings.records == "sqlite" or settings.blobs == "files":
            stack.enter_context(data_folder.used(settings.data_dir))
        local = await asyncio.to_thread(_copy_local, settings, folder, progress)
        items = local.items or await _export_tables(settings, folder, capacity, progress)
        objects = local.file_count if settings.blobs == "files" else await _copy_objects(settings, folder, progress)
        await asyncio.to_thread(_copy_keys, settings.data_dir, folder)
        entries = await asyncio.to_thread(_entries, folder)
    made = Manifest(
        made_at=now(),
        release=VERSION,
        records=settings.records,
        files=settings.blobs,
        items=items,
        file_count=objects,
        entries=entries,
    )
    return made, await asyncio.to_thread(manifests.write, folder, made)


class _Local(msgspec.Struct, frozen=True):
    """What was copied of this machine's engines."""

    items: dict[str, int]
    file_count: int


def _copy_local(settings: Settings, folder: Path, progress: Progress) -> _Local:
    data = settings.data_dir
    records = data / DATABASE_FILE if settings.records == "sqlite" else None
    files = data / FILES_FOLDER if settings.blobs == "files" else None
    for path in (records, files and files / INDEX_FILE):
        if path is not None and not path.exists():
            raise BadBackup(f"DATA_DIR: there is nothing to back up, {path} does not exist.")
    items: dict[str, int] = {}
    with ExitStack() as stack:
        snapshot: sqlite3.Connection | None = None
        staging: Path | None = None
        if files is not None:
            staging = stack.enter_context(_staging(data))
            with file_backup.held(files, staging) as index:
                snapshot = None if records is None else stack.enter_context(sqlite_backup.snapshot(records))
                _copy_index(index, files, staging)
        elif records is not None:
            snapshot = stack.enter_context(sqlite_backup.snapshot(records))
        if snapshot is not None:
            copy = folder / manifests.RECORDS_FILE
            copy.touch(0o600)
            sqlite_backup.copy(snapshot, copy)
            with sqlite_backup.resting(copy) as connection:
                items = {table.name: sqlite_backup.count(connection, table) for table in ALL}
            progress(f"{sum(items.values())} records")
        if staging is None:
            return _Local(items, 0)
        target = folder / manifests.FILES_FOLDER
        file_backup.transfer(staging, target)
        shutil.copyfile(staging / INDEX_FILE, target / INDEX_FILE)
        manifests.write_sums(folder)
        number = file_backup.count(target)
        progress(f"{number} files")
        return _Local(items, number)


def _copy_index(index: sqlite3.Connection, files: Path, staging: Path) -> None:
    """The index as it is held: its own connection writes, so another one reads."""
    with sqlite_backup.snapshot(files / INDEX_FILE) as reading:
        sqlite_backup.copy(reading, staging / INDEX_FILE)


@contextmanager
def _staging(data: Path) -> Iterator[Path]:
    """A folder on the files' own file system; what a killed backup left there is removed."""
    staging = data / STAGING_FOLDER
    with (data / STAGING_LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadBackup("Another backup is being made.") from None
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)


async def _export_tables(settings: Settings, folder: Path, capacity: float, progress: Progress) -> dict[str, int]:
    from datasources.aws.table_copies import export, open_table_copies

    target = folder / manifests.TABLES_FOLDER
    target.mkdir(mode=0o700)
    items: dict[str, int] = {}
    async with open_table_copies(
        region=settings.aws_region,
        prefix=settings.table_prefix,
        endpoint_url=settings.aws_endpoint_url,
        capacity=capacity,
    ) as tables:
        for table in ALL:
            pages: AsyncIterator[list[Item]] = tables.items(table)
            items[table.name] = await export(manifests.table_file(folder, table), pages)
            progress(f"{items[table.name]} of {table.name}")
    return items


async def _copy_objects(settings: Settings, folder: Path, progress: Progress) -> int:
    """Every file of the bucket, fetched one after the other."""
    files = folder / manifests.FILES_FOLDER
    (files / manifests.OBJECTS_FOLDER).mkdir(mode=0o700, parents=True)
    number = 0
    async with open_blobs(settings, AwsSession()) as blobs:
        with gzip.open(files / manifests.OBJECTS_FILE, "wb") as listing:
            async for key in _keys(blobs):
                name = f"{manifests.OBJECTS_FOLDER}/{number:010}"
                copied = await _fetch(blobs, key, files, name)
                if copied is not None:
                    listing.write(msgspec.json.encode(copied) + b"\n")
                    number += 1
    progress(f"{number} files")
    return number


async def _keys(blobs: BlobStore) -> AsyncIterator[str]:
    for place in PLACES:  # each may be a bucket of its own
        after: str | None = None
        while page := await blobs.list_keys(place, after=after, limit=_LISTED):
            for blob in page:
                yield blob.key
            after = page[-1].key


async def _fetch(blobs: BlobStore, key: str, files: Path, name: str) -> CopiedFile | None:
    """None when it was removed since it was listed."""
    head = await blobs.head(key)
    if head is None:
        return None
    try:
        await blobs.fetch(key, files / name)
    except FileNotFoundError:
        return None
    return CopiedFile(key, head.content_type, await asyncio.to_thread(manifests.entry, files, files / name))


def _copy_keys(data: Path, folder: Path) -> None:
    target = folder / manifests.KEYS_FOLDER
    target.mkdir(mode=0o700)
    for name in KEY_FILES:
        if (data / name).exists():
            shutil.copyfile(data / name, target / name)
            (target / name).chmod(0o600)


def _entries(folder: Path) -> tuple[Entry, ...]:
    """Every file but those that a listing vouches for."""
    files = folder / manifests.FILES_FOLDER
    vouched = (files / "data", files / manifests.OBJECTS_FOLDER)
    return tuple(
        manifests.entry(folder, path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(path.is_relative_to(inner) for inner in vouched)
    )
