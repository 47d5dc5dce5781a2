"""Secrets that a server makes for itself, once, in its data folder."""

import contextlib
import os
import secrets
from pathlib import Path

_SECRET_BYTES = 32


class KeyFileFault(Exception):
    """A file does not hold what was once written into it. The message names it, and nothing of its content."""


def secret(path: Path) -> bytes:
    """The secret in the file, made when there is none.

    Raises:
        KeyFileFault: the file holds no secret of ours.
        OSError: the folder cannot be written.
    """
    if not path.exists():
        write_once(path, secrets.token_bytes(_SECRET_BYTES))
    kept = path.read_bytes()
    if len(kept) != _SECRET_BYTES:
        raise KeyFileFault(f"{path} is damaged: it should hold {_SECRET_BYTES} bytes. Restore it or remove it.")
    return kept


def make_folder(path: Path) -> None:
    """Only we may look into it; one that exists stays as it is."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_once(path: Path, content: bytes) -> None:
    """Write a file that only we may read, whole or not at all; of several processes at once, one wins.

    So read the file afterwards: its content may be another's.
    """
    draft = _draft(path, content)
    try:
        # A link appears whole or not at all, and never replaces what another process put there first.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def replace(path: Path, content: bytes) -> None:
    """Write a file that only we may read, whole or not at all, in place of what was there."""
    _draft(path, content).replace(path)


def _draft(path: Path, content: bytes) -> Path:
    """Another file beside it, with the content safe on disk."""
    make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        draft.unlink()
        raise
    return draft
