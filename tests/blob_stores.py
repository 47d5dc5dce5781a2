"""Stores of files for tests, on both engines, and a client that sends what they have signed."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import aiohttp
from yarl import URL

from app import logs
from app.auth.credentials import Credentials, ReadOperation
from app.execution import Answer, GraphQLRequest
from app.http.application import application
from app.http.health import Health
from app.server import bound_socket, server
from app.settings import Settings
from datasources.blobs import BlobStore, SignedRequest
from datasources.local.files import FileStore
from domain.callers import Caller
from tests.waiting import ManualClock

SECRET = b"s" * 32
MIN_PART_BYTES = 1024
"""Of both engines in tests."""


@dataclass
class Answered:
    """An answer to a signed request. `code` is the one of S3's errors, empty otherwise."""

    status: int
    headers: Any
    body: bytes

    @property
    def etag(self) -> str:
        return str(self.headers["ETag"]).strip('"')

    @property
    def code(self) -> str:
        return ElementTree.fromstring(self.body).findtext("Code") or "" if self.status >= 400 and self.body else ""  # noqa: S314 - our own answer


class Site:
    """Where signed requests go.

    Attributes:
        store: what signed them.
    """

    def __init__(self, store: BlobStore, client: aiohttp.ClientSession) -> None:
        self.store = store
        self._client = client

    async def request(self, method: str, url: str, body: Any = None, **headers: str) -> Answered:
        """Header names have `_` for `-`."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        skipped = ["content-type", "accept-encoding"]
        target = URL(url, encoded=True)
        async with self._client.request(method, target, data=body, headers=given, skip_auto_headers=skipped) as answer:
            return Answered(answer.status, answer.headers, await answer.read())

    async def send(self, request: SignedRequest, body: Any, **headers: str) -> Answered:
        """A signed request as it is meant, unless `headers` say otherwise."""
        signed = {name.replace("-", "_"): value for name, value in request.headers.items()}
        return await self.request(request.method, request.url, body, **(signed | headers))

    async def get(self, key: str, **headers: str) -> Answered:
        return await self.request("GET", await self.store.sign_get(key, seconds=60), **headers)

    def pass_time(self, seconds: float) -> None:
        """On the clock that judges whether a URL has expired."""
        raise NotImplementedError

    async def empty(self) -> None:
        """Removes all that is stored, and sets the clock back."""
        while blobs := await self.store.list_keys(""):
            await self.store.delete([blob.key for blob in blobs])
        for begun in await self.store.open_multiparts():
            await self.store.abort_multipart(begun.key, begun.multipart_id)


class FilesSite(Site):
    """The embedded store behind our own server.

    Attributes:
        folder: of the store.
        origin: of the server.
        log: of the server.
    """

    def __init__(self, store: FileStore, client: aiohttp.ClientSession, clock: ManualClock, folder: Path) -> None:
        super().__init__(store, client)
        self.files = store
        self.clock = clock
        self.folder = folder
        self.origin = ""
        self.log = io.StringIO()

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds

    async def empty(self) -> None:
        await super().empty()
        self.clock.now = ManualClock().now
        logs.configure("INFO", self.log)  # another server of the module may have taken the root logger
        self.log.seek(0)
        self.log.truncate()

    def on_disk(self) -> list[str]:
        """All files with bytes of clients, whole or not."""
        return [
            path.name for part in ("incoming", "data") for path in (self.folder / part).rglob("*") if path.is_file()
        ]


class NoService:
    """A GraphQL service that nobody asks."""

    def recognize(self, headers: Mapping[bytes, bytes], ip_address: str | None) -> Caller | None:
        return None

    async def identify(self, credentials: Credentials, operation: ReadOperation) -> Caller:
        raise NotImplementedError

    async def admit(self, caller: Caller) -> Caller:
        raise NotImplementedError

    async def execute(self, request: GraphQLRequest, caller: Caller, request_id: str) -> Answer:
        raise NotImplementedError


@asynccontextmanager
async def served_files(
    folder: Path, *, reserve_bytes: int = 0, secret: bytes = SECRET, **chosen: Any
) -> AsyncIterator[FilesSite]:
    """A server on a free port over a store in a folder.

    Args:
        chosen: settings by their names.
    """
    settings = Settings.load(
        {"PORT": "0", "DRAIN_NOTICE_SECONDS": "0", **{name.upper(): str(value) for name, value in chosen.items()}}
    )
    listener = bound_socket(settings.host, settings.port)
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    clock, health = ManualClock(), Health(_well)
    opened = FileStore.open(
        folder,
        secret=secret,
        base_url=origin,
        now=clock,
        min_part_bytes=MIN_PART_BYTES,
        reserve_bytes=reserve_bytes,
    )
    async with opened as store, aiohttp.ClientSession() as client:
        log = io.StringIO()
        access_log = logs.configure(settings.log_level, log)
        front = application(
            NoService(), settings, health, issuer=None, graphiql=None, access_log=access_log, files=store
        )
        started = asyncio.Event()
        instance = server(front, health, settings, started.set)
        task = asyncio.create_task(instance.serve(sockets=[listener]))
        await started.wait()
        site = FilesSite(store, client, clock, folder)
        site.origin = origin
        site.log = log
        try:
            yield site
        finally:
            instance.should_exit = True
            await client.close()
            await task


async def _well() -> None:
    """Every dependency answers."""


async def upload_parts(site: Site, key: str, bodies: list[bytes], **start: Any) -> tuple[str, list[str]]:
    """Begins a file and sends its parts; the id of the upload and the parts' ETags."""
    upload_id = await site.store.start_multipart(key, content_type="video/mp4", **start)
    etags = []
    for number, body in enumerate(bodies, 1):
        answer = await site.send(await site.store.sign_part(key, upload_id, number, size=len(body), seconds=60), body)
        assert answer.status == 200, answer
        etags.append(answer.etag)
    return upload_id, etags
