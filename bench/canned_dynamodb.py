"""Answers like DynamoDB, at once and always the same: a process of its own, so that clients alone are measured. `PORT`.

It looks at the operation alone; whether a request is right is tested elsewhere, on an emulator.
"""

import asyncio
import os
import zlib
from typing import Any

import orjson
import uvloop

PAGE = 20
"""Items that a query finds."""


def item(number: int) -> dict[str, Any]:
    """A chat message, as DynamoDB writes it."""
    return {
        "messageId": {"S": f"01KAJ4W4Y7V6ZQ2F8N3M5T1RXC.{number:026}"},
        "roomId": {"S": "01KAJ4W4Y7V6ZQ2F8N3M5T1RXC"},
        "sequence": {"N": str(1_000 + number)},
        "changeSequence": {"N": str(1_000 + number)},
        "kind": {"S": "USER"},
        "body": {"S": f"Message {number}: has anybody seen the oystercatchers this morning?"},
        "senderId": {"S": "3c5b2b5e-7f7f-5d0c-9a43-2f6d6c1f1a10"},
        "timestamp": {"S": f"2026-11-21T12:00:{number % 60:02}.000Z"},
        "mentionedUserIds": {"L": [{"S": "7d3f9a52-3f0e-5b8e-8f0b-0d6a4f0f7b21"}]},
        "replyCount": {"N": "0"},
        "version": {"N": "1"},
        "requestHash": {"S": "3d2e0c0a7b1f4c4d9a8e"},
    }


ANSWERS = {
    "GetItem": {"Item": item(0)},
    "PutItem": {},
    "Query": {"Items": [item(number) for number in range(PAGE)], "Count": PAGE, "ScannedCount": PAGE},
    "TransactWriteItems": {},
}


def _ready(answer: dict[str, Any]) -> bytes:
    body = orjson.dumps(answer)
    return (
        b"HTTP/1.1 200 OK\r\nServer: Server\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\n"
        b"Content-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\nConnection: keep-alive\r\n"
        b"x-amzn-RequestId: 7KQ4L1RJ8UVNBB4P2CD0F6F1A3VV4KQNSO5AEMVJF66Q9ASUAAJG\r\nx-amz-crc32: %d\r\n\r\n"
        % (len(body), zlib.crc32(body))
    ) + body


class Connection(asyncio.Protocol):
    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers
        self._read = b""

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.WriteTransport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end:
            return
        lines = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
        headers = {name.lower(): value.strip() for name, _, value in lines}
        if len(body) == int(headers[b"content-length"]):
            self._read = b""
            self._transport.write(self._answers[headers[b"x-amz-target"].rpartition(b".")[2]])


async def main() -> None:
    answers = {operation.encode(): _ready(answer) for operation, answer in ANSWERS.items()}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answers), "127.0.0.1", int(os.environ["PORT"]))
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
