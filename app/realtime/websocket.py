"""One WebSocket connection: the handshake, messages in, ready bytes out, and an end with a clear code.

It stands directly on the transport, without ASGI between: no task and no queue belongs to an idle socket, a
message to ten thousand of them is ten thousand writes, and how much a client has not read is known. RFC 6455
itself is `websockets`' sans-I/O protocol.
"""

import asyncio
import logging
import socket as sockets_of_system
from typing import Any, Protocol
from uuid import uuid4

import msgspec
from websockets.datastructures import Headers
from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from app.realtime.sockets import Sockets

PATHS = frozenset({"/graphql", "/graphql/realtime"})
LINGER_SECONDS = 5.0
"""How long an ended connection is kept for the client to read our last words."""
DEAD_MILLISECONDS = 60_000
"""Without an answer from the client's machine to what was sent to it, it is gone."""
MOST_UNSENT_FRAMES = 10_000
_OFFER = "sec-websocket-protocol"

_silent = logging.getLogger("educonnect.websocket")
_silent.disabled = True  # every connection's end would be a line


class Handshake(msgspec.Struct, frozen=True):
    """What the client said to be let in.

    Attributes:
        query: undecoded, without its question mark.
        headers: lower-case names and values, in order.
        protocols: offered, in order.
        ip_address: the client's, after trusted proxies.
    """

    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    protocols: tuple[str, ...]
    ip_address: str | None
    request_id: str


class Session(Protocol):
    """What speaks on an open socket."""

    def received(self, text: str) -> None:
        """One whole text message."""
        ...

    def closed(self) -> None:
        """Nothing can be sent any more. Called once."""
        ...


class Doorman(Protocol):
    """Decides who may come in, and in which protocol they will be spoken to."""

    sockets: Sockets

    def allows_origin(self, origin: str | None) -> bool: ...

    def protocol_of(self, offered: tuple[str, ...]) -> str | None:
        """The sub-protocol to speak; None when none of those is known."""
        ...

    def address_of(self, peer: str | None, headers: tuple[tuple[str, str], ...]) -> str | None: ...

    def session(self, protocol: str, socket: "WebSocket", handshake: Handshake) -> Session: ...

    def tell(self, handshake: Handshake, status: int) -> None:
        """A line of the access log."""
        ...

    def tell_of_end(self, handshake: Handshake, code: int | None, seconds: float) -> None:
        """The same, of a connection that was open so long; code None where nobody said why it ended."""
        ...


