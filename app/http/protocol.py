"""uvicorn's HTTP protocol with what it lacks: deadlines for slow clients, caps, and one answer to broken HTTP.

Written against uvicorn 0.54 and its httptools protocol; tests/app/http/test_protocol.py holds it to them.
"""

import asyncio
import enum
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import msgspec
import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.errors import refused_request
from app.http.exchange import Exchange
from app.http.front import BODY, OVERLOADED
from app.http.replies import EXCHANGE, JSON, MALFORMED
from app.http.streamed_body import StreamedBody
from app.http.writes import JoinedWrites
from app.shared_timer import SharedTimer

MOST_HEADERS = 100
LINGER_SECONDS = 2
"""How long a refused client may go on sending. Closing at once would reset the connection under our answer."""
GOODBYE_SECONDS = 1


class Bounds(msgspec.Struct, frozen=True):
    """What one connection may take.

    Attributes:
        header_seconds: from a request's first byte, or from the connection's start, to its last header.
        body_seconds: for a body to arrive, and for a full write buffer to be read by the client.
        header_bytes: of request line and headers together.
        unread_bytes: what a client may send on, unread, once its request is answered or refused.
        connections: open ones that are served; as many again are told 503, the rest are cut.
    """

    header_seconds: float = 10
    body_seconds: float = 20
    header_bytes: int = 32 * 1024
    unread_bytes: int = 32 * 1024 * 1024
    connections: int = 5_000


class _Awaited(enum.Enum):
    """What the client owes us at the moment."""

    HEADERS = enum.auto()
    BODY = enum.auto()
    NOTHING = enum.auto()


class _Fault(msgspec.Struct, frozen=True):
    status: int
    error_type: str
    message: str


_BROKEN = _Fault(400, MALFORMED, "This is not well-formed HTTP.")
_NO_HOST = _Fault(400, MALFORMED, "A request names exactly one host.")
_OLD_FRAMING = _Fault(400, MALFORMED, "HTTP/1.0 has no Transfer-Encoding.")
_LARGE_HEADERS = _Fault(431, "RequestHeaderFieldsTooLargeException", "The request line and headers are too large.")
_SLOW = _Fault(408, "RequestTimeoutException", "The request did not arrive in time.")


Upgrade = Callable[[asyncio.Transport, bytes, list[tuple[bytes, bytes]]], object]
"""Takes the transport, and the target and headers of a request that asks for a WebSocket, off our hands."""


