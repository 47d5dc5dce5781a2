"""A request that has come whole, and an answer that goes out whole, without ASGI's messages between.

Those cost a wake-up and a copy each, and uvicorn looks through every header of an answer once more. Whatever comes or
goes in pieces uses the messages.
"""

from collections.abc import Sequence

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from app.http.writes import JoinedWrites


class Exchange:
    """One request and its answer; made by the protocol, for an application that may as well `receive` and `send`."""

    __slots__ = ("_cycle", "_writes")

    def __init__(self, cycle: RequestResponseCycle, writes: JoinedWrites) -> None:
        self._cycle = cycle
        self._writes = writes

    def body(self) -> bytes | None:
        """The whole body, once; None while some of it is missing, which `receive` waits for."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected:
            return None
        body, cycle.body = bytes(cycle.body), bytearray()
        cycle.message_event.clear()
        return body

    def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        """Writes the whole answer. False, with nothing written, where `send` has to wait or there is no use.

        Args:
            headers: lower-case names; a content-length that is the body's is among them, and no `connection`.

        Raises:
            ValueError: a header does not end where it should.
        """
        cycle = self._cycle
        if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
            return False
        parts = [STATUS_LINE[status]]
        for name, value in cycle.default_headers:
            parts += name, b": ", value, b"\r\n"
        for name, value in headers:
            parts += name, b": ", value, b"\r\n"
        parts.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        head = b"".join(parts)
        lines = 2 + len(cycle.default_headers) + len(headers) + (not cycle.keep_alive)
        if not head.count(b"\n") == head.count(b"\r") == lines:
            raise ValueError("a header of the answer holds the end of a line")
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
        self._writes.write_whole(head, body)
        if not cycle.keep_alive:
            self._writes.close()
        cycle.on_response()
        return True
