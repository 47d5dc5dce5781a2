"""A running server around a service that the test controls, and clients down to bare sockets."""

import asyncio
import contextlib
import io
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio

from app import logs
from app.auth.credentials import Credentials, ReadOperation
from app.auth.errors import MISSING, REFUSED, Unauthenticated
from app.auth.recent_callers import Sender
from app.execution import Answer, GraphQLRequest
from app.http.application import application
from app.http.graphiql import GraphiQL
from app.http.health import Health
from app.http.requests import RequestReader
from app.persisted import known_documents
from app.server import Server, bound_socket, server
from app.settings import Settings
from domain.callers import Caller, Mode
from tests.waiting import PATIENCE_SECONDS


@dataclass
class FakeService:
    """Lets any key in but "wrong", remembers what it was asked, and answers `answer`, once `release` is set."""

    answer: Answer = field(default_factory=lambda: Answer(200, {"data": {"a": 1}}))
    failure: Exception | None = None
    requests: list[GraphQLRequest] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    begun: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    release: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.release.set()

    def recognize(self, sender: Sender, ip_address: str | None) -> Caller | None:
        return None

    async def identify(self, credentials: Credentials, operation: ReadOperation) -> Caller:
        key = credentials.value("x-api-key")
        if key is None:
            raise Unauthenticated(MISSING)
        if key == "wrong":
            raise Unauthenticated(REFUSED)
        return Caller(Mode.COGNITO, user_id=key, ip_address=credentials.ip_address)

    async def admit(self, caller: Caller) -> Caller:
        return caller

    async def execute(self, request: GraphQLRequest, caller: Caller, request_id: str) -> Answer:
        self.requests.append(request)
        self.callers.append(caller)
        self.begun.release()
        await self.release.wait()
        if self.failure is not None:
            raise self.failure
        return self.answer


@dataclass
class Running:
    """One server on a free port of 127.0.0.1."""

    server: Server
    service: FakeService
    health: Health
    port: int
    client: aiohttp.ClientSession
    log: io.StringIO
    stopped: asyncio.Task[None]

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.log.getvalue().splitlines()]

    def terminate(self) -> None:
        """What SIGTERM does."""
        self.server.handle_exit(signal.SIGTERM, None)

    async def post(self, content: Any = None, *, body: bytes | None = None, **headers: str) -> aiohttp.ClientResponse:
        """POST /graphql as user "ada"; header names have `_` for `-`."""
        given = {"x-api-key": "ada", "content-type": "application/json"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if body is not None else orjson.dumps(content if content is not None else {"query": "{ a }"})
        response = await self.client.post("/graphql", data=data, headers=given, skip_auto_headers=["content-type"])
        await response.read()
        return response

    async def talk(self, *chunks: bytes) -> bytes:
        """Everything the server says to these bytes until it closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for chunk in chunks:
                writer.write(chunk)
                await writer.drain()
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await reader.read()
        finally:
            writer.close()


Serve = Callable[..., AbstractAsyncContextManager[Running]]


@contextlib.asynccontextmanager
async def running(**chosen: Any) -> AsyncIterator[Running]:
    """Args: chosen: settings by their names; `check` is what readiness asks, `token` GraphiQL's demo token,
    `certificate` is for https, `playback` serves playlists."""
    check, token, tls = chosen.pop("check", _well), chosen.pop("token", None), chosen.pop("certificate", None)
    playback = chosen.pop("playback", None)
    environment = {"PORT": "0", "DRAIN_NOTICE_SECONDS": "0", "RATE_BURST": "10000"}
    settings = Settings.load(environment | {name.upper(): str(value) for name, value in chosen.items()})
    log = io.StringIO()
    access_log = logs.configure(settings.log_level, log)
    service, health = FakeService(), Health(check)
    graphiql = GraphiQL(token) if settings.graphiql else None
    front = application(
        service,
        settings,
        health,
        issuer=None,
        graphiql=graphiql,
        access_log=access_log,
        playback=playback,
        requests=RequestReader(known_documents(settings)),
    )
    listener = bound_socket(settings.host, settings.port)
    port = listener.getsockname()[1]
    started = asyncio.Event()
    instance = server(front, health, settings, started.set, tls=tls)
    task = asyncio.create_task(instance.serve(sockets=[listener]))
    await started.wait()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        try:
            yield Running(instance, service, health, port, client, log, task)
        finally:
            service.release.set()
            instance.should_exit = True
            await client.close()
            await task


async def _well() -> None:
    """Every dependency answers."""


@pytest.fixture
def serve() -> Serve:
    return running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _shared_site() -> AsyncIterator[Running]:
    async with running() as it:
        yield it


@pytest.fixture
def site(_shared_site: Running) -> Running:
    """A server with the usual settings and a fresh service, one for all tests of a module: starting takes longer."""
    _shared_site.service.__init__()  # type: ignore[misc] # the server holds on to this object
    logs.configure("INFO", _shared_site.log)  # another server of the module has taken the root logger
    _shared_site.log.seek(0)
    _shared_site.log.truncate()
    return _shared_site