class _Refused(Exception):
    """Stops the parser; the reason is in `_fault`, because httptools hides exceptions of callbacks."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection. uvicorn parses and answers; this class watches the clock and the sizes."""

    def __init__(self, *args: Any, bounds: Bounds, idle: SharedTimer, upgrade: Upgrade | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bounds = bounds
        self._idle = idle
        self._upgrade = upgrade
        self._handed_over = False
        self._awaited = _Awaited.HEADERS
        self._watched = _Awaited.NOTHING
        self._deadline: asyncio.TimerHandle | None = None
        self._write_deadline: asyncio.TimerHandle | None = None
        self._requests_begun = 0
        self._unfinished_bytes = 0
        self._unread_bytes = 0
        self._fault = _BROKEN
        self._refused = False
        self._body: StreamedBody | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        super().connection_made(transport)
        self._writes = JoinedWrites(transport, self.loop)
        most = self._bounds.connections
        if len(self.connections) > 2 * most:
            transport.abort()
        elif len(self.connections) > most:
            self.app_state = {**self.app_state, OVERLOADED: True}
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        self.resume_writing()
        if self._body is not None:
            self._body.lose()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            self._leave_unread(data)
            return
        begun, was_in_headers = self._requests_begun, self._awaited is _Awaited.HEADERS
        super().data_received(data)
        if was_in_headers and self._awaited is _Awaited.HEADERS and begun == self._requests_begun:
            self._unfinished_bytes += len(data)
            if self._unfinished_bytes > self._bounds.header_bytes:
                self._refuse(_LARGE_HEADERS)
        self._watch()

    def _unsupported_upgrade_warning(self) -> None:
        """Not a word in the log for each such client. Nothing is parsed behind an upgrade: this answer is the last."""
        self.cycle.keep_alive = False

    def handle_websocket_upgrade(self) -> None:
        self._unwatch()
        self._awaited = _Awaited.NOTHING
        self._handed_over = True
        self.connections.discard(self)
        if self._upgrade is not None:
            self._upgrade(self.transport, self.url, self.headers)

    # What the parser calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._awaited = _Awaited.HEADERS
        self._requests_begun += 1
        self._unfinished_bytes = 0
        self._unread_bytes = 0
        self._body = None

    def on_headers_complete(self) -> None:
        size, hosts, framed = len(self.url), 0, False
        for name, value in self.headers:
            size += len(name) + len(value)
            if name == b"host":
                hosts += 1
            elif name == b"transfer-encoding":
                framed = True
        if size > self._bounds.header_bytes or len(self.headers) > MOST_HEADERS:
            self._stop(_LARGE_HEADERS)
        if hosts != 1 and (hosts > 1 or self.parser.get_http_version() == "1.1"):
            self._stop(_NO_HOST)
        if framed and self.parser.get_http_version() == "1.0":
            self._stop(_OLD_FRAMING)
        super().on_headers_complete()
        cycle = self.cycle
        if cycle is not None:  # an upgrade has none
            cycle.transport = self._writes  # type: ignore[assignment] # it has what a cycle calls
            method = self.scope["method"]
            if method == "PUT":
                self.scope["state"][BODY] = partial(self._hand_over, cycle)
            elif method != "HEAD":
                self.scope["state"][EXCHANGE] = Exchange(cycle, self._writes)
        self._awaited = _Awaited.BODY
        if self._deadline is not None:
            self._unwatch()

    def on_body(self, body: bytes) -> None:
        if self._body is not None and not self.cycle.response_complete:
            self._body.feed(body)
            return
        super().on_body(body)
        if self.cycle.response_complete:
            self._leave_unread(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self._body is not None:
            self._body.end()
        self._awaited = _Awaited.NOTHING
        if self._deadline is not None:
            self._unwatch()

    def _hand_over(self, cycle: RequestResponseCycle) -> StreamedBody:
        """What a request still sends goes to the application at once, without a deadline of ours."""
        if cycle.waiting_for_100_continue and not self.transport.is_closing():
            self._writes.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            cycle.waiting_for_100_continue = False
        body = StreamedBody(cycle, self.flow, self.loop)
        if cycle is self.cycle and cycle.more_body:
            self._body = body
            self._watch()
        return body

    def send_400_response(self, msg: str) -> None:
        """uvicorn's answer to whatever the parser refuses."""
        self._refuse(self._fault)

    # The client's side of writing

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._write_deadline is None:
            self._write_deadline = self.loop.call_later(self._bounds.body_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None

    def on_response_complete(self) -> None:
        """As uvicorn's, but that all connections share the timer of those who wait for the next request."""
        self._writes.flush()
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._abort_unless_read()
            return
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self.timeout_keep_alive_task = self._idle.call_later(self.timeout_keep_alive_handler)  # type: ignore[assignment] # it has what uvicorn calls

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._abort_unless_read()

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.is_closing():
            # An idle browser leaves its part of closing TLS undone; the end of the process need not wait for it.
            self.loop.call_later(GOODBYE_SECONDS, self.transport.abort)

    # The clock

    def _watch(self) -> None:
        """One deadline for what is owed now, counted from the moment since when it is owed."""
        if self._handed_over:
            return
        owed = self._awaited
        if owed is _Awaited.NOTHING and (self.cycle is None or self.cycle.response_complete):
            # Between requests uvicorn's keep-alive timer counts, unless stray bytes just stopped it.
            owed = _Awaited.NOTHING if self.timeout_keep_alive_task else _Awaited.HEADERS
        if owed is _Awaited.BODY and self._body is not None:
            owed = _Awaited.NOTHING  # whoever has taken it over watches it
        if owed is self._watched or self._refused or self.transport.is_closing():
            return
        self._unwatch()
        if owed is not _Awaited.NOTHING:
            seconds = self._bounds.header_seconds if owed is _Awaited.HEADERS else self._bounds.body_seconds
            self._deadline = self.loop.call_later(seconds, self._late)
            self._watched = owed

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._watched = _Awaited.NOTHING

    def _late(self) -> None:
        body, self._deadline, self._watched = self._watched is _Awaited.BODY, None, _Awaited.NOTHING
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            self._watch()  # it is us who do not read: an earlier request is still being answered
        elif body or self._requests_begun > 0:
            self._refuse(_SLOW)
        else:
            self.transport.close()

    # Saying no

    def _stop(self, fault: _Fault) -> None:
        self._fault = fault
        raise _Refused

    def _refuse(self, fault: _Fault) -> None:
        """Answers the request that is at fault, once, and ends the connection."""
        if self.transport.is_closing() or self._refused:
            return
        cycle = self.cycle
        answering = cycle is not None and not cycle.response_complete
        if answering and (cycle.response_started or not cycle.more_body):
            # The fault is in what came after the request being answered: that answer goes out whole, and last.
            cycle.keep_alive = False
            self.pipeline.clear()
            self.flow.pause_reading()
            return
        if answering:
            cycle.disconnected = True
            cycle.message_event.set()
            if self._body is not None:
                self._body.lose()
        if cycle is not None and cycle.response_complete and self._awaited is _Awaited.BODY:
            self.transport.abort()  # the answer is out, and only the rest of the body was late
            return
        self._refused = True
        self._unwatch()
        self.transport.write(_written(fault))
        if self.transport.can_write_eof():  # TLS knows no half-closed connection
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _leave_unread(self, data: bytes) -> None:
        self._unread_bytes += len(data)
        if self._unread_bytes > self._bounds.unread_bytes:
            self.transport.abort()

    def _abort_unless_read(self) -> None:
        """A closed connection lingers until the client has read everything; not for ever."""
        if self.transport.get_write_buffer_size() > 0:
            self.loop.call_later(self._bounds.body_seconds, self.transport.abort)


def _written(fault: _Fault) -> bytes:
    request_id = str(uuid4())
    body = orjson.dumps(refused_request(fault.error_type, fault.message, request_id))
    headers = (
        b"content-type: " + JSON,
        b"content-length: %d" % len(body),
        b"cache-control: no-store",
        b"x-content-type-options: nosniff",
        b"x-amzn-requestid: " + request_id.encode(),
        b"x-amzn-errortype: " + fault.error_type.encode(),
        b"connection: close",
    )
    return STATUS_LINE[fault.status] + b"\r\n".join(headers) + b"\r\n\r\n" + body
