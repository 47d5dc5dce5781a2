"""The embedded store's disk: what lies there, for how long, and what several processes or a broken disk do to it."""

import asyncio
import errno
import sqlite3
from pathlib import Path

import pytest

from datasources.blobs import ChosenPart
from datasources.local.file_disk import Draft
from datasources.local.file_index import FileIndex
from datasources.local.file_urls import Grant
from datasources.local.files import FileStore
from domain.errors import Code, DomainError
from tests.blob_stores import FilesSite
from tests.server_process import server_process
from tests.waiting import until


def opened(folder: Path, **more):
    return FileStore.open(folder, secret=b"s" * 32, base_url="http://x", min_part_bytes=1, **more)


async def send_part(store: FileStore, upload: str, number: int, body: bytes) -> ChosenPart:
    grant = Grant("PUT", "a", 0, size=len(body), upload=upload, part=number)
    async with store.transfers.receiving(grant) as incoming:
        await incoming.write(body)
        written, _ = await incoming.finish()
    return ChosenPart(number, written.etag)


class TestBytesOnDisk:
    async def test_are_readable_by_their_owner_only(self, files_site: FilesSite):
        await files_site.files.store("a", b"private", content_type="text/plain")
        for path in [files_site.folder, *files_site.folder.rglob("*")]:
            assert path.stat().st_mode & 0o077 == 0, path

    async def test_go_with_their_file(self, files_site: FilesSite):
        store = files_site.files
        await store.store("a", b"one", content_type="text/plain")
        await store.store("a", b"two", content_type="text/plain")
        assert len(files_site.on_disk()) == 1
        await store.store("b", b"three", content_type="text/plain")
        await store.move("b", "a")
        assert len(files_site.on_disk()) == 1
        await store.delete(["a"])
        assert files_site.on_disk() == []

    async def test_go_with_their_upload(self, files_site: FilesSite):
        store = files_site.files
        upload = await store.start_multipart("a", content_type="text/plain")
        parts = [await send_part(store, upload, number, bytes(2_000)) for number in (1, 2, 3)]
        await send_part(store, upload, 1, bytes(2_000))
        assert len(files_site.on_disk()) == 3
        await store.complete_multipart("a", upload, parts[:2])
        assert len(files_site.on_disk()) == 2
        other = await store.start_multipart("b", content_type="text/plain")
        await store.abort_multipart("b", other)
        again = await store.start_multipart("a", content_type="text/plain")
        await send_part(store, again, 1, b"x")
        await store.abort_multipart("a", again)
        assert len(files_site.on_disk()) == 2

    async def test_of_other_parts_have_another_etag_and_another_sending_has_the_same(self, files_site: FilesSite):
        async def etag(*bodies: bytes) -> str:
            upload = await files_site.files.start_multipart("a", content_type="text/plain")
            parts = [await send_part(files_site.files, upload, number, body) for number, body in enumerate(bodies, 1)]
            return (await files_site.files.complete_multipart("a", upload, parts)).etag

        first, again, other = [await etag(bytes(2_000), last) for last in (b"end", b"end", b"END")]
        assert first == again != other

    async def test_have_names_of_our_own(self, files_site: FilesSite):
        await files_site.files.store("media/ada/secret.mp4", b"x", content_type="text/plain")
        (name,) = files_site.on_disk()
        assert len(name) == 32
        assert int(name, 16) >= 0


class TestTwoProcesses:
    async def test_share_a_folder_and_see_each_others_files(self, tmp_path: Path):
        async with opened(tmp_path) as one, opened(tmp_path) as other:
            await one.store("a", b"shared", content_type="text/plain")
            assert await other.read("a", length=10) == b"shared"
            upload = await one.start_multipart("a", content_type="text/plain")
            part = await send_part(other, upload, 1, b"parts")
            await one.complete_multipart("a", upload, [part])
            assert await other.read("a", length=10) == b"parts"

    async def test_do_not_sweep_what_the_other_one_is_receiving(self, tmp_path: Path):
        grant = Grant("PUT", "a", 0, size=4, type="text/plain")
        async with opened(tmp_path) as one:
            async with one.transfers.receiving(grant) as incoming:
                await incoming.write(b"abcd")
                async with opened(tmp_path) as other:
                    await other.sweep()
                await incoming.finish()
            assert await one.read("a", length=10) == b"abcd"

    async def test_of_two_completions_one_succeeds(self, tmp_path: Path):
        async with opened(tmp_path) as one, opened(tmp_path) as other:
            for _ in range(10):
                upload = await one.start_multipart("a", content_type="text/plain")
                part = await send_part(one, upload, 1, b"parts")
                results = await asyncio.gather(
                    *(store.complete_multipart("a", upload, [part]) for store in (one, other)), return_exceptions=True
                )
                assert sum(isinstance(result, Exception) for result in results) == 1


class TestCancelling:
    async def test_while_a_file_is_stored_leaves_it_whole_or_absent(self, files_site: FilesSite):
        store = files_site.files
        for number in range(30):
            storing = asyncio.create_task(store.store(f"a/{number}", bytes(300_000), content_type="text/plain"))
            await asyncio.sleep(number * 0.0005)
            storing.cancel()
            await asyncio.gather(storing, return_exceptions=True)
        await store.transfers.ended()
        kept = await store.list_keys("a/")
        for blob in kept:
            assert await store.read(blob.key, length=1_000_000) == bytes(300_000)
        await store.sweep()
        assert len(files_site.on_disk()) == len(kept)


