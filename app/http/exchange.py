"""One request and its answer: as ASGI's messages, or whole, which saves a wake-up and a copy each way."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from starlette.types import Message

from app.http.faults import STATUS_LINES
from app.http.head import Head
from app.http.headers import Header, header_lines
from app.http.streamed_body import Source, StreamedBody

MOST_WAITING_BYTES = 64 * 1024
"""Of a body; more is not read from the client before the application asks for it."""
MOST_COPIED_BYTES = 64 * 1024
"""Of an answer's body that are copied behind its head; a longer one is written beside it."""
_BODILESS = frozenset((204, 304))
_LAST: Header = (b"connection", b"close")


class Client(Source, Protocol):
    """The connection that a request came on."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    writing: bool
    """Whether it reads what is written to it."""

    @property
    def common_lines(self) -> bytes:
        """Headers of every answer."""
        ...

    async def drained(self) -> None:
        """Waits until it reads again, or is gone."""
        ...

    def hand_over(self, body: StreamedBody) -> None:
        """The transport gives the rest of the body to this, without a deadline of the connection."""
        ...

    def answered(self, exchange: "Exchange") -> None:
        """The whole answer is written."""
        ...


class Exchange:
    """Made by the connection for the application, which may `receive` and `send`, or take and give all at once.

    Attributes:
        head: what the client asked.
        keep_alive: whether another request may follow.
        more_body: some of the body is missing.
        started: some of the answer is written, or held to be written with its body.
        complete: all of the answer is written.
        gone: the client is, so that nothing is read or written any more.
        task: the application's.
    """

    # What most requests leave as it is, none has to set.
    more_body = True
    started = False
    complete = False
    gone = False
    task: asyncio.Task[None] | None = None
    _size = 0
    _received = False
    _stream: StreamedBody | None = None
    _waiter: asyncio.Future[None] | None = None
    _head = b""
    _chunked = False
    _unsent: int | None = None

    def __init__(self, client: Client, head: Head, body: bytes | None = None) -> None:
        """
        Args:
            body: all of it, where it is there already.
        """
        self.head = head
        self.keep_alive = head.keep_alive
        self._client = client
        self._bodiless = head.bodiless
        self._expecting = head.expecting
        self._chunks: list[bytes] = []
        if body is not None:
            self._chunks.append(body)
            self.more_body = False

    # The connection's side

    def feed(self, data: bytes) -> None:
        self._chunks.append(data)
        if self.task is None:
            return  # not begun, so all of it is from one packet
        self._size += len(data)
        if self._size > MOST_WAITING_BYTES:
            self._client.pause_reading()
        if self._waiter is not None:
            self._wake()

    def end(self) -> None:
        """The body is all there."""
        self.more_body = False
        if self._waiter is not None:
            self._wake()

    def lose(self) -> None:
        """The client is gone, or refused."""
        self.gone = True
        if self._stream is not None:
            self._stream.lose()
        if self._waiter is not None:
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # The application's side: all at once

    def body(self) -> bytes | None:
        """The whole body, once; None while some of it is missing, which `receive` waits for."""
        if self.more_body or self.gone:
            return None
        return self._taken()

    def answer(self, status: int, headers: bytes, body: bytes) -> bool:
        """Writes the whole answer. False, with nothing written, where `send` has to wait or there is no use.

        Args:
            headers: their lines, without content-length and connection.
        """
        client = self._client
        if self.started or self.gone or not client.writing:
            return False
        self.started = True
        head = b"%b%b%bcontent-length: %d\r\n%b" % (
            STATUS_LINES[status],
            client.common_lines,
            headers,
            len(body),
            self._last_lines(),
        )
        _write(client.transport, head, b"" if self._bodiless else body)
        self._complete()
        return True

    def stream(self) -> StreamedBody:
        """The body for an application that watches over it itself: one of a length that the client has told."""
        self._ask()
        beginning = self._taken()
        left = int(dict(self.head.scope["headers"])[b"content-length"]) - len(beginning)
        self._stream = StreamedBody(self._client, self._client.loop, beginning, left, lost=self.gone)
        if left and not self.gone:
            self._client.hand_over(self._stream)
        return self._stream

    # The application's side: ASGI's messages

    async def receive(self) -> Message:
        self._ask()
        while not self._chunks and (self.more_body or self._received) and not self.gone and not self.complete:
            self._waiter = self._client.loop.create_future()
            self._client.resume_reading()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if self.gone or self.complete:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": self._taken(), "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        if not self._client.writing:
            await self._client.drained()
        if self.gone:
            return
        if message["type"] == "http.response.start" and not self.started:
            self._start(message["status"], message.get("headers", ()))
        elif message["type"] == "http.response.body" and self.started and not self.complete:
            self._continue(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"{message['type']} out of order")

    def _start(self, status: int, headers: Sequence[Header]) -> None:
        self._unsent = next((int(value) for name, value in headers if name == b"content-length"), None)
        self._bodiless = self._bodiless or status in _BODILESS
        self._chunked = self.head.chunks and self._unsent is None and not self._bodiless
        if _LAST in headers:
            self.keep_alive = False
        kept = [each for each in headers if each != _LAST]
        lines = header_lines([*kept, (b"transfer-encoding", b"chunked")] if self._chunked else kept)
        # As ASGI has it, the head goes out with the first of the body.
        self._head = b"%b%b%b%b" % (STATUS_LINES[status], self._client.common_lines, lines, self._last_lines())
        self.started = True

    def _continue(self, body: bytes, *, more: bool) -> None:
        if self._bodiless:
            body = b""
        elif self._chunked:
            body = _chunk(body, last=not more)
        elif self._unsent is not None:
            self._unsent -= len(body)
            if self._unsent < 0 or (self._unsent and not more):
                raise RuntimeError("the body's length is not what its header says")
        head, self._head = self._head, b""
        _write(self._client.transport, head, body)
        if not more:
            self._complete()

    def _ask(self) -> None:
        """For the body, where the client waits for that."""
        if self._expecting and not self.started and not self.gone:
            self._client.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._expecting = False

    def _taken(self) -> bytes:
        chunks, self._chunks = self._chunks, []
        self._received = not self.more_body
        if self._size > 0:
            self._size = 0
            self._client.resume_reading()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _last_lines(self) -> bytes:
        # A client that was never asked for its body will not send it, and what it sends next would be taken for it.
        if self._expecting and self.more_body:
            self.keep_alive = False
        return b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"

    def _complete(self) -> None:
        self.complete = True
        if self._waiter is not None:
            self._wake()
        self._client.answered(self)


def _write(transport: asyncio.Transport, head: bytes, body: bytes) -> None:
    if len(body) <= MOST_COPIED_BYTES:
        if whole := head + body:
            transport.write(whole)
    else:
        transport.writelines((head, body))


def _chunk(body: bytes, *, last: bool) -> bytes:
    framed = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    return framed + b"0\r\n\r\n" if last else framed
