"""Bytes on their way between requests and the disk, never more than a few pieces of them in memory."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from datasources.blobs import Blob, ChecksumRefused, NoSuchMultipart
from datasources.checksums import DEFAULT
from datasources.local.disk_threads import DiskThreads
from datasources.local.file_digests import Digests
from datasources.local.file_disk import Disk, DiskFull, Draft, Reading
from datasources.local.file_index import FileIndex, Piece, Written
from datasources.local.file_urls import Grant
from domain.errors import DomainError
from domain.times import from_epoch
from domain.uploads import ChecksumAlgorithm

CHUNK_BYTES = 256 * 1024

Result = TypeVar("Result")


class WrongAlgorithm(Exception):
    """Parts of this upload carry checksums of another algorithm."""

    def __init__(self, wanted: ChecksumAlgorithm) -> None:
        super().__init__(wanted)
        self.wanted = wanted


class WrongSize(Exception):
    """Fewer or more bytes came than the grant says."""


class Transfers:
    """What moves bytes; the index names them."""

    def __init__(self, index: FileIndex, disk: Disk, threads: DiskThreads, now: Callable[[], float]) -> None:
        self._index = index
        self._disk = disk
        self._threads = threads
        self._now = now
        self._endings: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def receiving(self, grant: Grant, md5: str | None = None) -> "AsyncIterator[Incoming]":
        """Takes in what a PUT may store; nothing of it is left unless it was finished.

        Args:
            md5: that the body has to have, in base 64; None when the client tells none.

        Raises:
            NoSuchMultipart: the part is of no upload.
            WrongAlgorithm: its checksum is not of the upload's kind.
            DiskFull: there is no room for it.
        """
        algorithm = grant.algorithm or DEFAULT
        if grant.upload is not None:
            multipart = await self._index.multipart(grant.upload, grant.key)
            algorithm = multipart.algorithm or DEFAULT
            if grant.algorithm not in ((algorithm,) if multipart.algorithm else (None, algorithm)):
                raise WrongAlgorithm(algorithm)
        draft = await self._draft(grant.size, Digests(algorithm, md5=md5 is not None))
        incoming = Incoming(self, grant, md5, draft)
        try:
            yield incoming
        finally:
            if not incoming.is_finishing:
                await self._to_the_end(self._threads.go_on(draft.discard))

    async def _draft(self, size: int, digests: Digests) -> Draft:
        drafting = asyncio.ensure_future(self._threads.run(self._disk.draft, size, digests))
        try:
            return await asyncio.shield(drafting)
        except asyncio.CancelledError:
            self._begin(self._undo(drafting))
            raise

    async def _undo(self, drafting: "asyncio.Future[Draft]") -> None:
        """A draft that nobody waits for any more is made all the same, in a thread."""
        with suppress(DomainError, DiskFull, OSError):
            await self._threads.go_on((await drafting).discard)

    async def write(self, draft: Draft, piece: bytes | memoryview) -> None:
        await self._threads.go_on(draft.write, piece)

    async def keep(self, grant: Grant, draft: Draft) -> tuple[Written, Blob | None]:
        """Stores a whole draft under its name. Goes on when the caller is cancelled."""
        return await self._to_the_end(self._keep(grant, draft))

    async def _keep(self, grant: Grant, draft: Draft) -> tuple[Written, Blob | None]:
        try:
            await self._threads.go_on(draft.keep)
        except BaseException:
            await self._threads.go_on(draft.discard)
            raise
        of = draft.digests
        written = Written(draft.file, of.size, of.etag(), from_epoch(self._now()), of.checksum())
        blob = None
        try:
            if grant.upload is not None:
                freed = await self._index.put_part(grant.upload, grant.key, grant.part, written)
            else:
                blob, freed = await self._index.put(grant.key, grant.type or "", written)
        except NoSuchMultipart:
            await self._threads.go_on(draft.discard)
            raise
        except BaseException:
            await self._threads.go_on(draft.abandon)  # the commit may have come through: the sweeper will see
            raise
        await self._threads.go_on(draft.settle)
        if freed:
            self._begin(self._remove_freed(freed))  # which takes as long as syncing did, and nobody waits for it
        return written, blob

    async def _remove_freed(self, files: Sequence[str]) -> None:
        """What cannot be removed now, the sweeper will."""
        with suppress(OSError):
            await self.remove(files)

    async def remove(self, files: Sequence[str]) -> None:
        """Unlinks files that nothing names any more."""
        if files:
            await self._threads.go_on(self._disk.remove, files)

    async def outgoing(self, blob: Blob, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` to before `end`. Raises FileNotFoundError when the file is no longer that one."""
        pieces = await self._index.pieces(blob.key, blob.etag, start, end)
        if start < end and not pieces:
            raise FileNotFoundError
        return self._stream(pieces, start, end)

    async def _stream(self, pieces: Sequence[Piece], start: int, end: int) -> AsyncGenerator[bytes, None]:
        for piece in pieces:
            reading = await self._threads.run(Reading, self._disk.path(piece.file))
            try:
                position, last = max(start - piece.start, 0), min(end - piece.start, piece.size)
                while position < last:
                    data = await self._threads.go_on(reading.read, position, min(CHUNK_BYTES, last - position))
                    if not data:
                        raise OSError("a stored file is shorter than it was")
                    yield data
                    position += len(data)
            finally:
                await self._threads.go_on(reading.close)

    async def _to_the_end(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What the work returns; it goes on when the caller is cancelled."""
        return await asyncio.shield(self._begin(work))

    def _begin(self, work: Coroutine[Any, Any, Result]) -> "asyncio.Task[Result]":
        task = asyncio.create_task(work)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        return task

    async def ended(self) -> None:
        """Returns when nothing is being stored or discarded any more."""
        await asyncio.gather(*self._endings, return_exceptions=True)


class Incoming:
    """One body being written. While one piece is on its way to the disk the next may come."""

    def __init__(self, transfers: Transfers, grant: Grant, md5: str | None, draft: Draft) -> None:
        self.is_finishing = False
        self._transfers = transfers
        self._grant = grant
        self._md5 = md5
        self._draft = draft
        self._piece: asyncio.Task[None] | None = None

    async def write(self, piece: bytes | memoryview) -> None:
        """Returns when the piece before is written; this one must not change until then. Raises DiskFull."""
        await self.written()
        self._piece = asyncio.create_task(self._transfers.write(self._draft, piece))
        self._piece.add_done_callback(_seen)

    async def written(self) -> None:
        """Returns when all pieces are written. Raises DiskFull."""
        if self._piece is not None:
            piece, self._piece = self._piece, None
            await piece

    async def finish(self) -> tuple[Written, Blob | None]:
        """Stores it: durable and readable under its name when this returns. The blob is None for a part.

        Raises:
            WrongSize, ChecksumRefused: it is not what the grant or its MD5 says.
            DiskFull, NoSuchMultipart.
        """
        await self.written()
        digests = self._draft.digests
        if digests.size != self._grant.size:
            raise WrongSize
        if self._grant.expected not in (None, digests.checksum()) or self._md5 != digests.md5():
            raise ChecksumRefused
        self.is_finishing = True
        return await self._transfers.keep(self._grant, self._draft)


def _seen(piece: "asyncio.Task[None]") -> None:
    """A piece of a body that was given up has nobody to fail for."""
    if not piece.cancelled():
        piece.exception()
