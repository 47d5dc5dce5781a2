"""DynamoDB's wire on this machine: moto behind real HTTP, as in-process patching breaks aiobotocore."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aioboto3
from aiohttp import web

from app.tables import create_tables
from datasources.aws.dynamodb import DynamoDBStore, aws_client, open_dynamodb
from datasources.aws.table_copies import USER_AGENT
from tests.moto_dynamodb import REGION, MotoDynamoDB

PREFIX = "test-"
LARGEST_REQUEST = 32 * 1024 * 1024
"""Bytes; more than DynamoDB takes, for it is moto that shall refuse."""


class Emulator:
    """A server on a thread with an event loop of its own, so that requests are answered one after the other.

    Attributes:
        url: for `endpoint_url`.
        session: with made-up keys; it parses botocore's service descriptions once for all clients.
        operations: DynamoDB operations asked for since `forget`, e.g. "PutItem", in order.
        ever: all operations asked for in the whole run, but by backups.
    """

    def __init__(self) -> None:
        self.operations: list[str] = []
        self.ever: set[str] = set()
        self.has_tables = False
        self.session = aioboto3.Session("emulated", "emulated", region_name=REGION)
        # Nothing is encrypted here; reading the certificates for each client takes longer than most tests.
        self.session._session.set_config_variable("ca_bundle", False)
        self.url = ""
        self._moto = MotoDynamoDB()
        self._loop = asyncio.new_event_loop()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        operation = request.headers["X-Amz-Target"].rpartition(".")[2]
        self.operations.append(operation)
        if USER_AGENT not in request.headers.get("User-Agent", ""):
            self.ever.add(operation)
        status, headers, text = self._moto.answer(self.url, request.headers, body)
        return web.Response(status=status, headers=headers, body=text.encode())

    def forget(self) -> None:
        """Empty all tables and the record of operations."""

        async def empty() -> None:
            self.operations.clear()
            self._moto.empty()

        asyncio.run_coroutine_threadsafe(empty(), self._loop).result()

    @contextmanager
    def running(self) -> Iterator[None]:
        started = threading.Event()
        thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve(started)), daemon=True)
        thread.start()
        started.wait()
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._stopped.set)
            thread.join()
            self._loop.close()

    async def _serve(self, started: threading.Event) -> None:
        self._stopped = asyncio.Event()
        application = web.Application(client_max_size=LARGEST_REQUEST)
        application.router.add_post("/", self._answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        started.set()
        await self._stopped.wait()
        await runner.cleanup()


@asynccontextmanager
async def emulated_store(emulator: Emulator) -> AsyncIterator[DynamoDBStore]:
    """An empty store with all tables."""
    endpoint: Any = {"region": REGION, "endpoint_url": emulator.url, "session": emulator.session}
    if not emulator.has_tables:
        async with aws_client("dynamodb", **endpoint) as client:
            await create_tables(client, PREFIX)
        emulator.has_tables = True
    emulator.forget()
    async with open_dynamodb(prefix=PREFIX, **endpoint) as store:
        yield store


@contextmanager
def running_emulator() -> Iterator[Emulator]:
    emulator = Emulator()
    with emulator.running():
        yield emulator
