"""The bytes of the embedded file store: written once under names of our own making, and never changed.

    incoming/ID     being written; locked by the process that does, so that another one sees whether it still lives
    data/ab/ID      whole and on disk, linked there before the index names it

Names are random and ours alone: no key ever becomes part of a path. All of this blocks and belongs in a thread.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path

from datasources.local.file_digests import Digests

RESERVE_BYTES = 256 * 1024**2
"""Left free on the disk, so that files never keep the records from being written."""

_AHEAD_BYTES = 8 * 1024**2
"""Written, and not yet on their way to the disk. Then the sync at the end has little left to wait for."""

_CANNOT_RESERVE = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
"""From file systems that find out only when they write."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFull(Exception):
    """There is no room for so many bytes."""


class Disk:
    """A folder of bytes.

    Args:
        reserve_bytes: of the disk, never filled.
    """

    def __init__(self, folder: Path, reserve_bytes: int = RESERVE_BYTES) -> None:
        self._incoming = folder / "incoming"
        self._data = folder / "data"
        self._folder = folder
        self._reserve_bytes = reserve_bytes

    def prepare(self) -> None:
        """Makes the folders, readable by their owner only."""
        for folder in (self._folder, self._incoming, self._data):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(256):
            (self._data / f"{number:02x}").mkdir(mode=0o700, exist_ok=True)
        for folder in (self._data, self._folder):
            _sync_folder(folder)

    def check(self) -> None:
        """Raises OSError when the folder is out of reach."""
        os.statvfs(self._incoming)

    def path(self, file: str) -> Path:
        return self._data / file[:2] / file

    def draft(self, size: int, digests: Digests) -> "Draft":
        """A new file with room for `size` bytes. Raises DiskFull."""
        self._check_room(size)
        file = secrets.token_hex(16)
        path = self._incoming / file
        draft = Draft(file, path, self.path(file), digests)
        try:
            draft.reserve(size)
        except BaseException:
            draft.discard()
            raise
        return draft

    def _check_room(self, size: int) -> None:
        room = os.statvfs(self._incoming)
        if room.f_bavail * room.f_frsize < size + self._reserve_bytes:
            raise DiskFull

    def remove(self, files: Sequence[str]) -> None:
        """Fine when absent."""
        for file in files:
            self.path(file).unlink(missing_ok=True)

    def leftovers(self) -> list[str]:
        """Files that were being written by processes that have ended."""
        return [entry.name for entry in os.scandir(self._incoming) if _is_abandoned(Path(entry.path))]

    def forget(self, file: str, *, keep: bool) -> None:
        """Ends a leftover: its bytes stay when they were named before the crash."""
        if not keep:
            self.path(file).unlink(missing_ok=True)
        (self._incoming / file).unlink(missing_ok=True)


class Draft:
    """A file being written, and what is known of its bytes so far.

    Its methods wait for each other, so that a call that nobody waits for any more never meets a closed file.

    Attributes:
        file: its name, once it is kept.
        digests: of the bytes so far.
    """

    def __init__(self, file: str, path: Path, kept: Path, digests: Digests) -> None:
        self.file = file
        self.digests = digests
        self._path = path
        self._kept = kept
        self._lock = threading.Lock()
        self._written = self._on_its_way = 0
        # A file object closes itself when a cancelled caller never got the draft: it is a leftover then.
        self._raw = FileIO(path, "x", opener=_opener)
        fcntl.flock(self._raw, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def reserve(self, size: int) -> None:
        """Takes the room now, so that a full disk is told before the bytes are sent. Raises DiskFull."""
        if size > 0 and hasattr(os, "posix_fallocate"):  # not on macOS, where a write may still find the disk full
            with self._lock, _room_needed():
                try:
                    os.posix_fallocate(self._raw.fileno(), 0, size)
                except OSError as error:
                    if error.errno not in _CANNOT_RESERVE:
                        raise

    def write(self, piece: bytes | memoryview) -> None:
        """Raises DiskFull."""
        with self._lock, _room_needed():
            self.digests.update(piece)
            left = memoryview(piece)
            while left:
                left = left[self._raw.write(left) :]
            self._written += len(piece)
            if self._written - self._on_its_way >= _AHEAD_BYTES:
                self._send_on()

    def _send_on(self) -> None:
        """Has the system begin to write to the disk, and does not wait for it."""
        if hasattr(os, "posix_fadvise"):  # not on macOS
            start, self._on_its_way = self._on_its_way, self._written
            os.posix_fadvise(self._raw.fileno(), start, self._written - start, os.POSIX_FADV_DONTNEED)

    def keep(self) -> None:
        """The bytes are on disk under the file's name when this returns; a crash before it is named removes them."""
        with self._lock, _room_needed():
            os.fsync(self._raw.fileno())
            self._kept.hardlink_to(self._path)
            _sync_folder(self._kept.parent)

    def settle(self) -> None:
        """It has been named: nothing of the writing is left."""
        with self._lock:
            self._path.unlink(missing_ok=True)
            self._raw.close()

    def discard(self) -> None:
        """Nothing of it is left."""
        with self._lock:
            self._kept.unlink(missing_ok=True)
            self._path.unlink(missing_ok=True)
            self._raw.close()

    def abandon(self) -> None:
        """Whether it has been named is unknown: it is a leftover now."""
        with self._lock:
            self._raw.close()


class Reading:
    """A kept file that is open for reading; its methods wait for each other."""

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError."""
        self._lock = threading.Lock()
        self._raw = FileIO(path, "r", opener=_opener)

    def read(self, start: int, length: int) -> bytes:
        """Some bytes, fewer at the end."""
        with self._lock:
            return os.pread(self._raw.fileno(), length, start)

    def close(self) -> None:
        with self._lock:
            self._raw.close()


def _opener(path: str, flags: int) -> int:
    """Opens files that only we may read, and no symbolic links."""
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


@contextlib.contextmanager
def _room_needed() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull from None
        raise


def _is_abandoned(path: Path) -> bool:
    try:
        with FileIO(path, "r", opener=_opener) as raw:
            fcntl.flock(raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (FileNotFoundError, BlockingIOError):  # ended just now, or still being written
        return False
    return True


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
