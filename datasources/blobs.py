"""Files of any size outside the record store, as one narrow port: S3, or a folder on this machine.

Clients write and read bytes by signed requests, never through the API. A key is made by the server and reads like a
path: `incoming/OWNER/UPLOAD`, `media/OWNER/MEDIA/...`. Vendor errors end at the engine.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from domain.times import Timestamp
from domain.uploads import Checksum, ChecksumAlgorithm

MAX_SINGLE_BYTES = 5 * 1024**3
MAX_READ_BYTES = 1024**2


class Blob(msgspec.Struct, frozen=True):
    """A whole, stored file. `etag` as in HTTP, without its quotes."""

    key: str
    size: int
    etag: str
    content_type: str
    stored_at: Timestamp
    checksum: Checksum | None = None


class Part(msgspec.Struct, frozen=True):
    """A stored part of a file that is not whole yet. `number` counts from 1."""

    number: int
    size: int
    etag: str
    stored_at: Timestamp
    checksum: Checksum | None = None


class PartPage(msgspec.Struct, frozen=True):
    """Parts by number; `last` to go on behind, None when nothing follows."""

    parts: Sequence[Part]
    last: int | None


class ChosenPart(msgspec.Struct, frozen=True):
    """A part as the client names it when it completes."""

    number: int
    etag: str
    checksum: Checksum | None = None


class OpenMultipart(msgspec.Struct, frozen=True):
    """A file that was begun and is neither whole nor given up."""

    key: str
    multipart_id: str
    started_at: Timestamp


class SignedRequest(msgspec.Struct, frozen=True):
    """A request that anybody may send until `expires_at`, with exactly these headers."""

    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: Timestamp


class NoSuchMultipart(Exception):
    """The multipart upload is unknown: completed, given up, or never begun."""


class PartsRefused(Exception):
    """The parts named do not make the file: one is missing, has another ETag or checksum, or is too small.

    `numbers` are those, as far as the engine tells; empty when it does not.
    """

    def __init__(self, numbers: Sequence[int] = ()) -> None:
        super().__init__("parts refused")
        self.numbers = tuple(numbers)


class ChecksumRefused(Exception):
    """The whole file has another checksum than the one given; nothing was stored."""


class BlobStore(Protocol):
    """Files under keys, written whole or not at all.

    What a signed request may store is fixed by its signature: length, type and, where given, checksum. A write
    that a crash cuts off leaves nothing that can be read. Every call raises `DomainError` THROTTLED when the engine
    is overloaded beyond bounded retries, and DEPENDENCY_FAILED when it is broken or unreachable.
    """

    async def sign_put(
        self, key: str, *, size: int, content_type: str, checksum: Checksum | None = None, seconds: int
    ) -> SignedRequest:
        """The one request that stores the whole file; it replaces what is there. At most `MAX_SINGLE_BYTES`."""
        ...

    async def start_multipart(self, key: str, *, content_type: str, algorithm: ChecksumAlgorithm | None = None) -> str:
        """Begins a file in parts; the id of the beginning.

        Args:
            algorithm: which checksum every part carries; None for the engine's own.
        """
        ...

    async def sign_part(
        self, key: str, multipart_id: str, number: int, *, size: int, checksum: Checksum | None = None, seconds: int
    ) -> SignedRequest:
        """The request that stores one part, replacing an earlier one of that number. The answer's ETag names it."""
        ...

    async def list_parts(self, key: str, multipart_id: str, *, after: int = 0, limit: int = 1_000) -> PartPage:
        """Stored parts by number. Raises NoSuchMultipart."""
        ...

    async def complete_multipart(
        self, key: str, multipart_id: str, parts: Sequence[ChosenPart], *, checksum: Checksum | None = None
    ) -> Blob:
        """Joins the parts, in this order, into the file. Raises NoSuchMultipart, PartsRefused, ChecksumRefused.

        Repeated after it succeeded it raises NoSuchMultipart, and `head` finds the file.
        """
        ...

    async def abort_multipart(self, key: str, multipart_id: str) -> None:
        """Gives up and removes the parts; fine when unknown."""
        ...

    async def open_multiparts(self, *, after: OpenMultipart | None = None, limit: int = 1_000) -> list[OpenMultipart]:
        """Beginnings that are neither completed nor given up, by key and id."""
        ...

    async def head(self, key: str) -> Blob | None: ...

    async def read(self, key: str, *, start: int = 0, length: int) -> bytes:
        """Some bytes, fewer at the end; at most `MAX_READ_BYTES`. Empty when there is no such file."""
        ...

    async def fetch(self, key: str, to: Path) -> None:
        """Copies the file to a path of this machine, in pieces. Raises FileNotFoundError."""
        ...

    async def store(self, key: str, source: Path | bytes, *, content_type: str) -> Blob:
        """Stores a file of our own making, replacing what is there."""
        ...

    async def move(self, key: str, to: str) -> Blob | None:
        """Gives the file another key, of any size, without carrying its bytes through this process.

        May be repeated: when only `to` exists, that is the answer. None when neither exists.
        """
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Removes files, at most 1,000; fine when absent."""
        ...

    async def list_keys(self, prefix: str, *, after: str | None = None, limit: int = 1_000) -> list[Blob]:
        """Files whose keys begin with `prefix`, by key, behind `after`. `content_type` may be empty here."""
        ...

    async def sign_get(
        self, key: str, *, seconds: int, download_name: str | None = None, content_type: str | None = None
    ) -> str:
        """A URL that reads the file, whole or in ranges.

        Args:
            download_name: save as this; else shown in place.
            content_type: told instead of the stored one.
        """
        ...

    async def sign_gets(self, keys: Sequence[str], *, seconds: int) -> list[str]:
        """As `sign_get` of each, in order; thousands hold up nobody."""
        ...

    async def ready(self) -> None:
        """Returns when the engine answers; raises DEPENDENCY_FAILED otherwise."""
        ...
