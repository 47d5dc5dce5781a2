"""One client's connection: HTTP/1.1 in, ASGI calls, answers out, and bounds on time, size and number.

Requests are found by `RequestParser`, and uvicorn's server makes the connections and ends them; between them stands
nothing else, because every microsecond counts here.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from app.http.bounds import Bounds
from app.http.deadlines import NEVER, Deadlines
from app.http.exchange import Exchange
from app.http.faults import BROKEN, SLOW, UNANSWERED, Fault
from app.http.head import Head
from app.http.headers import Header, lasting_lines
from app.http.known_head import KnownHead
from app.http.replies import EXCHANGE, HEAD, OVERLOADED
from app.http.request_parser import BODY, HEADERS, NOTHING, RequestParser, SocketAsked
from app.http.streamed_body import StreamedBody

log = logging.getLogger(__name__)

LINGER_SECONDS = 2
"""How long a client that has its last answer may go on sending."""
GOODBYE_SECONDS = 1


Upgrade = Callable[[asyncio.Transport, bytes, list[Header]], object]
"""Takes the transport, and the target and headers of a request that asks for a WebSocket, off our hands."""


class Connection(asyncio.Protocol):
    """Requests of one connection are answered in order, one at a time.

    Attributes:
        due: when the client has to have sent what it owes; of the event loop's time, as `unread_due`.
        unread_due: when it has to have read some of what waits for it.
        reading, writing, transport, loop: as an `Exchange` needs them.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        bounds: Bounds,
        deadlines: Deadlines,
        upgrade: Upgrade | None,
    ) -> None:
        """
        Args:
            config, server_state, app_state, _loop: from uvicorn's server.
            upgrade: None where no WebSockets are spoken.
        """
        self.loop = _loop or asyncio.get_running_loop()
        self.reading = self.writing = True
        self.due = self.unread_due = NEVER
        self._app = config.loaded_app
        self._server = server_state
        self._state = app_state
        self._bounds = bounds
        self._deadlines = deadlines
        self._upgrade = upgrade
        self._drained: asyncio.Future[None] | None = None
        self._unread_bytes = 0
        self._asked: Exchange | None = None
        self._new: Exchange | None = None
        self._answering: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._known = KnownHead()
        self._refused = False

    @property
    def common_lines(self) -> bytes:
        return lasting_lines(tuple(self._server.default_headers))

    # What the transport calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # always of this kind
        self.transport = transport
        self._server.connections.add(self)  # type: ignore[arg-type] # it has what uvicorn's server calls
        most, now_open = self._bounds.connections, len(self._server.connections)
        if now_open > 2 * most:
            transport.abort()
        elif now_open > most:
            self._state = {**self._state, OVERLOADED: True}
        line = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "server": get_local_addr(transport),
            "client": get_remote_addr(transport),
            "scheme": "https" if is_ssl(transport) else "http",
            "root_path": "",
        }
        self._parser = RequestParser(self, line, self._bounds.header_bytes, sockets=self._upgrade is not None)
        self._deadlines.add(self)
        self.due = self.loop.time() + self._bounds.header_seconds

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        if self._answering is not None:
            self._answering.lose()
        self._waiting.clear()
        self.resume_writing()
        if exc is None:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            self.leave_unread(len(data))
            return
        between = self._answering is None and self._parser.owed is NOTHING
        known = self._known.request(data) if between else None
        if known is None:
            self._parse(data, between)
        else:
            head, body = known
            self.due = NEVER
            self._start(Exchange(self, head, body))

    def _parse(self, data: bytes, between: bool) -> None:
        """
        Args:
            between: nothing of a request has come yet, and none is being answered.
        """
        parser = self._parser
        owed, count = parser.owed, parser.count
        try:
            fault = parser.feed(data)
        except SocketAsked as asked:
            self._hand_over(asked)
            return
        if fault is not None:
            self._refuse(fault)
            return
        if self._new is not None:
            self._begin(self._new)  # without waiting for the rest of its body
        if owed is not parser.owed or count != parser.count:
            self._set_due()
            if between and parser.owed is NOTHING and self._asked is not None:
                self._known.keep(data, self._asked.head)
        elif self._answering is None and owed is NOTHING:
            # Stray line ends are no request.
            self.due = min(self.due, self.loop.time() + self._bounds.header_seconds)

    def pause_writing(self) -> None:
        self.writing = False
        self.unread_due = self.loop.time() + self._bounds.body_seconds

    def resume_writing(self) -> None:
        self.writing = True
        self.unread_due = NEVER
        if self._drained is not None:
            self._drained.set_result(None)
            self._drained = None

    # What the parser calls

    def asked(self, head: Head) -> None:
        self._unread_bytes = 0
        self._asked = self._new = Exchange(self, head)

    def fed(self, body: bytes) -> None:
        exchange = self._asked
        if exchange is None:
            return
        if exchange.complete:
            self.leave_unread(len(body))
        else:
            exchange.feed(body)

    def ended(self) -> None:
        exchange, new = self._asked, self._new
        if exchange is not None:
            exchange.end()
        if new is not None:
            self._begin(new)

    # Answers, in order

    def _begin(self, exchange: Exchange) -> None:
        self._new = None
        if self._answering is None:
            self._start(exchange)
        else:
            self._waiting.append(exchange)
            self.pause_reading()

    def _start(self, exchange: Exchange) -> None:
        self._answering = exchange
        # With a name of their own: the loop's tasks are numbered, which takes a tenth of the time to make one.
        exchange.task = asyncio.Task(self._answer(exchange), loop=self.loop, name="request")
        self._server.tasks.add(exchange.task)

    async def _answer(self, exchange: Exchange) -> None:
        head = exchange.head
        scope = {**head.scope, "state": {**self._state, HEAD: head, EXCHANGE: exchange}}
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception:
            log.exception("the application failed")
        finally:
            if exchange.task is not None:
                self._server.tasks.discard(exchange.task)
            if not exchange.complete and not exchange.gone:
                if not exchange.started:
                    self.transport.write(UNANSWERED.written())
                self._end()

    def answered(self, exchange: Exchange) -> None:
        self._answering = None
        if not exchange.keep_alive:
            self._end()
            return
        if self._waiting:
            self._start(self._waiting.popleft())
        elif self._parser.owed is NOTHING:
            self.due = self.loop.time() + self._bounds.keep_alive_seconds
        elif self._parser.owed is BODY:
            self._set_due()  # nobody watches over the rest of the body any more
        self.resume_reading()

    def hand_over(self, body: StreamedBody) -> None:
        self.due = NEVER
        self.pause_reading()  # until the application asks for some of it
        self.transport.set_protocol(body)

    def take_back(self) -> None:
        self.transport.pause_reading()  # transports look at their protocol when they begin to read
        self.transport.set_protocol(self)
        self._parser.skip_body()
        self._set_due()
        self.transport.resume_reading()

    def pause_reading(self) -> None:
        if self.reading:
            self.reading = False
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self.reading and not self._waiting and not self.transport.is_closing():
            self.reading = True
            self.transport.resume_reading()

    async def drained(self) -> None:
        if self._drained is None:
            self._drained = self.loop.create_future()
        await asyncio.shield(self._drained)  # others may wait for it, too

    # The clock

    def _set_due(self) -> None:
        """Counted from now, when something else is owed than before."""
        if self._parser.owed is HEADERS:
            seconds = self._bounds.header_seconds
        elif self._parser.owed is BODY:
            seconds = self._bounds.body_seconds
        elif self._answering is not None:
            seconds = NEVER
        else:
            seconds = self._bounds.keep_alive_seconds
        self.due = self.loop.time() + seconds

    def late(self, now: float) -> None:
        self.due = NEVER
        if self.transport.is_closing():
            return
        if self._parser.owed is NOTHING:
            self._close()
        elif not self.reading:
            self._set_due()  # it is us who do not read: an earlier request is still being answered
        elif self._parser.owed is BODY or self._parser.count > 0:
            self._refuse(SLOW)
        else:
            self._close()

    def left_unread(self) -> None:
        self.transport.abort()

    # The end

    def _refuse(self, fault: Fault) -> None:
        """Answers the request that is at fault, once, and ends the connection."""
        if self.transport.is_closing() or self._refused:
            return
        asked, answering = self._asked, self._answering
        if answering is not None and (answering is not asked or answering.started or not answering.more_body):
            # The fault is in what came after whole requests: they are answered, and nothing else.
            self._let_end(answering)
            self.pause_reading()
            return
        if asked is not None and asked.complete and self._parser.owed is BODY:
            self.transport.abort()  # the answer is out, and only the rest of the body was at fault
            return
        if answering is not None:
            answering.lose()
        self._new = None
        self.transport.write(fault.written())
        self._linger()

    def _let_end(self, answering: Exchange) -> None:
        """With the answer to the last request that waits."""
        (self._waiting[-1] if self._waiting else answering).keep_alive = False

    def _end(self) -> None:
        """After the last answer."""
        if self._parser.owed is NOTHING:
            self._close()
        else:
            self._linger()

    def _linger(self) -> None:
        """Reads and drops what is still being sent: closing at once would reset the connection under our answer."""
        if self.transport.is_closing():
            return
        self._refused = True
        self.due = NEVER
        self._waiting.clear()
        self.resume_reading()
        if self.transport.can_write_eof():  # TLS knows no half-closed connection
            self.transport.write_eof()
        unread = self.transport.get_write_buffer_size() > 0
        self.loop.call_later(self._bounds.body_seconds if unread else LINGER_SECONDS, self.transport.abort)

    def leave_unread(self, size: int) -> None:
        self._unread_bytes += size
        if self._unread_bytes > self._bounds.unread_bytes:
            self.transport.abort()

    def _close(self) -> None:
        """Not before the client has read everything; but it has not for ever."""
        self.transport.close()
        if self.transport.get_write_buffer_size() > 0:
            self.loop.call_later(self._bounds.body_seconds, self.transport.abort)

    def shutdown(self) -> None:
        """Called by uvicorn's server when it ends: what was asked is answered, and nothing more."""
        if self._answering is not None:
            self._let_end(self._answering)
        else:
            self._close()
            # An idle browser leaves its part of closing TLS undone; the end of the process need not wait for it.
            self.loop.call_later(GOODBYE_SECONDS, self.transport.abort)

    def _hand_over(self, asked: SocketAsked) -> None:
        if self._upgrade is None or self._answering is not None:  # it cannot before that
            self._refuse(BROKEN)
            return
        self._leave()
        self._upgrade(self.transport, asked.target, asked.headers)

    def _leave(self) -> None:
        self._server.connections.discard(self)
        self._deadlines.discard(self)
        self._asked = self._new = None
        self._parser.close()
