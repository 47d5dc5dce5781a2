"""The least that a fan-out costs: uvloop, and one ready WebSocket frame written to every socket. `PORT`.

It speaks just enough of HTTP, WebSocket and graphql-transport-ws to be asked like a server: whoever opens a socket is
let in by the first frame and hears whatever anybody posts, and nothing that it says is looked at.
"""

import asyncio
import base64
import hashlib
import json
import os
from datetime import UTC, datetime
from typing import Any

import uvloop

from app.open_files import allow_many_files

_WEBSOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_ACKNOWLEDGED = b'{"type":"connection_ack"}'

AUDIENCE: set[asyncio.WriteTransport] = set()


class Peer(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.WriteTransport = transport
        self._read = b""
        self._is_upgraded = False

    def connection_lost(self, error: Exception | None) -> None:
        AUDIENCE.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._is_upgraded:
            if self._transport not in AUDIENCE:
                self._transport.write(frame(_ACKNOWLEDGED))
                AUDIENCE.add(self._transport)
            return
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end:
            return
        lines = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
        headers = {name.lower(): value.strip() for name, _, value in lines}
        if b"upgrade" in headers:
            self._upgrade(headers)
        elif len(body) == int(headers[b"content-length"]):
            self._read = b""
            self._say(json.loads(body)["variables"]["input"])

    def _upgrade(self, headers: dict[bytes, bytes]) -> None:
        digest = hashlib.sha1(headers[b"sec-websocket-key"] + _WEBSOCKET, usedforsecurity=False).digest()
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            b"sec-websocket-protocol: graphql-transport-ws\r\nsec-websocket-accept: %b\r\n\r\n"
            % base64.b64encode(digest)
        )
        self._is_upgraded = True

    def _say(self, said: dict[str, str]) -> None:
        sent_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = {
            "id": f"{said['roomId']}.{sent_at}",
            "roomId": said["roomId"],
            "senderId": "bench-sender",
            "body": said["body"],
            "sentAt": sent_at,
        }
        event = {"id": "1", "type": "next", "payload": {"data": {"onMessage": message}}}
        ready = frame(json.dumps(event).encode())
        for transport in AUDIENCE:
            transport.write(ready)
        answer = json.dumps({"data": {"sendMessage": {"id": message["id"]}}}).encode()
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(answer), answer)
        )


def frame(text: bytes) -> bytes:
    """A text frame, as servers send it: not masked."""
    size = bytes((len(text),)) if len(text) < 126 else b"\x7e" + len(text).to_bytes(2, "big")
    return b"\x81" + size + text


async def main() -> None:
    allow_many_files()
    server = await asyncio.get_running_loop().create_server(Peer, "127.0.0.1", int(os.environ["PORT"]), backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
