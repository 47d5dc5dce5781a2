"""What a backup says of itself. Written last: a folder without it is no backup."""

import gzip
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from app import key_file
from datasources.local import file_backup
from datasources.local.files import INDEX_FILE
from datasources.tables import Table
from domain.times import Timestamp

MANIFEST_FILE = "manifest.json"
FORMAT = 1
RECORDS_FILE = "records.db"
TABLES_FOLDER = "records"
FILES_FOLDER = "files"
OBJECTS_FILE = "files.jsonl.gz"
OBJECTS_FOLDER = "objects"
SUMS_FILE = "sums.jsonl.gz"
KEYS_FOLDER = "keys"


class BadBackup(Exception):
    """A folder is no whole backup. The message says why, without anything of its content."""


class Entry(msgspec.Struct, frozen=True):
    """One file of a backup; `path` is from its folder on, with slashes."""

    path: str
    size: int
    sha256: str


class CopiedFile(msgspec.Struct, frozen=True):
    """A file of a bucket; the path of its entry is from `files/` on."""

    key: str
    content_type: str
    entry: Entry


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds.

    Attributes:
        release: which made it.
        items: how many of each table.
        file_count: how many whole files.
    """

    format: int = FORMAT
    made_at: Timestamp
    release: str
    records: Literal["sqlite", "dynamodb"]
    files: Literal["files", "s3"]
    items: Mapping[str, int]
    file_count: int
    entries: tuple[Entry, ...]


def entry(folder: Path, path: Path) -> Entry:
    """Of a file in the folder, which is on disk when this returns."""
    file_backup.sync(path)
    return Entry(path.relative_to(folder).as_posix(), *_seen(path))


def write(folder: Path, manifest: Manifest) -> str:
    """Makes the folder a backup; its digest, which tells it from every other."""
    for inner in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        file_backup.sync(inner)
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    key_file.write_once(folder / MANIFEST_FILE, text)
    file_backup.sync(folder)
    return hashlib.sha256(text).hexdigest()


def read(folder: Path) -> tuple[Manifest, str]:
    """The manifest and the backup's digest. Raises BadBackup."""
    try:
        text = (folder / MANIFEST_FILE).read_bytes()
        manifest = msgspec.json.decode(text, type=Manifest)
    except FileNotFoundError:
        raise BadBackup(f"{folder} is no whole backup: it has no {MANIFEST_FILE}.") from None
    except msgspec.MsgspecError:
        raise BadBackup(f"{folder / MANIFEST_FILE} is damaged.") from None
    if manifest.format != FORMAT:
        raise BadBackup(f"{folder} has format {manifest.format}, this release knows {FORMAT}.")
    return manifest, hashlib.sha256(text).hexdigest()


def check(folder: Path, manifest: Manifest) -> None:
    """Holds every file against the manifest, byte by byte. Blocks, for as long as reading takes. Raises BadBackup."""
    for listed in manifest.entries:
        _check_entry(folder, listed)
    of_tables = {f"{TABLES_FOLDER}/{name}.jsonl.gz" for name in manifest.items}
    wanted = {RECORDS_FILE} if manifest.records == "sqlite" else of_tables
    of_files = (INDEX_FILE, SUMS_FILE) if manifest.files == "files" else (OBJECTS_FILE,)
    wanted |= {f"{FILES_FOLDER}/{name}" for name in of_files}
    if missing := wanted - {listed.path for listed in manifest.entries}:
        raise BadBackup(f"{folder / MANIFEST_FILE} does not name {min(missing)}.")
    for summed in _sums(folder) if manifest.files == "files" else (copied.entry for copied in copied_files(folder)):
        _check_entry(folder / FILES_FOLDER, summed)


def _check_entry(folder: Path, listed: Entry) -> None:
    path = folder / listed.path
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BadBackup(f"{listed.path} is outside of the backup.")
    if not path.is_file():
        raise BadBackup(f"{path} is missing.")
    if _seen(path) != (listed.size, listed.sha256):
        raise BadBackup(f"{path} is not as it was written: it is torn or was changed.")


def write_sums(folder: Path) -> None:
    """Lists what lies in `files/data` of a backup of this machine's files, with its sums. Blocks while it reads all."""
    files = folder / FILES_FOLDER
    with gzip.open(files / SUMS_FILE, "wb") as listing:
        for path in sorted((files / "data").rglob("*")):
            if path.is_file():
                listing.write(msgspec.json.encode(Entry(path.relative_to(files).as_posix(), *_seen(path))) + b"\n")


def _sums(folder: Path) -> Iterator[Entry]:
    decoder = msgspec.json.Decoder(Entry)
    with gzip.open(folder / FILES_FOLDER / SUMS_FILE, "rb") as listing:
        for line in listing:
            yield decoder.decode(line)


def copied_files(folder: Path) -> Iterator[CopiedFile]:
    """What a backup holds of a bucket. Blocks."""
    decoder = msgspec.json.Decoder(CopiedFile)
    with gzip.open(folder / FILES_FOLDER / OBJECTS_FILE, "rb") as listing:
        for line in listing:
            yield decoder.decode(line)


def table_file(folder: Path, table: Table) -> Path:
    """Where a backup holds a table of DynamoDB."""
    return folder / TABLES_FOLDER / f"{table.name}.jsonl.gz"


def new_folder(folder: Path) -> None:
    """Makes it, readable by its owner only. Raises BadBackup when there is something in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(os.scandir(folder)):
        raise BadBackup(f"{folder} is not empty.")


def _seen(path: Path) -> tuple[int, str]:
    """A file's size and SHA-256."""
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()
