"""A request's body as it arrives, for bodies that are too large for ASGI's messages: these are copied twice, and
each wakes the application.
"""

import asyncio
from typing import Protocol

from app.http.replies import ClientGone

LEAST_BYTES = 64 * 1024
"""What has to arrive in each span of the deadline."""


class Flow(Protocol):
    """Of what the client sends."""

    reading: bool
    """Whether anything is read from it at the moment."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class StreamedBody:
    """The rest of a body, made by the protocol when the application takes it over.

    Nothing more is read from the client while `most` bytes wait for the application.
    """

    def __init__(
        self, flow: Flow, loop: asyncio.AbstractEventLoop, beginning: bytes, *, ended: bool, lost: bool
    ) -> None:
        """
        Args:
            beginning: what has come so far.
            ended: that was all.
            lost: the client is gone.
        """
        self._flow = flow
        self._loop = loop
        self._chunks: list[bytes] = [beginning] if beginning else []
        self._size = self._arrived = len(beginning)
        self._most = LEAST_BYTES
        self._ended = ended
        self._lost = lost
        self._late = False
        self._seen = 0
        self._timer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None

    # The application's side

    def expect(self, seconds: float) -> None:
        """From now on the client has to send `LEAST_BYTES` in each such span, as long as it is read from."""
        self._seen = self._arrived
        self._timer = self._loop.call_later(seconds, self._check, seconds)

    async def read(self, most: int) -> list[bytes]:
        """The next chunks, `most` bytes or somewhat more unless the body ends; empty behind its end.

        Raises:
            ClientGone: the connection broke.
            TimeoutError: the client is slower than `expect` allows.
        """
        self._most = most
        while not (self._ended or self._size >= most):
            if self._lost:
                raise ClientGone
            if self._late:
                raise TimeoutError
            self._flow.resume_reading()
            self._waiter = self._loop.create_future()
            await self._waiter
        chunks, self._chunks, self._size = self._chunks, [], 0
        if not self._ended:
            self._flow.resume_reading()
        return chunks

    def close(self) -> None:
        """The application needs no more of it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # The protocol's side

    def feed(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        self._arrived += len(data)
        if self._size >= self._most:
            self._flow.pause_reading()
            self._wake()

    def end(self) -> None:
        self._ended = True
        self._wake()

    def lose(self) -> None:
        self._lost = True
        self._wake()

    def _check(self, seconds: float) -> None:
        if self._ended:
            return
        if self._arrived - self._seen < LEAST_BYTES and self._flow.reading:
            self._late = True
            self._wake()
        else:
            self.expect(seconds)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
