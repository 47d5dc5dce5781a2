"""A body that is too large for ASGI's messages: they copy it, and wake the application with each packet."""

import asyncio
from typing import Protocol

from app.http.replies import ClientGone

LEAST_BYTES = 64 * 1024
"""What has to arrive in each span of the deadline."""


class Source(Protocol):
    """The connection that the body comes on. Beside these it has the methods of an asyncio.Protocol."""

    reading: bool
    """Whether anything is read from the client at the moment."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def leave_unread(self, size: int) -> None:
        """So many bytes came that nobody wants."""
        ...

    def take_back(self) -> None:
        """The body has ended; what comes from now on is the connection's again."""
        ...

    def data_received(self, data: bytes) -> None: ...

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...

    def connection_lost(self, exc: Exception | None) -> None: ...


class StreamedBody(asyncio.BufferedProtocol):
    """The rest of a body, taken from the transport in the connection's place, right into what the application gets.

    Nothing is read from the client but while the application waits for it, or has gone.
    """

    def __init__(
        self, source: Source, loop: asyncio.AbstractEventLoop, beginning: bytes, left: int, *, lost: bool
    ) -> None:
        """
        Args:
            beginning: what has come so far.
            left: bytes that are still to come.
            lost: the client is gone.
        """
        self._source = source
        self._loop = loop
        self._beginning = beginning
        self._arrived = len(beginning)
        self._left = left
        self._lost = lost
        self._late = False
        self._seen = 0
        self._filling = self._filled = bytearray()
        self._at = self._end = 0
        """Of `_filling`: where the next bytes go, and how many are wanted."""
        self._unwanted = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None

    # The application's side

    def expect(self, seconds: float) -> None:
        """From now on the client has to send `LEAST_BYTES` in each such span, as long as it is read from."""
        self._seen = self._arrived
        self._timer = self._loop.call_later(seconds, self._check, seconds)

    async def read(self, most: int) -> bytes | memoryview:
        """The next piece, `most` bytes unless the body ends; empty behind its end. The first may have any size.

        A piece keeps its bytes until the next but one is asked for.

        Raises:
            ClientGone: the connection broke.
            TimeoutError: the client is slower than `expect` allows.
        """
        if self._beginning:
            beginning, self._beginning = self._beginning, b""
            return beginning
        self._filling, self._filled = self._filled, self._filling
        if len(self._filling) != most:
            self._filling = bytearray(most)
        self._at, self._end = 0, min(most, self._left)
        while self._at < self._end:
            if self._lost:
                raise ClientGone
            if self._late:
                raise TimeoutError
            self._source.resume_reading()
            self._waiter = self._loop.create_future()
            await self._waiter
        return memoryview(self._filling)[: self._end]

    def close(self) -> None:
        """The application needs no more of it."""
        self._at = self._end
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # The connection's side

    def lose(self) -> None:
        self._lost = True
        self._wake()

    def _check(self, seconds: float) -> None:
        if not self._left:
            return
        if self._arrived - self._seen < LEAST_BYTES and self._source.reading:
            self._late = True
            self._wake()
        else:
            self.expect(seconds)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # The transport's side

    def get_buffer(self, sizehint: int) -> memoryview:
        """Room for what the application asked for; beside the body's bytes only where a transport reads ahead."""
        if self._at < self._end:
            return memoryview(self._filling)[self._at : self._end]
        if not self._unwanted:
            self._unwanted = bytearray(LEAST_BYTES)
        return memoryview(self._unwanted)[: self._left or None]

    def buffer_updated(self, nbytes: int) -> None:
        if not self._left:
            self._source.data_received(bytes(self._unwanted[:nbytes]))
            return
        self._left -= nbytes
        self._arrived += nbytes
        if self._at == self._end:  # the application has gone
            self._source.leave_unread(nbytes)
        else:
            self._at += nbytes
            if self._at == self._end:
                self._wake()
                if self._left:
                    self._source.pause_reading()
        if not self._left:
            self._source.take_back()

    def pause_writing(self) -> None:
        self._source.pause_writing()

    def resume_writing(self) -> None:
        self._source.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._source.connection_lost(exc)