class TestBrokenDisk:
    @pytest.mark.parametrize("step", ["write", "keep"])
    async def test_one_that_fills_up_amid_a_file_leaves_nothing_of_it(
        self, files_site: FilesSite, monkeypatch: pytest.MonkeyPatch, step: str
    ):
        monkeypatch.setattr(Draft, step, _failing(errno.ENOSPC))
        request = await files_site.files.sign_put("a", size=3, content_type="text/plain", seconds=60)
        answer = await files_site.send(request, b"abc")
        assert answer.status in (500, 507)
        with pytest.raises(DomainError) as refused:
            await files_site.files.store("a", b"abc", content_type="text/plain")
        assert refused.value.code is Code.DEPENDENCY_FAILED
        monkeypatch.undo()
        assert files_site.on_disk() == []
        assert (await files_site.send(request, b"abc")).status == 200

    async def test_one_that_fails_is_told_as_our_fault(self, files_site: FilesSite, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(Draft, "write", _failing(errno.EIO))
        request = await files_site.files.sign_put("a", size=3, content_type="text/plain", seconds=60)
        answer = await files_site.send(request, b"abc")
        assert (answer.status, answer.code) == (500, "InternalError")

    async def test_a_commit_that_fails_leaves_nothing(self, files_site: FilesSite, monkeypatch: pytest.MonkeyPatch):
        async def broken(*_: object) -> None:
            raise DomainError(Code.DEPENDENCY_FAILED, "broken")

        monkeypatch.setattr(FileIndex, "put", broken)
        request = await files_site.files.sign_put("a", size=3, content_type="text/plain", seconds=60)
        assert (await files_site.send(request, b"abc")).status == 503
        monkeypatch.undo()
        await files_site.files.sweep()
        assert files_site.on_disk() == []


def _failing(number: int):
    def fail(*_: object) -> None:
        raise OSError(number, "no")

    return fail


class TestOpening:
    async def test_another_programs_index_is_refused(self, tmp_path: Path):
        with sqlite3.connect(tmp_path / "index.db") as connection:
            connection.execute("CREATE TABLE theirs (x)")
        with pytest.raises(RuntimeError):
            async with opened(tmp_path):
                pass

    async def test_a_newer_releases_index_is_refused(self, tmp_path: Path):
        async with opened(tmp_path):
            pass
        with sqlite3.connect(tmp_path / "index.db") as connection:
            connection.execute("PRAGMA user_version = 99")
        with pytest.raises(RuntimeError, match="99"):
            async with opened(tmp_path):
                pass


async def test_a_server_that_is_killed_amid_an_upload_forgets_it(tmp_path: Path):
    with server_process(tmp_path / "data", SEED_DEMO="off") as server:
        secret = (tmp_path / "data" / "files-secret").read_bytes()
        size = 10 * 1024**2
        async with FileStore.open(tmp_path / "data" / "files", secret=secret, base_url=server.origin) as store:
            request = await store.sign_put("a", size=size, content_type="video/mp4", seconds=600)
        host, _, port = server.origin.removeprefix("http://").partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        target = request.url.removeprefix(server.origin)
        writer.write(
            f"PUT {target} HTTP/1.1\r\nhost: x\r\ncontent-type: video/mp4\r\ncontent-length: {size}\r\n\r\n".encode()
        )
        writer.write(bytes(size // 2))
        await writer.drain()
        incoming = tmp_path / "data" / "files" / "incoming"
        await until(lambda: list(incoming.iterdir()) != [], "the upload")
        server.kill()
        writer.close()
        assert list(incoming.iterdir()) != []
        server.start()
        assert list(incoming.iterdir()) == []


async def test_memory_stays_flat_while_much_is_received(tmp_path: Path):
    """In a process of its own, so that nothing else counts."""
    with server_process(tmp_path / "data", SEED_DEMO="off") as server:
        assert server.process is not None
        secret = (tmp_path / "data" / "files-secret").read_bytes()
        chunk, chunks = bytes(1024**2), 200
        async with FileStore.open(tmp_path / "data" / "files", secret=secret, base_url=server.origin) as store:
            await sent(store, "warm", chunk, 8)
            before = resident(server.process.pid)
            most = await sent(store, "large", chunk, chunks, watched=server.process.pid)
            blob = await store.head("large")
        assert blob is not None
        assert blob.size == chunks * len(chunk)
        assert most - before < 20 * 1024**2


async def sent(store: FileStore, key: str, chunk: bytes, chunks: int, watched: int | None = None) -> int:
    """Sends a file; the most memory that a process had meanwhile."""
    import aiohttp

    most = 0

    async def pieces():
        nonlocal most
        for _ in range(chunks):
            yield chunk
            most = max(most, resident(watched) if watched else 0)

    request = await store.sign_put(key, size=len(chunk) * chunks, content_type="video/mp4", seconds=600)
    headers = {**request.headers, "content-length": str(len(chunk) * chunks)}
    async with aiohttp.ClientSession() as client, client.put(request.url, data=pieces(), headers=headers) as answer:
        assert answer.status == 200, await answer.text()
    return most


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
