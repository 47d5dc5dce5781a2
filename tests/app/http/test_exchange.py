"""One request and its answer: whole, or in the messages of ASGI, on the wire alike."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from app.http.connection import Connection
from app.http.cors import Cors
from app.http.headers import Header
from app.http.health import Health
from app.http.replies import Reply, reply_headers
from app.http.request_parser import MOST_REQUESTS
from app.local_tls import LocalTls
from app.server import bound_socket, server
from app.settings import Settings
from tests.app.http.conftest import Running, Serve
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = b'{"query": "{ a }"}'


def request(*more: bytes, body: bytes = BODY) -> bytes:
    lines = (b"POST /graphql HTTP/1.1", b"host: x", b"x-api-key: ada", b"content-type: application/json", *more)
    return b"\r\n".join((*lines, b"content-length: %d" % len(body), b"", body))


async def test_a_body_in_pieces_and_one_that_waits_to_be_asked_for_are_answered_alike(site: Running) -> None:
    whole, close = request(b"connection: close"), b"connection: close"
    head, _, body = whole.partition(b"\r\n\r\n")
    answers = [await site.talk(whole), await site.talk(head + b"\r\n\r\n", body[:5], body[5:])]
    expecting = request(close, b"expect: 100-continue")
    answers.append((await site.talk(expecting)).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n"))
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
        assert answer.endswith(b'\r\nconnection: close\r\n\r\n{"data":{"a":1}}')
    assert len(site.service.requests) == 3


async def test_requests_in_a_row_are_answered_in_order(site: Running) -> None:
    many = b"".join(request(body=b'{"query": "{ a }", "operationName": "Q%d"}' % number) for number in range(5))
    answer = await site.talk(many + request(b"connection: close"))
    assert answer.count(b"HTTP/1.1 200 OK") == 6
    assert [each.operation_name for each in site.service.requests] == ["Q0", "Q1", "Q2", "Q3", "Q4", None]


async def test_a_client_that_hangs_up_before_its_answer_stops_nothing(site: Running) -> None:
    site.service.release.clear()
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(request())
    await site.service.begun.acquire()
    writer.close()
    await writer.wait_closed()
    site.service.release.set()
    assert (await site.post()).status == 200


async def test_no_header_of_an_answer_begins_another(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    forged: tuple[Header, ...] = ((b"x-app", b"1\r\nset-cookie: a=b"),)
    monkeypatch.setattr(Cors, "preflight", lambda *_: Reply(200, headers=reply_headers(*forged)))
    async with serve() as site:
        response = await site.client.options("/graphql")
        assert response.status == 500
        assert "set-cookie" not in response.headers


async def _well() -> None:
    """As it is."""


@contextlib.asynccontextmanager
async def serving(application: ASGIApp, tls: LocalTls | None = None, **chosen: str) -> AsyncIterator[int]:
    """The port of a server around any ASGI application.

    Args: chosen: settings.
    """

    settings = Settings.load({"PORT": "0", "DRAIN_NOTICE_SECONDS": "0"} | chosen)
    started, listener = asyncio.Event(), bound_socket(settings.host, 0)
    running = server(application, Health(_well), settings, started.set, tls=tls)
    serving = asyncio.create_task(running.serve(sockets=[listener]))
    await started.wait()
    try:
        yield listener.getsockname()[1]
    finally:
        running.should_exit = True
        await serving


async def said_by(application: ASGIApp, request: bytes) -> bytes:
    """All that a client hears until the connection ends."""
    async with serving(application) as port, asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        try:
            return await reader.read()
        finally:
            writer.close()


GET = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
PIPELINED = GET.replace(b"connection: close\r\n", b"")
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}


def part(body: bytes, *, more: bool = True) -> dict[str, object]:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def in_parts(scope: Scope, receive: Receive, send: Send) -> None:
    await send(START)
    for body in (b"one ", b"", b"two"):
        await send(part(body))
    await send(part(b"", more=False))


async def test_an_answer_of_unknown_length_goes_out_in_chunks() -> None:
    said = await said_by(in_parts, GET)
    assert said.endswith(b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n")


async def test_a_client_of_http_1_0_reads_such_an_answer_to_the_end_of_the_connection() -> None:
    said = await said_by(in_parts, b"GET / HTTP/1.0\r\n\r\n")
    assert said.endswith(b"\r\nconnection: close\r\n\r\none two")
    assert b"transfer-encoding" not in said


async def test_the_answer_to_head_has_no_body() -> None:
    said = await said_by(in_parts, GET.replace(b"GET", b"HEAD"))
    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert said.endswith(b"\r\n\r\n")


async def test_a_long_body_comes_in_messages_and_goes_back_in_one() -> None:
    body = bytes(range(256)) * 4_000

    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        received, more = bytearray(), True
        while more:
            message = await receive()
            received += message["body"]
            more = message["more_body"]
        await send({**START, "headers": [(b"content-length", b"%d" % len(received))]})
        await send(part(bytes(received), more=False))

    said = await said_by(
        echo, b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    )
    assert said.partition(b"\r\n\r\n")[2] == body


async def test_who_receives_on_after_the_body_hears_that_the_client_is_gone() -> None:
    heard = list[str]()

    async def listening(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append((await receive())["type"])
        await send(START)
        await send(part(b"come back "))
        heard.append((await receive())["type"])

    async with serving(listening) as port, asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await reader.readuntil(b"come back ")
        writer.close()
    assert heard == ["http.request", "http.disconnect"]


class Wire(asyncio.Transport):
    """A transport that tells whether it would read, and what was written."""

    reads = True

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = asyncio.Event()

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended.set()

    def close(self) -> None:
        self.ended.set()


def connected(application: ASGIApp) -> tuple[Wire, Connection]:
    """A connection of a server around any ASGI application, without a network."""
    config = server(application, Health(_well), Settings.load({})).config
    config.load()
    wire, connection = Wire(), config.http_protocol_class(config=config, server_state=ServerState(), app_state={})  # type: ignore[call-arg, operator]
    connection.connection_made(wire)
    assert isinstance(connection, Connection)
    return wire, connection


async def test_who_listens_for_the_end_of_a_client_reads_nothing_behind_requests_that_wait() -> None:
    asked, release = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def listening(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        end = asyncio.create_task(receive())
        await asyncio.sleep(0)
        asked.release()
        await release.acquire()
        end.cancel()
        await in_parts(scope, receive, send)

    wire, connection = connected(listening)
    connection.data_received(PIPELINED * 2)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asked.acquire()
        assert not wire.reads, "the second request waits"
        release.release()
        await asked.acquire()
        assert wire.reads, "none waits any more"
        release.release()
    connection.connection_lost(None)


@pytest.mark.parametrize(
    ("behind", "answered"),
    [
        (PIPELINED * 1_000, MOST_REQUESTS),
        (b"meow\r\n\r\n", 3),
        (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nfour\r\n", 3),
    ],
    ids=["too many", "none", "one that breaks off"],
)
async def test_whole_requests_are_answered_whatever_comes_behind_them_in_a_packet(behind: bytes, answered: int) -> None:
    wire, connection = connected(in_parts)
    connection.data_received(PIPELINED * 3 + behind)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await wire.ended.wait()
    assert wire.written.count(b"HTTP/1.1 ") == wire.written.count(b"HTTP/1.1 200 OK\r\n") == answered
    assert wire.written.count(b"connection: close\r\n") == 1
    assert wire.written.endswith(b"0\r\n\r\n")
    connection.connection_lost(None)


class TestApplicationsThatFail:
    async def test_before_their_answer_they_are_answered_for(self) -> None:
        async def failing(scope: Scope, receive: Receive, send: Send) -> None:
            raise ZeroDivisionError("secret")

        async def silent(scope: Scope, receive: Receive, send: Send) -> None:
            """Answers nothing."""

        for application in (failing, silent):
            said = await said_by(application, GET)
            assert said.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
            assert b'"errorType":"INTERNAL_ERROR"' in said
            assert b"secret" not in said

    async def test_within_their_answer_the_connection_breaks(self) -> None:
        async def half(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await send(part(b"half"))
            raise ZeroDivisionError

        assert (await said_by(half, GET)).endswith(b"4\r\nhalf\r\n")

    @pytest.mark.parametrize("body", [b"four", b"sixsix"])
    async def test_an_answer_of_another_length_than_it_says_is_the_last(self, body: bytes) -> None:
        async def wrong(scope: Scope, receive: Receive, send: Send) -> None:
            await send({**START, "headers": [(b"content-length", b"5")]})
            await send(part(body, more=False))

        assert (await said_by(wrong, PIPELINED * 2)).count(b"HTTP/1.1") <= 1
