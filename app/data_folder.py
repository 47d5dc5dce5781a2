"""DATA_DIR among processes: many may use it at once, and none while a restore puts another in its place.

A restore makes everything anew in `.restore/new` first. From the moment that `.restore/ready` is there it has happened:
whoever opens the folder next, the restore itself or a server after a crash, puts each piece in its place.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.key_file import make_folder, write_once
from app.settings import SettingsFault
from datasources.local.file_backup import sync

LOCK_FILE = ".lock"
RESTORE_FOLDER = ".restore"
_NEW, _OLD, _READY = "new", "old", "ready"


@contextmanager
def used(folder: Path) -> Iterator[None]:
    """Ours to use, beside others, until the context ends; a restore that was cut short is ended first.

    Raises:
        SettingsFault: a restore is under way.
    """
    make_folder(folder)
    with _locked(folder) as lock:
        if (folder / RESTORE_FOLDER).exists():
            _take(lock, fcntl.LOCK_EX, "DATA_DIR: it is being restored")
            finish(folder)
        _take(lock, fcntl.LOCK_SH, "DATA_DIR: it is being restored")
        yield


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Ours only, until the context ends; a restore that was cut short is ended first.

    Raises:
        SettingsFault: others use it.
    """
    make_folder(folder)
    with _locked(folder) as lock:
        _take(lock, fcntl.LOCK_EX, "DATA_DIR: a server or a command uses it; end that first")
        finish(folder)
        try:
            yield
        finally:
            finish(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _take(lock: int, kind: int, refusal: str) -> None:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SettingsFault([refusal]) from None


def begin(folder: Path) -> Path:
    """Where the new content is to be made, empty."""
    new = folder / RESTORE_FOLDER / _NEW
    new.mkdir(mode=0o700, parents=True)
    return new


def commit(folder: Path) -> None:
    """What was made becomes the content, now and whatever happens; what it replaces is removed."""
    new = folder / RESTORE_FOLDER / _NEW
    for path in new.rglob("*"):
        sync(path)
    sync(new)
    write_once(folder / RESTORE_FOLDER / _READY, b"")
    sync(folder / RESTORE_FOLDER)
    finish(folder)


def finish(folder: Path) -> None:
    """Ends a restore that was committed, and forgets one that was not. May be repeated, and cut short."""
    restore = folder / RESTORE_FOLDER
    if (restore / _READY).exists():
        (restore / _OLD).mkdir(exist_ok=True)
        for path in sorted((restore / _NEW).iterdir()):
            # A log beside the old database is no part of the new one.
            for former in (f"{path.name}-wal", f"{path.name}-shm", path.name):
                if (folder / former).exists():
                    (folder / former).rename(restore / _OLD / f"{former}.{secrets.token_hex(4)}")
            path.rename(folder / path.name)
        sync(folder)
        (restore / _READY).unlink()
        sync(restore)
    shutil.rmtree(restore, ignore_errors=True)
