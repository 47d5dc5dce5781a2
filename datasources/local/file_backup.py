"""The embedded store of files, copied while it is used: its index as of one moment, and every file that it names.

A file never changes once it is named, so a copy on the same file system is a hard link. All of this blocks and
belongs in a thread.
"""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from datasources.local.file_disk import Disk
from datasources.local.files import INDEX_FILE
from datasources.local.sqlite_connections import BUSY_SECONDS

FEW = 200
"""Files that may be linked while the index is held: some milliseconds."""
_ROUNDS = 20
_CHUNK_BYTES = 1024 * 1024


class Damaged(Exception):
    """Files are not as they were stored. The message names one of ours, never a key."""


class StoredFile(msgspec.Struct, frozen=True):
    """A whole file and where its bytes lie, one path after the other."""

    key: str
    content_type: str
    paths: tuple[Path, ...]


@contextmanager
def held(folder: Path, staging: Path) -> Iterator[sqlite3.Connection]:
    """The index while nobody can write it, when all that it names is linked in `staging`.

    So whatever else is looked at inside is of the same moment as the index. That moment is to be short: other
    processes wait for it. `staging` is on the file system of `folder` and becomes a folder of files itself.
    """
    for name in _subfolders():
        (staging / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    # Nobody waits while most are linked; the rest are those that came meanwhile.
    for _ in range(_ROUNDS):
        if _link_missing(folder, staging) <= FEW:
            break
    path = folder / INDEX_FILE
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as index:
        index.execute("BEGIN IMMEDIATE")
        try:
            _link_missing(folder, staging, index)
            yield index
        finally:
            index.execute("ROLLBACK")


def _subfolders() -> list[str]:
    return ["incoming", *(f"data/{number:02x}" for number in range(256))]


def _link_missing(folder: Path, staging: Path, index: sqlite3.Connection | None = None) -> int:
    """Links what is named and not linked yet, and removes what is linked and no longer named; how many were new."""
    if index is None:
        with closing(sqlite3.connect(folder / INDEX_FILE, timeout=BUSY_SECONDS, isolation_level=None)) as reading:
            names = {row[0] for row in reading.execute("SELECT file FROM parts")}
    else:
        names = {row[0] for row in index.execute("SELECT file FROM parts")}
    source, target = Disk(folder), Disk(staging)
    linked = {path.name for path in (staging / "data").rglob("*") if path.is_file()}
    for name in names - linked:
        try:
            target.path(name).hardlink_to(source.path(name))
        except FileNotFoundError:
            if index is not None:
                raise Damaged(f"The index of files names {name}, which is not there.") from None
    target.remove(list(linked - names))
    return len(names - linked)


def files(folder: Path) -> Iterator[StoredFile]:
    """All whole files, by key."""
    disk = Disk(folder)
    with _resting(folder) as index:
        for key, content, content_type in index.execute("SELECT key, content, content_type FROM objects ORDER BY key"):
            rows = index.execute("SELECT file FROM parts WHERE content = ? ORDER BY start", (content,))
            yield StoredFile(key, content_type, tuple(disk.path(row[0]) for row in rows))


def count(folder: Path) -> int:
    with _resting(folder) as index:
        (number,) = index.execute("SELECT COUNT(*) FROM objects").fetchone()
    return int(number)


def transfer(source: Path, target: Path) -> None:
    """All bytes of a folder of files into another one, by hard links where they can be; synced to disk."""
    for name in _subfolders():
        (target / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in (source / "data").rglob("*"):
        if path.is_file():
            link_or_copy(path, target / path.relative_to(source))
    for name in _subfolders():
        sync(target / name)


def link_or_copy(source: Path, target: Path) -> None:
    """A second name for a file that never changes, or a copy of it that is on disk."""
    with contextlib.suppress(OSError):  # another file system, or one without links
        target.hardlink_to(source)
        return
    shutil.copyfile(source, target)
    target.chmod(0o600)
    sync(target)


def sync(path: Path) -> None:
    """A file's bytes, or a folder's names, are on disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def joined(paths: Sequence[Path], target: Path) -> None:
    with target.open("wb") as whole:
        for path in paths:
            with path.open("rb") as part:
                shutil.copyfileobj(part, whole, _CHUNK_BYTES)


@contextmanager
def _resting(folder: Path) -> Iterator[sqlite3.Connection]:
    uri = f"{(folder / INDEX_FILE).absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True, check_same_thread=False)) as index:
        yield index
