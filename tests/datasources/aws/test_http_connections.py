"""Requests over kept-alive connections: each gets its own answer or an error, on the loops that we run on."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvloop
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from app.local_tls import local_tls
from datasources.aws import http_connections
from datasources.aws.http_connections import Answer, BrokenAnswer, HttpConnections
from tests.waiting import until

LOOP_FACTORIES = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
REQUEST = b"POST / HTTP/1.1\r\nhost:here\r\ncontent-length:0\r\n\r\n"
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
HANG = b""
"""Answers nothing."""


class Server:
    """Answers each request with the next of these bytes, and ends the connection behind the last.

    Attributes:
        connections: how many there were.
        together: how many there are.
        most_together: how many there were at once.
        asked: set by the first request.
    """

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.connections = self.port = self.together = self.most_together = 0
        self.asked = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.together += 1
        self.most_together = max(self.together, self.most_together)
        try:
            while self.answers:
                await reader.readuntil(b"\r\n\r\n")
                self.asked.set()
                answer = self.answers.pop(0)
                if answer is HANG:
                    await reader.read()
                writer.write(answer)
            if writer.can_write_eof():
                writer.write_eof()
                await reader.read()  # until the client has seen it
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.together -= 1
            writer.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(server: Server, trust: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=trust)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


@asynccontextmanager
async def asking(*answers: bytes) -> AsyncIterator[tuple[HttpConnections, Server]]:
    async with serving(Server(*answers)) as server:
        http = HttpConnections(server.url)
        try:
            yield http, server
        finally:
            http.close()


async def test_answers_come_over_one_connection() -> None:
    failed = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nX-Amzn-RequestId: one\r\n\r\nno"
    async with asking(failed, FINE, FINE) as (http, server):
        assert await http.exchange(REQUEST) == Answer(
            400, {b"content-length": b"2", b"x-amzn-requestid": b"one"}, b"no"
        )
        assert (await http.exchange(REQUEST)).body == b"fine"
        assert server.connections == 1


async def test_an_answer_may_come_in_chunks() -> None:
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfin\r\n1\r\ne\r\n0\r\n\r\n"
    async with asking(chunks, chunks, FINE) as (http, _):
        assert [(await http.exchange(REQUEST)).body for _ in range(3)] == [b"fine"] * 3


@pytest.mark.parametrize("last", [FINE, FINE.replace(b"OK", b"OK\r\nConnection: close")])
async def test_a_connection_that_the_server_ends_is_not_used_again(last: bytes) -> None:
    async with asking(last) as (http, server):
        assert (await http.exchange(REQUEST)).body == b"fine"
        await until(lambda: not server.together)
        server.answers = [FINE]
        assert (await http.exchange(REQUEST)).body == b"fine"
        assert server.connections == 2


async def test_a_connection_is_not_kept_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connections, "IDLE_SECONDS", 0)
    async with asking(FINE, FINE, FINE) as (http, server):
        await http.exchange(REQUEST)
        await http.exchange(REQUEST)
        assert server.connections == 2


async def test_requests_beyond_the_places_wait_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connections, "CONNECTIONS", 3)
    async with asking(*[FINE] * 21) as (http, server):
        answers = await asyncio.gather(*(http.exchange(REQUEST) for _ in range(20)))
        assert [answer.body for answer in answers] == [b"fine"] * 20
        assert server.most_together == server.connections == 3


@pytest.mark.parametrize("answer", [b"", FINE[:-1], FINE[:20], b"HTTP/1.1 200 OK\r\n\r\nwithout an end"])
async def test_an_answer_that_is_cut_off_is_none(answer: bytes) -> None:
    async with asking(answer or b"H") as (http, _):
        with pytest.raises(ConnectionClosedError):
            await http.exchange(REQUEST)


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", FINE.replace(b" 4", b" 4\r\nContent-Length: 5")])
async def test_what_is_no_http_is_no_answer(answer: bytes) -> None:
    async with asking(answer, FINE) as (http, _):
        with pytest.raises(BrokenAnswer):
            await http.exchange(REQUEST)


async def test_an_answer_is_bounded_in_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connections, "MOST_ANSWER_BYTES", 100)
    large = [b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + b"x" * 200, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50]
    async with asking(*large, FINE) as (http, _):
        for _ in large:
            with pytest.raises(BrokenAnswer):
                await http.exchange(REQUEST)


async def test_one_answer_too_many_is_not_taken_for_that_to_the_next_request() -> None:
    other = FINE.replace(b"fine", b"lies")
    async with asking(FINE + other, HANG) as (http, server):
        assert (await http.exchange(REQUEST)).body == b"fine"
        server.answers.append(FINE)
        server.answers.pop(0)
        assert (await http.exchange(REQUEST)).body == b"fine"
        assert server.connections == 2


async def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connections, "READ_SECONDS", 0.05)
    async with asking(HANG, HANG) as (http, _):
        with pytest.raises(ReadTimeoutError):
            await http.exchange(REQUEST)


async def test_the_answer_to_a_cancelled_request_is_nobodys() -> None:
    async with asking(HANG, FINE, HANG) as (http, server):
        call = asyncio.create_task(http.exchange(REQUEST))
        await server.asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await http.exchange(REQUEST)).body == b"fine"
        assert server.connections == 2


async def test_a_server_that_is_not_there() -> None:
    async with serving(Server()) as server:
        pass
    with pytest.raises(EndpointConnectionError):
        await HttpConnections(server.url).exchange(REQUEST)


# https, and through a proxy


class Trust:
    """A certificate for this machine: what the server shows, and what clients believe."""

    def __init__(self, folder: Path) -> None:
        files = local_tls(folder, "127.0.0.1", datetime.now(UTC))
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(files.server)
        self.client = ssl.create_default_context(cafile=files.authority)


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return Trust(tmp_path_factory.mktemp("tls"))


async def test_https_is_spoken_with_whom_we_trust(trust: Trust) -> None:
    async with serving(Server(FINE, FINE), trust.server) as server:
        http = HttpConnections(f"https://127.0.0.1:{server.port}", trust.client)
        assert (await http.exchange(REQUEST)).body == b"fine"
        http.close()
        with pytest.raises(EndpointConnectionError):
            await HttpConnections(f"https://127.0.0.1:{server.port}", ssl.create_default_context()).exchange(REQUEST)


class Proxy:
    """Opens tunnels, or says something else. `asked` is what it was asked."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> None:
        self._answer = answer
        self.asked = b""
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(self._answer)
        if b" 200 " not in self._answer:
            await reader.read()
            writer.close()
            return
        host, _, port = self.asked.split(b" ")[1].decode().partition(":")
        behind_reader, behind_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(_pump(reader, behind_writer), _pump(behind_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
    except ConnectionError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def through(proxy: Proxy, trust: Trust, *answers: bytes, user: str = "") -> AsyncIterator[HttpConnections]:
    listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with serving(Server(*answers), trust.server) as server:
        http = HttpConnections(f"https://127.0.0.1:{server.port}", trust.client, f"http://{user}127.0.0.1:{port}")
        try:
            yield http
        finally:
            http.close()
            listener.close()


async def test_a_proxy_opens_a_tunnel(trust: Trust) -> None:
    proxy = Proxy()
    async with through(proxy, trust, FINE, FINE, FINE, user="ada:l%40ve@") as http:
        assert [(await http.exchange(REQUEST)).body for _ in range(2)] == [b"fine"] * 2
    assert proxy.asked.startswith(b"CONNECT 127.0.0.1:")
    assert b"\r\nProxy-Authorization: Basic YWRhOmxAdmU=\r\n" in proxy.asked  # ada:l@ve


@pytest.mark.parametrize("answer", [b"HTTP/1.1 403 Forbidden\r\n\r\n", b"\r\n\r\n", b"no end" * 10_000])
async def test_a_proxy_that_refuses(answer: bytes, trust: Trust) -> None:
    async with through(Proxy(answer), trust, FINE) as http:
        with pytest.raises(EndpointConnectionError):
            await http.exchange(REQUEST)


async def test_connecting_is_bounded_in_time(trust: Trust, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connections, "CONNECT_SECONDS", 0.05)
    async with through(Proxy(b"HTTP/1.1"), trust, FINE) as http:
        with pytest.raises(ConnectTimeoutError):
            await http.exchange(REQUEST)
