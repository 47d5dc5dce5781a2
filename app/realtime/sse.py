"""Subscriptions for plain HTTP clients: POST /graphql/stream, graphql-sse's protocol in distinct connections mode.

One request, one subscription. The headers of the answer are its acknowledgement. A stream that ends without
`complete` was cut: the client comes again and catches up.
"""

import asyncio
from collections import deque

import orjson
from starlette.types import Receive, Scope, Send

from app.errors import ErrorObject, refusal
from app.execution import GraphQLRequest
from app.http import body as bodies
from app.http.cors import Cors
from app.http.reception import credentials_of
from app.http.replies import ACCESS_LINE, Refusal, method_not_allowed, overloaded
from app.http.requests import shown
from app.realtime import connecting
from app.realtime.live import Subscription, error_of
from app.realtime.operations import Refused
from app.realtime.services import Services
from domain.callers import Caller
from domain.errors import DomainError

METHODS = "POST, OPTIONS"
KEEP_ALIVE_SECONDS = 15.0
MOST_WAITING = 1_000
"""Events that wait for a client to read."""
_HEADERS = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"))
_KEEP_ALIVE = b":\n\n"
_COMPLETE = b"event: complete\ndata:\n\n"


class _Stream:
    """One answer that goes on; also its subscription's subscriber."""

    def __init__(self, most_bytes: int) -> None:
        self.live = True
        self._most_bytes = most_bytes
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._came = asyncio.Event()
        self._over = False

    def deliver(self, payload: bytes) -> None:
        event = b"event: next\ndata: " + payload + b"\n\n"
        self._waiting.append(event)
        self._waiting_bytes += len(event)
        if len(self._waiting) > MOST_WAITING or self._waiting_bytes > self._most_bytes:
            self.lose_continuity()
        self._came.set()

    def lose_continuity(self) -> None:
        """What still waits is not sent: the client reads all of it anew."""
        self.live = False
        self._over = True
        self._waiting.clear()
        self._came.set()

    def close(self, code: int, reason: str) -> None:
        self.lose_continuity()

    def expel(self, error: DomainError) -> None:
        """Its one subscription ends, and tells."""

    def end(self, errors: list[ErrorObject]) -> None:
        self.live = False
        self._over = True
        self._waiting.append(_errors(errors))
        self._came.set()

    async def next(self) -> bytes | None:
        """What is to be sent, a sign of life when that is nothing for long, None at the end."""
        if not self._waiting and not self._over:
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    await self._came.wait()
            except TimeoutError:
                return _KEEP_ALIVE
        self._came.clear()
        events = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        return events or None


class EventStreams:
    """An ASGI application for one path."""

    def __init__(self, services: Services, cors: Cors, *, most_bytes: int) -> None:
        self._services = services
        self._cors = cors
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await self._cors.preflight(scope["headers"]).send(scope, send)
            return
        if scope["method"] != "POST":
            raise method_not_allowed(METHODS)
        sockets = self._services.sockets
        if sockets.draining or sockets.is_full:
            raise overloaded("The server takes no more streams.")
        body = await bodies.read(scope, receive, self._most_bytes)
        stream = _Stream(sockets.limits.unsent_bytes)
        caller = await self._caller(scope, body, stream)
        sockets.add(stream)
        try:
            await self._serve(self._services.requests.of_json(body), caller, stream, receive, send)
        finally:
            sockets.remove(stream)
            self._services.dismiss(caller, stream)

    async def _caller(self, scope: Scope, body: bytes, stream: _Stream) -> Caller:
        requests = self._services.requests
        try:
            caller = await self._services.connect(
                credentials_of(scope, body), lambda: shown(requests.of_json(body)), stream, suspended_too=True
            )
        except connecting.Refusal as refused:
            error_type, message = str(refused.error["errorType"]), str(refused.error["message"])
            raise Refusal(refused.code, error_type, message) from None
        scope["state"][ACCESS_LINE].mode = caller.mode.value
        return caller

    async def _serve(
        self, request: GraphQLRequest, caller: Caller, stream: _Stream, receive: Receive, send: Send
    ) -> None:
        subscription = await self._started(request, caller, stream)
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            sending = asyncio.create_task(_send_all(stream, send))
            await asyncio.wait({gone, sending}, return_when=asyncio.FIRST_COMPLETED)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        finally:
            gone.cancel()
            if subscription is not None:
                self._services.live.stop(subscription)

    async def _started(self, request: GraphQLRequest, caller: Caller, stream: _Stream) -> Subscription | None:
        try:
            return await self._services.live.start(request, caller, stream)
        except Refused as refused:
            stream.end(refused.errors)
        except DomainError as error:
            stream.end([error_of(error)])
        except Exception as error:
            stream.end([error_of(refusal(error, "stream"))])
        return None


async def _send_all(stream: _Stream, send: Send) -> None:
    await send({"type": "http.response.body", "body": _KEEP_ALIVE, "more_body": True})
    while (events := await stream.next()) is not None:
        await send({"type": "http.response.body", "body": events, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _errors(errors: list[ErrorObject]) -> bytes:
    return b"event: next\ndata: " + orjson.dumps({"errors": errors}) + b"\n\n" + _COMPLETE
