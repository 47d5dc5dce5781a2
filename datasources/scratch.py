"""Folders of this machine for files that are being made, which do not outlive the process that makes them.

Each is locked by its process, so that another one sees whether it still lives, and removes what a killed one has left.
"""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

_PREFIX = "educonnect-"


class Scratch:
    """
    Args:
        parent: made when absent, readable by its owner only; None: the system's folder for such files.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self._parent = parent

    @asynccontextmanager
    async def folder(self) -> AsyncIterator[Path]:
        """A new folder that is there until the context ends. Raises OSError."""
        await self.sweep()
        path, lock = await asyncio.to_thread(_begun, self._found())
        try:
            yield path
        finally:
            await asyncio.to_thread(_removed, path, lock)

    async def sweep(self) -> None:
        """Removes folders whose process has ended. Raises OSError when the parent cannot be read."""
        await asyncio.to_thread(_sweep, self._found())

    def _found(self) -> Path:
        if self._parent is None:
            return Path(tempfile.gettempdir())
        self._parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._parent


def _begun(parent: Path) -> tuple[Path, int]:
    """A folder and its lock. A sweep may be faster than the lock: then it is gone, and another is made."""
    while True:
        path = Path(tempfile.mkdtemp(dir=parent, prefix=_PREFIX))
        with suppress(FileNotFoundError):
            lock = _opened(path)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                return path, lock
            os.close(lock)


def _removed(path: Path, lock: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(lock)


def _sweep(parent: Path) -> None:
    for left in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # somebody else's, or gone just now
            lock = _opened(left)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(lock)


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
