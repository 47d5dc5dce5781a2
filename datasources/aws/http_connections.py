"""Requests over kept-alive connections to one HTTP/1.1 server: what calls of AWS's JSON protocols need of HTTP.

A request and its answer are in memory whole. Errors are those of botocore's own clients, and one more.
"""

import asyncio
import ssl
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from httptools import HttpParserError, HttpResponseParser

from datasources.aws.http_tunnel import open_tunnel

CONNECT_SECONDS = 2
READ_SECONDS = 4
"""How long nothing may be heard of an answer."""
IDLE_SECONDS = 15
"""How long a connection is kept for the next request: less than servers keep theirs."""
CONNECTIONS = 50
MOST_ANSWER_BYTES = 32 * 1024 * 1024
"""Twice what any such service answers."""


class BrokenAnswer(Exception):
    """What came is not what the server sent."""


class Answer(NamedTuple):
    """Names of headers are in lower case; of those that come twice the last one counts."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class HttpConnections:
    """At most `CONNECTIONS` to the server, each with one request at a time; further requests wait for a place.

    Args:
        url: the server's, of which scheme, host and port count.
        trust: for https.
        proxy: its URL, where https goes through one.
    """

    def __init__(self, url: str, trust: ssl.SSLContext | None = None, proxy: str | None = None) -> None:
        parts = urlsplit(url)
        self._url = url
        self._address = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        self._trust = trust
        self._proxy = proxy
        self._places = asyncio.Semaphore(CONNECTIONS)
        self._idle: list[_Connection] = []

    async def exchange(self, request: bytes) -> Answer:
        """The answer to a whole request.

        Raises:
            EndpointConnectionError, ConnectTimeoutError: it was not sent.
            ConnectionClosedError, ReadTimeoutError, BrokenAnswer: nobody knows what became of it.
        """
        async with self._places:
            connection = self._kept() or await self._connected()
            try:
                answer = await connection.exchange(request)
            except BaseException:
                connection.close()  # its answer may be under way
                raise
            self._idle.append(connection)
            return answer

    def close(self) -> None:
        """Ends the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()

    def _kept(self) -> "_Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if connection.is_fresh():
                return connection
            connection.close()
        return None

    async def _connected(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        connection = _Connection(loop, self._url)
        host, port = self._address
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if self._proxy is None or self._trust is None:
                    await loop.create_connection(lambda: connection, host, port, ssl=self._trust)
                else:
                    await open_tunnel(connection, self._proxy, host, port, self._trust)
        except TimeoutError:
            raise ConnectTimeoutError(endpoint_url=self._url) from None
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self._url, error=error) from error
        return connection


class _Connection(asyncio.Protocol):
    """One connection. Its parser tells what comes to the methods that begin with `on_`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, url: str) -> None:
        self._loop = loop
        self._url = url
        self._parser = HttpResponseParser(self)
        self._timer: asyncio.TimerHandle | None = None
        self._awaited: asyncio.Future[Answer] = loop.create_future()
        self._awaited.cancel()  # nothing is awaited yet
        self._unread = 0
        self._lasts = True
        self._answered_at = 0.0

    def exchange(self, request: bytes) -> asyncio.Future[Answer]:
        """Ends as `HttpConnections.exchange` says of requests that were sent."""
        self._awaited = self._loop.create_future()
        self._unread = MOST_ANSWER_BYTES
        if self._lasts:
            self._transport.write(request)
            self._listen()
        else:
            self._fail(ConnectionClosedError(endpoint_url=self._url))
        return self._awaited

    def is_fresh(self) -> bool:
        """It may carry another request."""
        return self._lasts and self._loop.time() - self._answered_at < IDLE_SECONDS

    def close(self) -> None:
        self._lasts = False
        self._stop_listening()
        self._transport.abort()

    def _fail(self, error: Exception) -> None:
        self.close()
        if not self._awaited.done():
            self._awaited.set_exception(error)

    def _listen(self) -> None:
        self._stop_listening()
        self._timer = self._loop.call_later(READ_SECONDS, self._hears_nothing)

    def _stop_listening(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _hears_nothing(self) -> None:
        self._fail(ReadTimeoutError(endpoint_url=self._url))

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(ConnectionClosedError(endpoint_url=self._url))

    def data_received(self, data: bytes) -> None:
        self._unread -= len(data)
        try:
            if self._awaited.done() or self._unread < 0:
                raise BrokenAnswer
            self._parser.feed_data(data)
        except (BrokenAnswer, HttpParserError):
            self._fail(BrokenAnswer())
            return
        if not self._awaited.done():
            self._listen()

    def on_message_begin(self) -> None:
        if self._awaited.done():
            raise BrokenAnswer
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_body(self, piece: bytes) -> None:
        self._body.append(piece)

    def on_message_complete(self) -> None:
        self._stop_listening()
        self._lasts = self._parser.should_keep_alive()
        self._answered_at = self._loop.time()
        self._awaited.set_result(Answer(self._parser.get_status_code(), self._headers, b"".join(self._body)))
