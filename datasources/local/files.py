"""Files of any size in a folder of this machine: the embedded `BlobStore`."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import msgspec

from datasources.blob_limits import (
    check_checksum,
    check_keys,
    check_page,
    check_part,
    check_put,
    check_read,
    check_seconds,
    check_type,
    checked_key,
)
from datasources.blobs import Blob, ChosenPart, OpenMultipart, PartPage, SignedRequest
from datasources.local.disk_threads import DiskThreads
from datasources.local.file_disk import RESERVE_BYTES, Disk, DiskFull
from datasources.local.file_index import SERVICE, FileIndex, Multipart
from datasources.local.file_transfers import CHUNK_BYTES, Transfers
from datasources.local.file_urls import Grant, UrlSigner
from domain.errors import DomainError, dependency_failed
from domain.part_plan import MIN_PART_BYTES
from domain.times import from_epoch
from domain.uploads import Checksum, ChecksumAlgorithm

_log = logging.getLogger(__name__)

INDEX_FILE = "index.db"
THREADS = 8
QUEUE = 2_000
SWEEP_SECONDS = 60.0
SWEEP_BATCH = 1_000
READY_SECONDS = 2.0
SIGNED_AT_ONCE = 200
"""Links, between two turns of the event loop."""


class FileStore:
    """A `BlobStore` in one folder, made by `FileStore.open`. Several processes may share the folder.

    Attributes:
        urls: reads the URLs that were signed here.
        transfers: carries the bytes of such requests.
    """

    def __init__(
        self,
        index: FileIndex,
        disk: Disk,
        threads: DiskThreads,
        urls: UrlSigner,
        now: Callable[[], float],
        min_part_bytes: int,
    ) -> None:
        self.urls = urls
        self.transfers = Transfers(index, disk, threads, now)
        self._index = index
        self._disk = disk
        self._threads = threads
        self._now = now
        self._min_part_bytes = min_part_bytes

    @staticmethod
    @asynccontextmanager
    async def open(
        folder: Path,
        *,
        secret: bytes,
        base_url: str,
        now: Callable[[], float] = time.time,
        min_part_bytes: int = MIN_PART_BYTES,
        reserve_bytes: int = RESERVE_BYTES,
        sweep_seconds: float = SWEEP_SECONDS,
    ) -> "AsyncIterator[FileStore]":
        """A store that removes what crashes have left behind, at once and then in the background.

        Args:
            folder: made when absent, readable by its owner only.
            secret: signs URLs; the same in every process that shares the folder.
            base_url: where clients reach this server, without a slash at the end.
            now: epoch seconds.
            min_part_bytes: of every part but the last; S3's unless a test wants small ones.
            reserve_bytes: of the disk, left free.
            sweep_seconds: pause between two rounds of `sweep`.

        Raises:
            RuntimeError: the folder's index belongs to another program, or a newer release has written it.
            sqlite3.Error, OSError: the folder cannot be used.
        """
        disk = Disk(folder, reserve_bytes)
        await asyncio.to_thread(disk.prepare)
        threads = DiskThreads(THREADS, capacity=QUEUE, service=SERVICE)
        async with FileIndex.open(folder / INDEX_FILE) as index:
            store = FileStore(index, disk, threads, UrlSigner(secret, base_url, now), now, min_part_bytes)
            await store.sweep()
            sweeper = asyncio.create_task(store._sweep_forever(sweep_seconds))
            try:
                yield store
            finally:
                sweeper.cancel()
                await asyncio.gather(sweeper, return_exceptions=True)
                await store.transfers.ended()
                await asyncio.to_thread(threads.close)

    # Signed requests

    async def sign_put(
        self, key: str, *, size: int, content_type: str, checksum: Checksum | None = None, seconds: int
    ) -> SignedRequest:
        check_put(size, content_type, checksum, seconds)
        grant = Grant("PUT", checked_key(key), self._expiry(seconds), size=size, type=content_type)
        return self._signed(grant, checksum)

    async def sign_part(
        self, key: str, multipart_id: str, number: int, *, size: int, checksum: Checksum | None = None, seconds: int
    ) -> SignedRequest:
        check_part(number, size, checksum, seconds)
        grant = Grant("PUT", checked_key(key), self._expiry(seconds), size=size, upload=multipart_id, part=number)
        return self._signed(grant, checksum)

    async def sign_get(
        self, key: str, *, seconds: int, download_name: str | None = None, content_type: str | None = None
    ) -> str:
        check_seconds(seconds)
        if content_type is not None:
            check_type(content_type)
        grant = Grant("GET", checked_key(key), self._expiry(seconds), type=content_type, name=download_name)
        return self.urls.url(grant)

    async def sign_gets(self, keys: Sequence[str], *, seconds: int) -> list[str]:
        links: list[str] = []
        for number, key in enumerate(keys):
            if number % SIGNED_AT_ONCE == 0:
                await asyncio.sleep(0)
            links.append(await self.sign_get(key, seconds=seconds))
        return links

    def _expiry(self, seconds: int) -> int:
        return int(self._now()) + seconds

    def _signed(self, grant: Grant, checksum: Checksum | None) -> SignedRequest:
        headers = {} if grant.type is None else {"content-type": grant.type}
        if checksum is not None:
            headers[f"x-amz-checksum-{checksum.algorithm.lower()}"] = checksum.value
            grant = msgspec.structs.replace(grant, algorithm=checksum.algorithm, checksum=checksum.value)
        return SignedRequest(grant.method, self.urls.url(grant), headers, from_epoch(grant.expires))

    # Files in parts

    async def start_multipart(self, key: str, *, content_type: str, algorithm: ChecksumAlgorithm | None = None) -> str:
        check_type(content_type)
        multipart = Multipart(secrets.token_hex(16), checked_key(key), content_type, algorithm)
        await self._index.start(multipart, from_epoch(self._now()))
        return multipart.id

    async def list_parts(self, key: str, multipart_id: str, *, after: int = 0, limit: int = 1_000) -> PartPage:
        check_page(limit)
        return await self._index.list_parts(multipart_id, checked_key(key), after, limit)

    async def complete_multipart(
        self, key: str, multipart_id: str, parts: Sequence[ChosenPart], *, checksum: Checksum | None = None
    ) -> Blob:
        check_checksum(checksum)
        blob, freed = await self._index.complete(
            multipart_id, checked_key(key), parts, checksum, from_epoch(self._now()), self._min_part_bytes
        )
        await self.transfers.remove(freed)
        return blob

    async def abort_multipart(self, key: str, multipart_id: str) -> None:
        await self.transfers.remove(await self._index.abort(multipart_id, checked_key(key)))

    async def open_multiparts(self, *, after: OpenMultipart | None = None, limit: int = 1_000) -> list[OpenMultipart]:
        check_page(limit)
        return await self._index.open_multiparts((after.key, after.multipart_id) if after else ("", ""), limit)

    # Whole files

    async def head(self, key: str) -> Blob | None:
        return await self._index.head(checked_key(key))

    async def read(self, key: str, *, start: int = 0, length: int) -> bytes:
        check_read(start, length)
        blob = await self._index.head(checked_key(key))
        if blob is None:
            return b""
        try:
            outgoing = await self.transfers.outgoing(blob, start, min(start + length, blob.size))
            async with aclosing(outgoing):
                return b"".join([chunk async for chunk in outgoing])
        except FileNotFoundError:  # removed since
            return b""
        except OSError as error:
            raise _broken(error) from None

    async def fetch(self, key: str, to: Path) -> None:
        blob = await self._index.head(checked_key(key))
        if blob is None:
            raise FileNotFoundError(key)
        try:
            outgoing = await self.transfers.outgoing(blob, 0, blob.size)
            with await self._threads.run(lambda: to.open("wb")) as target:
                async with aclosing(outgoing):
                    async for chunk in outgoing:
                        await self._threads.run(target.write, chunk)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _broken(error) from None

    async def store(self, key: str, source: Path | bytes, *, content_type: str) -> Blob:
        check_type(content_type)
        checked_key(key)
        try:
            if isinstance(source, bytes):
                return await self._store(key, content_type, len(source), _pieces_of(source))
            size = (await self._threads.run(source.stat)).st_size
            return await self._store(key, content_type, size, self._pieces_in(source))
        except (OSError, DiskFull) as error:
            raise _broken(error) from None

    async def _store(self, key: str, content_type: str, size: int, pieces: AsyncIterator[bytes]) -> Blob:
        grant = Grant("PUT", key, 0, size=size, type=content_type)
        async with self.transfers.receiving(grant) as incoming:
            async for piece in pieces:
                await incoming.write(piece)
            _, blob = await incoming.finish()
        assert blob is not None  # noqa: S101 - only parts have none
        return blob

    async def _pieces_in(self, source: Path) -> AsyncIterator[bytes]:
        with await self._threads.run(lambda: source.open("rb")) as file:
            while piece := await self._threads.run(file.read, CHUNK_BYTES):
                yield piece

    async def move(self, key: str, to: str) -> Blob | None:
        blob, freed = await self._index.move(checked_key(key), checked_key(to))
        await self.transfers.remove(freed)
        return blob

    async def delete(self, keys: Sequence[str]) -> None:
        check_keys(keys)
        await self.transfers.remove(await self._index.delete(keys))

    async def list_keys(self, prefix: str, *, after: str | None = None, limit: int = 1_000) -> list[Blob]:
        check_page(limit)
        return await self._index.list_keys(prefix, after, limit)

    # Upkeep

    async def ready(self) -> None:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._index.unwanted(1)
                await self._threads.run(self._disk.check)
        except (TimeoutError, OSError) as error:
            raise _broken(error) from None

    async def sweep(self) -> None:
        """Removes what crashes have left behind, and forgets what was removed."""
        for file in await self._threads.run(self._disk.leftovers):
            await self._threads.run(self._disk.forget, file, keep=await self._index.names(file))
        while unwanted := await self._index.unwanted(SWEEP_BATCH):
            await self._threads.run(self._disk.remove, unwanted)
            await self._index.removed(unwanted)

    async def _sweep_forever(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.sweep()
            except (DomainError, OSError) as error:  # busy or broken: the next round is soon
                _log.warning("sweep failed", extra={"error": type(error).__name__})


async def _pieces_of(source: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(source), CHUNK_BYTES):
        yield source[start : start + CHUNK_BYTES]


def _broken(error: BaseException) -> DomainError:
    _log.error("the file store failed", extra={"error": type(error).__name__})
    return dependency_failed(SERVICE)
