"""Fewer system calls for an answer: uvicorn writes its head and its body apart."""

import asyncio

MOST_COPIED = 64 * 1024
"""Bytes of a body that are copied behind its head; a longer one is written beside it."""


class JoinedWrites:
    """The side of a transport that answers are written to: two writes in one turn of the loop go out as one.

    A write alone goes out when the turn ends, so that whoever streams keeps nobody waiting.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: bytes | None = None
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        if self._held is None:
            self._held = data
            self._loop.call_soon(self.flush)
        else:
            held, self._held = self._held, None
            self._transport.writelines((held, data))

    def write_whole(self, head: bytes, body: bytes) -> None:
        """An answer that is all there."""
        if self._held is not None:
            self.flush()
        if len(body) <= MOST_COPIED:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))

    def flush(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._transport.write(held)

    def close(self) -> None:
        self.flush()
        self._transport.close()