class WebSocket(asyncio.Protocol):
    """Takes over a connection whose client asked for an upgrade."""

    __slots__ = (
        "_age",
        "_closed",
        "_doorman",
        "_end_of_linger",
        "_handshake",
        "_loop",
        "_opened_at",
        "_paused",
        "_protocol",
        "_session",
        "_slow",
        "_text",
        "_transport",
        "_unread",
        "_unsent_bytes",
        "_unsent_frames",
    )

    def __init__(self, doorman: Doorman, transport: asyncio.Transport) -> None:
        self._doorman = doorman
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._protocol = ServerProtocol(state=State.OPEN, max_size=doorman.sockets.limits.frame_bytes, logger=_silent)
        self._session: Session | None = None
        self._handshake: Handshake | None = None
        self._opened_at = 0.0
        self._text = bytearray()
        self._closed = False
        self._unread = False
        self._paused = False
        self._unsent_bytes = 0
        self._unsent_frames = 0
        self._slow: asyncio.TimerHandle | None = None
        self._age: asyncio.TimerHandle | None = None
        self._end_of_linger: asyncio.TimerHandle | None = None

    def open(self, request: Request) -> None:
        """Answers the handshake."""
        path, _, query = request.path.partition("?")
        headers = tuple((name.lower(), value) for name, value in request.headers.raw_items())
        peer = self._transport.get_extra_info("peername")
        address = self._doorman.address_of(peer[0] if isinstance(peer, tuple) else None, headers)
        handshake = Handshake(path, query, headers, _offered(headers), address, str(uuid4()))
        response, protocol = self._answer(request, handshake)
        self._transport.write(response.serialize())
        self._doorman.tell(handshake, response.status_code)
        if protocol is None:
            self._closed = True
            self._linger()
            if self._transport.can_write_eof():
                self._transport.write_eof()
            return
        self._detect_the_dead()
        self._handshake, self._opened_at = handshake, self._loop.time()
        self._doorman.sockets.add(self)
        self._age = self._loop.call_later(self._limits.age_seconds, self.close, 1001, "maximum age")
        self._session = self._doorman.session(protocol, self, handshake)

    # For the session

    def send(self, text: bytes) -> None:
        """Writes one text message, UTF-8. Never waits; a client that leaves too much unread is cut off."""
        if self._closed:
            return
        size = len(text)
        if size < 126:
            head = bytes((0x81, size))
        elif size < 65_536:
            head = b"\x81\x7e" + size.to_bytes(2, "big")
        else:
            head = b"\x81\x7f" + size.to_bytes(8, "big")
        self._transport.write(head + text)
        if self._paused:
            self._count_unsent(size)

    def ping(self) -> None:
        """Keeps what lies between us and the client from forgetting the connection."""
        if not self._closed:
            self._protocol.send_ping(b"")
            self._flush()

    def close(self, code: int, reason: str, *, linger_seconds: float = LINGER_SECONDS) -> None:
        """Says why and ends. Nothing is sent after that."""
        if self._closed:
            return
        try:
            self._protocol.send_close(code, reason)
        except InvalidState:
            return  # it is being closed already
        self._end()
        self._flush()
        self._linger(linger_seconds)

    def pause_reading(self) -> None:
        if not self._closed and not self._unread:
            self._unread = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._unread and not self._transport.is_closing():
            self._unread = False
            self._transport.resume_reading()

    # For the event loop

    def data_received(self, data: bytes) -> None:
        if self._closed and self._protocol.state is State.OPEN:
            return  # it was refused and goes on talking
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and not self._closed:
                self._take(event)
        self._flush()
        if self._protocol.close_expected():
            self._end()
            self._linger()

    def eof_received(self) -> bool:
        self._protocol.receive_eof()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        self._forget_unsent()
        if self._end_of_linger is not None:
            self._end_of_linger.cancel()
        self._doorman.sockets.remove(self)
        if self._handshake is not None:
            sent, received = self._protocol.close_sent, self._protocol.close_rcvd
            ended = sent or received
            self._doorman.tell_of_end(
                self._handshake, None if ended is None else ended.code, self._loop.time() - self._opened_at
            )

    def pause_writing(self) -> None:
        self._paused = True
        self._slow = self._loop.call_later(self._limits.unread_seconds, self._cut_off)

    def resume_writing(self) -> None:
        self._paused = False
        self._forget_unsent()

    # Inside

    @property
    def _limits(self) -> Any:
        return self._doorman.sockets.limits

    def _answer(self, request: Request, handshake: Handshake) -> tuple[Response, str | None]:
        """The answer to the handshake, and the sub-protocol when it is let in."""
        protocol = self._doorman.protocol_of(handshake.protocols)
        opening = ServerProtocol(select_subprotocol=lambda *_: protocol, logger=_silent)  # type: ignore[arg-type] # plain text
        refusal = self._refusal(handshake)
        if refusal is not None:
            return opening.reject(*refusal), None
        response = opening.accept(_without_offer(request))
        if response.status_code != 101:
            return response, None
        if protocol is None:
            return opening.reject(400, "Offer the sub-protocol graphql-ws or graphql-transport-ws.\n"), None
        return response, protocol

    def _refusal(self, handshake: Handshake) -> tuple[int, str] | None:
        sockets = self._doorman.sockets
        origins = [value for name, value in handshake.headers if name == "origin"]
        if handshake.path not in PATHS:
            return 404, "There is nothing here.\n"
        if len(origins) > 1 or not self._doorman.allows_origin(origins[0] if origins else None):
            return 403, "This origin may not connect.\n"
        if sockets.draining:
            return 503, "The server is going away.\n"
        if sockets.is_full:
            return 503, "The server has too many connections.\n"
        return None

    def _take(self, frame: Frame) -> None:
        """Puts a message together. Control frames are the protocol's own business."""
        if frame.opcode is Opcode.BINARY:
            self._fail(1003, "text messages only")
        elif frame.opcode is Opcode.TEXT or frame.opcode is Opcode.CONT:
            self._text += frame.data
            if frame.fin:
                message, self._text = self._text, bytearray()
                try:
                    text = message.decode()
                except UnicodeDecodeError:
                    self._fail(1007, "invalid UTF-8")
                    return
                if self._session is not None:
                    self._session.received(text)

    def _fail(self, code: int, reason: str) -> None:
        self._protocol.fail(code, reason)
        self._end()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
                if self._paused and not self._closed:
                    self._count_unsent(len(data))
            elif self._transport.can_write_eof():
                # Closing at once would reset the connection under our last words while the client still sends.
                self._transport.write_eof()
            else:
                self._transport.close()

    def _count_unsent(self, size: int) -> None:
        self._unsent_bytes += size
        self._unsent_frames += 1
        sockets = self._doorman.sockets
        sockets.unsent_bytes += size
        if sockets.unsent_bytes > self._limits.all_unsent_bytes:
            self._transport.abort()  # there is no room even for keeping it until it reads why
        elif (
            self._transport.get_write_buffer_size() > self._limits.unsent_bytes
            or self._unsent_frames > MOST_UNSENT_FRAMES
        ):
            self._cut_off()

    def _forget_unsent(self) -> None:
        self._doorman.sockets.unsent_bytes -= self._unsent_bytes
        self._unsent_bytes = self._unsent_frames = 0
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _cut_off(self) -> None:
        self.close(1013, "slow consumer", linger_seconds=self._limits.unread_seconds)

    def _end(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.resume_reading()  # the client's own end has to be seen
        if self._age is not None:
            self._age.cancel()
        if self._session is not None:
            self._session.closed()
            self._session = None

    def _linger(self, seconds: float = LINGER_SECONDS) -> None:
        """Leaves the client time to read what was said last, and no more than that."""
        if self._end_of_linger is None:
            self._end_of_linger = self._loop.call_later(seconds, self._transport.abort)

    def _detect_the_dead(self) -> None:
        socket = self._transport.get_extra_info("socket")
        option = getattr(sockets_of_system, "TCP_USER_TIMEOUT", None)
        if socket is not None and option is not None:
            socket.setsockopt(sockets_of_system.IPPROTO_TCP, option, DEAD_MILLISECONDS)


def _offered(headers: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    values = ",".join(value for name, value in headers if name == _OFFER)
    return tuple(each for value in values.split(",") if (each := value.strip()))


def _without_offer(request: Request) -> Request:
    """The offered sub-protocols are read already; base64 among them need be no token, which websockets would refuse."""
    kept = [(name, value) for name, value in request.headers.raw_items() if name.lower() != _OFFER]
    return Request(request.path, Headers(kept))
