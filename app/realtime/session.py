"""What the two protocols on a socket have in common: frames in order, subscriptions by id, and an orderly end."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

import orjson

from app.auth.credentials import Credentials
from app.errors import ErrorObject, refusal
from app.execution import GraphQLRequest
from app.http.body import json_value
from app.http.replies import Refusal as BadJson
from app.realtime.connecting import CONNECT, bucket, without_credentials
from app.realtime.live import Subscription, error_of
from app.realtime.operations import Refused
from app.realtime.services import Services
from app.realtime.websocket import WebSocket
from app.shared_timer import Waiting
from domain.callers import Caller
from domain.errors import DomainError

MOST_FRAMES_WAITING = 64
"""Beyond, nothing more is read from the client until half of them are answered."""
MOST_FAULTS = 20
"""Frames that make no sense, until the socket is closed."""
LONGEST_ID = 256
CONTINUITY_LOST = (1012, "continuity lost")

log = logging.getLogger(__name__)


class Stream:
    """One subscription of a socket."""

    __slots__ = ("_prefix", "_session", "_socket", "id", "live", "subscription")

    def __init__(self, session: "Session", id: str, prefix: bytes) -> None:
        self._session = session
        self._socket = session.socket
        self._prefix = prefix
        self.id = id
        self.live = True
        self.subscription: Subscription | None = None

    def deliver(self, payload: bytes) -> None:
        self._socket.send(self._prefix + payload + b"}")

    def lose_continuity(self) -> None:
        self.live = False
        self._socket.close(*CONTINUITY_LOST)

    def end(self, errors: list[ErrorObject]) -> None:
        self._session.ended(self, errors)


Answer = Callable[[dict[str, Any]], Awaitable[None]]


class Session:
    """One socket's conversation. Frames are answered one after another, in a task that ends when there are none."""

    __slots__ = ("_faults", "_streams", "_task", "_timer", "_waiting", "caller", "services", "socket")

    def __init__(self, socket: WebSocket, services: Services) -> None:
        self.socket = socket
        self.services = services
        self.caller: Caller | None = None
        self._streams: dict[str, Stream] = {}
        self._waiting: deque[str] | None = None
        self._task: asyncio.Task[None] | None = None
        self._faults = 0
        self._timer: Waiting = services.sockets.first_words.call_later(self.late)

    # For the socket

    def received(self, text: str) -> None:
        self.services.sockets.received += 1
        if self._waiting is None:
            self._waiting = deque()
            self._task = asyncio.get_running_loop().create_task(self._answer_all(self._waiting))
        self._waiting.append(text)
        if len(self._waiting) >= MOST_FRAMES_WAITING:
            self.socket.pause_reading()

    def closed(self) -> None:
        self._timer.cancel()
        if self._waiting is not None:
            self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
        for stream in self._streams.values():
            stream.live = False
            if stream.subscription is not None:
                self.services.live.stop(stream.subscription)
        self._streams.clear()
        if self.caller is not None:
            self.services.dismiss(self.caller, self)
            self.caller = None

    # For the protocols

    answers: ClassVar[Mapping[str, str]]
    """The method that answers each type of frame."""

    def late(self) -> None:
        """Nobody said who they are."""
        self.socket.close(4408, "Connection initialisation timeout")

    async def fault(self, message: str, frame: dict[str, Any] | None) -> None:
        """A frame that makes no sense; `frame` when it is at least an object."""
        raise NotImplementedError

    def ended(self, stream: Stream, errors: list[ErrorObject]) -> None:
        """The server ends a subscription."""
        raise NotImplementedError

    def expel(self, error: DomainError) -> None:
        """Whoever connected may not be here any more."""
        raise NotImplementedError

    async def connect(self, credentials: Credentials) -> None:
        """Who is there, from now on. Raises Refusal."""
        self.caller = await self.services.connect(credentials, lambda: CONNECT, self)
        self.socket.handshake = without_credentials(self.socket.handshake)

    def say(self, frame: Mapping[str, Any]) -> None:
        self.socket.send(orjson.dumps(frame))

    def keep_alive(self) -> None:
        """Now and every minute from now on."""
        self.keep_alive_later()
        self.beat()

    def keep_alive_later(self) -> None:
        """Every minute from now on, in place of the deadline for the first word."""
        self._timer.cancel()
        self._timer = self.services.sockets.keep_alives.call_later(self.keep_alive)

    def beat(self) -> None:
        raise NotImplementedError

    async def begin(self, stream: Stream, request: GraphQLRequest, caller: Caller) -> list[ErrorObject]:
        """Starts a subscription under its id; the errors when there is none."""
        try:
            if self.services.starts.wait(bucket(caller)):
                return [{"errorType": "LimitExceededError", "message": "Rate limit exceeded"}]
            self._streams[stream.id] = stream
            stream.subscription = await self.services.live.start(request, caller, stream)
        except Refused as refused:
            errors = refused.errors
        except DomainError as error:
            errors = [error_of(error)]
        except Exception as error:
            errors = [error_of(refusal(error, self.socket.handshake.request_id))]
        else:
            return []
        self._streams.pop(stream.id, None)
        return errors

    def take(self, id: str) -> Stream | None:
        """The stream of this id, which is no more."""
        stream = self._streams.pop(id, None)
        if stream is not None and stream.subscription is not None:
            self.services.live.stop(stream.subscription)
        return stream

    def knows(self, id: str) -> bool:
        return id in self._streams

    @property
    def is_full(self) -> bool:
        return len(self._streams) >= self.services.sockets.limits.subscriptions

    # Inside

    async def _answer_all(self, waiting: deque[str]) -> None:
        try:
            while waiting:
                text = waiting.popleft()
                if len(waiting) == MOST_FRAMES_WAITING // 2:
                    self.socket.resume_reading()
                await self._answer(text)
            self.socket.resume_reading()
        except Exception:
            log.exception("a frame could not be answered in connection %s", self.socket.handshake.request_id)
            self.socket.close(1011, "internal error")
        finally:
            self._task = self._waiting = None

    async def _answer(self, text: str) -> None:
        frame = _object(text)
        if frame is None:
            await self._fault("A frame is a JSON object.", None)
            return
        type_ = frame.get("type")
        method = self.answers.get(type_) if isinstance(type_, str) else None
        if method is None:
            await self._fault("There is no such type of frame.", frame)
            return
        answer: Answer = getattr(self, method)
        await answer(frame)

    async def _fault(self, message: str, frame: dict[str, Any] | None) -> None:
        self._faults += 1
        if self._faults > MOST_FAULTS:
            self.socket.close(1008, "too many faulty frames")
            return
        await self.fault(message, frame)


def valid_id(frame: dict[str, Any]) -> str | None:
    id_ = frame.get("id")
    return id_ if isinstance(id_, str) and 0 < len(id_) <= LONGEST_ID else None


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json_value(text.encode())
    except BadJson:
        return None
    return value if isinstance(value, dict) else None
