"""RFC 6455 as a hostile client breaks it: every end has its code, and the server goes on."""

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.app.realtime.site import Site, encoded, header
from tests.waiting import PATIENCE_SECONDS

FIN, RESERVED = 0x80, 0x40
CONTINUATION, TEXT, CLOSE, PING = 0x0, 0x1, 0x8, 0x9
INIT = b'{"type":"connection_init"}'


class Wire:
    """A client that writes its frames itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, *data: bytes) -> None:
        self._writer.write(b"".join(data))
        await self._writer.drain()

    async def hear(self) -> tuple[int, bytes]:
        """The next frame's opcode and payload."""
        first, length = await self._reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await self._reader.readexactly(2))
        return first & 0x0F, await self._reader.readexactly(length)

    async def closing(self) -> int:
        """The close code, and after it the end of the connection."""
        opcode, payload = await self.hear()
        while opcode != CLOSE:
            opcode, payload = await self.hear()
        assert await self._reader.read() == b"", "nothing is said after the end"
        return int.from_bytes(payload[:2])


@asynccontextmanager
async def wire(site: Site, *headers: str) -> AsyncIterator[Wire]:
    """A connection whose handshake was accepted."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    lines = [
        "GET /graphql/realtime HTTP/1.1",
        "Host: localhost",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Sec-WebSocket-Protocol: graphql-ws, header-{encoded(header('ada'))}",
        *headers,
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 101"), answer
            yield Wire(reader, writer)
    finally:
        writer.close()


def frame(first: int, data: bytes = b"", *, length: int | None = None) -> bytes:
    """One frame of a client, masked with zeros; `length` is what it claims to hold."""
    size = len(data) if length is None else length
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 65_536:
        head = bytes((first, 0xFE)) + struct.pack("!H", size)
    else:
        head = bytes((first, 0xFF)) + struct.pack("!Q", size)
    return head + bytes(4) + data


def packed(data: bytes) -> bytes:
    """As permessage-deflate would write it, had it been agreed on."""
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        pytest.param(bytes((FIN | TEXT, len(INIT))) + INIT, 1002, id="not masked"),
        pytest.param(frame(FIN | RESERVED | TEXT, packed(bytes(10_000_000))), 1002, id="a compression bomb"),
        pytest.param(frame(FIN | 0x20 | TEXT, INIT), 1002, id="a second reserved bit"),
        pytest.param(frame(FIN | 0x3, INIT), 1002, id="an unknown kind of message"),
        pytest.param(frame(FIN | 0xB, b""), 1002, id="an unknown control frame"),
        pytest.param(frame(FIN | CONTINUATION, INIT), 1002, id="the continuation of nothing"),
        pytest.param(frame(TEXT, b"{") + frame(FIN | TEXT, INIT), 1002, id="a message within a message"),
        pytest.param(frame(PING, b"part of a ping"), 1002, id="a ping in pieces"),
        pytest.param(frame(FIN | PING, bytes(126)), 1002, id="a long ping"),
        pytest.param(frame(FIN | CLOSE, b"\x03"), 1002, id="half a close code"),
        pytest.param(frame(FIN | CLOSE, struct.pack("!H", 1005)), 1002, id="a close code that is never sent"),
        pytest.param(frame(FIN | CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007, id="a close reason that is no text"),
        pytest.param(frame(FIN | TEXT, b"\xed\xa0\x80"), 1007, id="half a surrogate pair"),
        pytest.param(frame(TEXT, b"\xc3") + frame(FIN | CONTINUATION, b"\x28"), 1007, id="no UTF-8 over two frames"),
        pytest.param(frame(FIN | 0x2, INIT), 1003, id="bytes"),
        pytest.param(frame(FIN | TEXT, length=2**62), 1009, id="a claim of four exabytes"),
        pytest.param(frame(TEXT, bytes(200_000)) + frame(CONTINUATION, bytes(100_000)), 1009, id="too much in pieces"),
        pytest.param(frame(FIN | CLOSE, struct.pack("!H", 1000)), 1000, id="a goodbye"),
    ],
)
async def test_whatever_breaks_the_rules_is_told_so(site: Site, said: bytes, code: int) -> None:
    async with wire(site) as socket:
        await socket.say(said)
        assert await socket.closing() == code
    async with wire(site) as another:
        await another.say(frame(FIN | TEXT, INIT))
        assert (await another.hear())[0] == TEXT


async def test_a_message_may_come_in_a_hundred_thousand_empty_pieces(site: Site) -> None:
    async with wire(site) as socket:
        await socket.say(frame(TEXT), *[frame(CONTINUATION)] * 100_000)
        await socket.say(frame(CONTINUATION, INIT), frame(FIN | CONTINUATION))
        assert b"connection_ack" in (await socket.hear())[1]


async def test_a_ping_is_answered_with_its_own_words(site: Site) -> None:
    async with wire(site) as socket:
        await socket.say(frame(FIN | PING, b"are you there?"))
        assert await socket.hear() == (0xA, b"are you there?")


async def test_compression_is_offered_in_vain(site: Site) -> None:
    async with wire(site, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits") as socket:
        await socket.say(frame(FIN | RESERVED | TEXT, packed(INIT)))
        assert await socket.closing() == 1002
