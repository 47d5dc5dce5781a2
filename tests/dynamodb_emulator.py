"""DynamoDB's wire on this machine: moto behind real HTTP, as in-process patching breaks aiobotocore."""

import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aioboto3
from moto.dynamodb.models import dynamodb_backends
from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from app.tables import create_tables
from datasources.aws.dynamodb import DynamoDBStore, aws_client, open_dynamodb

REGION = "eu-central-1"
ACCOUNT = "123456789012"
PREFIX = "test-"


class _KeepAlive(MotoRequestHandler):
    protocol_version = "HTTP/1.1"


class Emulator:
    """A running server.

    Attributes:
        url: for `endpoint_url`.
        session: with made-up keys; it parses botocore's service descriptions once for all clients.
        operations: DynamoDB operations asked for since `forget`, e.g. "PutItem", in order.
        ever: all operations asked for in the whole run.
    """

    def __init__(self) -> None:
        self.operations: list[str] = []
        self.ever: set[str] = set()
        self.has_tables = False
        self.session = aioboto3.Session("emulated", "emulated", region_name=REGION)
        self._application = DomainDispatcherApplication(create_backend_app)
        # moto reads, checks and writes without a lock: DynamoDB's single operations are atomic, so are these.
        self._one_at_a_time = threading.Lock()
        self.server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_KeepAlive)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._one_at_a_time:
            if target := environ.get("HTTP_X_AMZ_TARGET"):
                operation = target.rpartition(".")[2]
                self.operations.append(operation)
                self.ever.add(operation)
            return self._application(environ, start_response)

    def forget(self) -> None:
        """Empty all tables and the record of operations; making the tables anew takes a hundred times longer."""
        with self._one_at_a_time:
            self.operations.clear()
            for table in dynamodb_backends[ACCOUNT][REGION].tables.values():
                table.items.clear()
                if table.stream_shard is not None:
                    table.stream_shard.items.clear()


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
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    emulator = Emulator()
    thread = threading.Thread(target=emulator.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield emulator
    finally:
        emulator.server.shutdown()
        thread.join()
        emulator.server.server_close()
