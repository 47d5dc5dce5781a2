"""The uploader for the command line: whole files, parts, a server that is killed meanwhile, and going on after it."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.engines import DATABASE_FILE
from datasources import worker_rows
from datasources.local.sqlite import SQLiteStore
from datasources.tables import WORKERS
from examples import upload as uploader
from tests.server_process import ROOT, ServerProcess, server_process

MIB = 1024**2
DOWNLOAD = {"query": "query ($id: ID!) { getMedia(id: $id) { status downloadUrl } }"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("uploader") / "data", SEED_DEMO="off") as server:
        yield server


def file(folder: Path, size: int) -> Path:
    path = folder / "shore.pdf"
    path.write_bytes((b"%PDF-1.7\n" + b"".join(b"%015d\n" % number for number in range(size // 16 + 1)))[:size])
    return path


class Upload:
    """One run of the uploader. `seen`: how many bytes were there, each time it said so."""

    def __init__(self, server: ServerProcess, path: Path, user: str) -> None:
        self._server = server
        self._path = path
        self._token = server.token(user)
        self._began = asyncio.Event()
        self.seen: list[int] = []

    async def run(self, **options: Any) -> None:
        """Until the file has arrived whole."""
        async with aiohttp.ClientSession() as http:
            completed = await uploader.upload(
                http,
                self._server.endpoint,
                self._token,
                self._path,
                kind="DOCUMENT",
                content_type="application/pdf",
                on_progress=self._note,
                **options,
            )
            assert await self._stored(http, completed["media"]["id"]) == self._path.read_bytes()

    async def run_until_it_has_begun(self, **options: Any) -> "asyncio.Task[None]":
        running = asyncio.create_task(self.run(**options))
        await self._began.wait()
        return running

    def _note(self, done: int, size: int) -> None:
        assert size == self._path.stat().st_size
        self.seen.append(done)
        self._began.set()

    async def _stored(self, http: aiohttp.ClientSession, media_id: str) -> bytes:
        body = {**DOWNLOAD, "variables": {"id": media_id}}
        while True:
            async with http.post(self._server.endpoint, json=body, headers={"Authorization": self._token}) as answer:
                media = (await answer.json())["data"]["getMedia"]
            if media["status"] == "READY":
                async with http.get(media["downloadUrl"]) as answer:
                    return await answer.read()
            assert media["status"] == "SCANNING"
            await asyncio.sleep(0.2)


async def test_a_small_file_goes_up_whole(server: ServerProcess, tmp_path: Path) -> None:
    upload = Upload(server, file(tmp_path, 100_000), "ada")
    await upload.run()
    assert upload.seen == [100_000]


async def test_a_large_one_in_parts(server: ServerProcess, tmp_path: Path) -> None:
    upload = Upload(server, file(tmp_path, 12 * MIB), "ada")
    await upload.run(part_bytes=5 * MIB)
    assert len(upload.seen) == 3


async def end_lease(server: ServerProcess) -> None:
    """Who is killed keeps the workers' lease for half a minute, for which nobody needs to wait here."""
    async with SQLiteStore.open(server.data_dir / DATABASE_FILE) as store:
        await store.delete(WORKERS, {"name": worker_rows.LEASE})


async def test_it_goes_on_when_the_server_is_killed_and_comes_back(server: ServerProcess, tmp_path: Path) -> None:
    upload = Upload(server, file(tmp_path, 30 * MIB), "eve")
    running = await upload.run_until_it_has_begun(part_bytes=5 * MIB, at_once=1)
    server.kill()
    await end_lease(server)
    await asyncio.to_thread(server.start)
    await running


async def test_a_later_run_sends_only_what_is_missing(server: ServerProcess, tmp_path: Path) -> None:
    path = file(tmp_path, 30 * MIB)
    cut = await Upload(server, path, "ida").run_until_it_has_begun(part_bytes=5 * MIB, at_once=1)
    cut.cancel()
    await asyncio.gather(cut, return_exceptions=True)
    upload = Upload(server, path, "ida")
    await upload.run(part_bytes=5 * MIB)
    assert upload.seen[0] >= 5 * MIB, "what was there counts at once"


def command(server: ServerProcess, path: Path, kind: str) -> list[str]:
    token = server.token("ben")
    given = ["--kind", kind, "--part-mib", "5", "--endpoint", server.endpoint, "--token", token]
    return [sys.executable, str(ROOT / "examples" / "upload.py"), str(path), *given]


def test_the_command_shows_how_far_it_is(server: ServerProcess, tmp_path: Path) -> None:
    done = subprocess.run(
        command(server, file(tmp_path, 6 * MIB), "DOCUMENT"), capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("media 0")
    assert done.stderr.count(" of 6.3 MB") == 2
    assert done.stderr.endswith("6.3 of 6.3 MB\n")


def test_a_refusal_is_one_line(server: ServerProcess, tmp_path: Path) -> None:
    done = subprocess.run(command(server, file(tmp_path, 1000), "IMAGE"), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("UPLOAD_TYPE_NOT_ALLOWED: ")
    assert len(done.stderr.splitlines()) == 1
