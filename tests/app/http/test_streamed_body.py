"""Bodies that go from the transport right to the application, on the event loops and over the transports there are."""

import asyncio
import contextlib
import itertools
import random
import ssl
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from app.http.replies import EXCHANGE
from app.local_tls import LocalTls
from app.server import new_event_loop
from tests.app.http.test_exchange import START, part, serving
from tests.app.http.test_tls import certificate
from tests.waiting import PATIENCE_SECONDS

Run = Callable[[Coroutine[Any, Any, None]], None]
PIECE = 1_000


@pytest.fixture(params=[asyncio.new_event_loop, new_event_loop], ids=["asyncio", "the product's loop"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    with asyncio.Runner(loop_factory=request.param) as runner:

        async def in_time(test: Coroutine[Any, Any, None]) -> None:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await test

        yield lambda test: runner.run(in_time(test))


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
def tls(request: pytest.FixtureRequest, tmp_path: Path) -> LocalTls | None:
    return certificate(tmp_path) if request.param else None


def put(body: bytes) -> bytes:
    return b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body


LAST = b"PUT / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 4\r\n\r\nlast"


async def answer(send: Send, body: bytes) -> None:
    await send({**START, "headers": [(b"content-length", b"%d" % len(body))]})
    await send(part(body, more=False))


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """A piece is looked at only when the next has come, as by a disk."""
    stream, pieces, before = scope["state"][EXCHANGE].stream(), [], b""
    while piece := await stream.read(PIECE):
        pieces.append(bytes(before))
        before = piece
    await answer(send, b"".join([*pieces, before]))


async def giving_up(scope: Scope, receive: Receive, send: Send) -> None:
    """Looks at one piece of what is longer than a piece."""
    stream = scope["state"][EXCHANGE].stream()
    await stream.read(PIECE)
    stream.close()
    await answer(send, b"seen")


async def connected(port: int, tls: LocalTls | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    trust = None if tls is None else ssl.create_default_context(cafile=tls.authority)
    return await asyncio.open_connection("127.0.0.1", port, ssl=trust)


async def said(port: int, tls: LocalTls | None, packets: list[bytes]) -> bytes:
    """All that a client hears until the connection ends."""
    reader, writer = await connected(port, tls)
    hearing = asyncio.create_task(reader.read())
    for packet in packets:
        writer.write(packet)
        await writer.drain()
        await asyncio.sleep(0)
    try:
        return await hearing
    finally:
        writer.close()


async def flood(writer: asyncio.StreamWriter, packet: bytes, times: int) -> None:
    for _ in range(times):
        writer.write(packet)
        await writer.drain()


@pytest.mark.parametrize("seed", range(4))
def test_bodies_arrive_whole_and_what_is_behind_them_is_the_next_request(run: Run, tls: LocalTls | None, seed: int):
    chance = random.Random(seed)
    bodies = [chance.randbytes(size) for size in (PIECE, 5 * PIECE, 3, 200_000, 0, 2 * PIECE + 1)]
    whole = b"".join(map(put, bodies)) + LAST
    ends = sorted(chance.sample(range(1, len(whole)), chance.choice((0, 5, 60))))
    packets = [whole[start:end] for start, end in itertools.pairwise((0, *ends, len(whole)))]

    async def test() -> None:
        async with serving(echo, tls) as port:
            answers = await said(port, tls, packets)
        for body in [*bodies, b"last"]:
            head, _, answers = answers.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert answers.startswith(body)
            answers = answers[len(body) :]
        assert answers == b""

    run(test())


def test_what_the_application_does_not_want_is_no_request(run: Run, tls: LocalTls | None):
    async def test() -> None:
        async with serving(giving_up, tls) as port:
            answers = await said(port, tls, [put(LAST * 10_000), put(LAST * 3), LAST])
        assert answers.count(b"HTTP/1.1 200 ") == answers.count(b"\r\n\r\nseen") == 3

    run(test())


def test_nobody_sends_it_for_ever(run: Run, tls: LocalTls | None):
    async def test() -> None:
        async with serving(giving_up, tls) as port:
            _, writer = await connected(port, tls)
            writer.write(b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n")
            with pytest.raises(ConnectionError):
                await flood(writer, bytes(1_000_000), times=1_000)
            writer.close()

    run(test())


def test_nor_waits_with_the_rest_for_ever(run: Run, tls: LocalTls | None):
    async def test() -> None:
        async with serving(giving_up, tls, BODY_SECONDS="0.4") as port:
            reader, writer = await connected(port, tls)
            writer.write(put(bytes(3 * PIECE))[:-1])
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()

    run(test())
