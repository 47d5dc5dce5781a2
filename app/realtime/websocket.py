"""One WebSocket connection: the handshake, messages in, ready bytes out, and an end with a clear code.

It stands directly on the transport, without ASGI between: no task and no queue belongs to an idle socket, a
message to ten thousand of them is ten thousand writes, and how much a client has not read is known. RFC 6455
itself is `websockets`' sans-I/O protocol.
"""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Protocol

from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from app.realtime.handshake import SILENT, Handshake, Refused, accepted, refused
from app.realtime.sockets import SocketLimits, Sockets
from app.shared_timer import Waiting

PATHS = frozenset({"/graphql", "/graphql/realtime"})
LINGER_SECONDS = 5.0
"""How long an ended connection is kept for the client to read our last words."""
MOST_UNSENT_FRAMES = 10_000


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

    def protocol_of(self, offered: Sequence[str]) -> str | None:
        """The sub-protocol to speak; None when none of those is known."""
        ...

    def session(self, protocol: str, socket: "WebSocket") -> Session: ...

    def tell(self, handshake: Handshake, status: int) -> None:
        """A line of the access log."""
        ...

    def tell_of_end(self, handshake: Handshake, code: int | None, seconds: float) -> None:
        """The same, of a connection that was open so long; code None where nobody said why it ended."""
        ...


class WebSocket(asyncio.Protocol):
    """Takes over a connection whose client asked for an upgrade.

    Attributes:
        handshake: how it was opened; the session leaves away what is needed no more.
    """

    __slots__ = (
        "_age",
        "_closed",
        "_doorman",
        "_end_of_linger",
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
        "handshake",
    )

    def __init__(self, doorman: Doorman, transport: asyncio.Transport, handshake: Handshake) -> None:
        self.handshake = handshake
        self._doorman = doorman
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._protocol = ServerProtocol(state=State.OPEN, max_size=doorman.sockets.limits.frame_bytes, logger=SILENT)
        self._session: Session | None = None
        self._opened_at: float | None = None
        self._text = bytearray()
        self._closed = False
        self._unread = False
        self._paused = False
        self._unsent_bytes = 0
        self._unsent_frames = 0
        self._slow: asyncio.TimerHandle | None = None
        self._age: Waiting | None = None
        self._end_of_linger: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Answers the handshake."""
        try:
            protocol, response = self._answer()
        except Refused as reason:
            self._refuse(reason.response)
            return
        self._tell(response)
        self._opened_at = self._loop.time()
        self._doorman.sockets.add(self)
        self._age = self._doorman.sockets.ages.call_later(self._retire)
        self._session = self._doorman.session(protocol, self)

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
        if self._opened_at is not None:
            ended = self._protocol.close_sent or self._protocol.close_rcvd
            seconds = self._loop.time() - self._opened_at
            self._doorman.tell_of_end(self.handshake, None if ended is None else ended.code, seconds)

    def pause_writing(self) -> None:
        self._paused = True
        self._slow = self._loop.call_later(self._limits.unread_seconds, self._cut_off)

    def resume_writing(self) -> None:
        self._paused = False
        self._forget_unsent()

    # Inside

    @property
    def _limits(self) -> SocketLimits:
        return self._doorman.sockets.limits

    def _answer(self) -> tuple[str, Response]:
        """The sub-protocol, and the answer that lets the client in. Raises Refused."""
        sockets, handshake = self._doorman.sockets, self.handshake
        origins = handshake.values("origin")
        if handshake.path not in PATHS:
            raise refused(HTTPStatus.NOT_FOUND, "There is nothing here.")
        if len(origins) > 1 or not self._doorman.allows_origin(origins[0] if origins else None):
            raise refused(HTTPStatus.FORBIDDEN, "This origin may not connect.")
        if sockets.draining:
            raise refused(HTTPStatus.SERVICE_UNAVAILABLE, "The server is going away.")
        if sockets.is_full:
            raise refused(HTTPStatus.SERVICE_UNAVAILABLE, "The server has too many connections.")
        protocol = self._doorman.protocol_of(handshake.protocols)
        if protocol is None:
            raise refused(HTTPStatus.BAD_REQUEST, "Offer the sub-protocol graphql-ws or graphql-transport-ws.")
        return protocol, accepted(handshake, protocol)

    def _tell(self, response: Response) -> None:
        self._transport.write(response.serialize())
        self._doorman.tell(self.handshake, response.status_code)

    def _refuse(self, response: Response) -> None:
        self._closed = True
        self._tell(response)
        self._linger()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _retire(self) -> None:
        self.close(1001, "maximum age")

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
