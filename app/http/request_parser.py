"""Requests in what a client sends: found by httptools, and refused where anybody could read them in another way."""

import enum
from collections.abc import Mapping
from typing import Any, NoReturn, Protocol
from urllib.parse import unquote

import httptools

from app.auth.recent_callers import sender_of
from app.http.body import is_plain_json
from app.http.faults import BROKEN, LARGE_HEADERS, NO_HOST, OLD_FRAMING, UNKNOWN_VERSION, Fault
from app.http.head import Head
from app.http.headers import Header, header_lines

MOST_HEADERS = 100
MOST_REQUESTS = 100
"""In one packet. Thousands fit into it, and each waits with many times the memory that it came in."""


class Owed(enum.Enum):
    """What the client owes us at the moment."""

    HEADERS = enum.auto()
    BODY = enum.auto()
    NOTHING = enum.auto()


HEADERS, BODY, NOTHING = Owed


class Asked(Protocol):
    """Whom the requests are for. Of each it is told the head, the parts of the body as they come, and the end."""

    def asked(self, head: Head) -> None: ...

    def fed(self, body: bytes) -> None: ...

    def ended(self) -> None: ...


class SocketAsked(Exception):
    """The connection is to speak WebSocket from here on.

    Attributes:
        target, headers: of the request that asks for it.
    """

    def __init__(self, target: bytes, headers: list[Header]) -> None:
        super().__init__("a WebSocket is asked for")
        self.target = target
        self.headers = headers


class _Refused(Exception):
    """Stops httptools; the reason is in `_fault`, because it hides exceptions of callbacks."""


class RequestParser:
    """Of one connection.

    Attributes:
        owed: what the client has to send next. Between two requests it is nothing.
        count: how many requests have begun.
    """

    def __init__(self, client: Asked, line: Mapping[str, Any], most_bytes: int, *, sockets: bool) -> None:
        """
        Args:
            line: what ASGI's scope tells of every request of the connection.
            most_bytes: of request line and headers together.
            sockets: whether WebSockets are spoken.
        """
        self.owed = HEADERS
        self.count = 0
        self._most_count = MOST_REQUESTS
        self._client = client
        self._line = line
        self._most_bytes = most_bytes
        self._sockets = sockets
        self._parser = self._new_parser()
        self._packet_bytes = self._settled_bytes = self._arrived_bytes = 0
        self._url = b""
        self._headers: list[Header] = []
        self._fault = BROKEN

    def _new_parser(self) -> Any:
        parser = httptools.HttpRequestParser(self)
        # An answer to the first of several requests in one packet may well be the last; what follows is dropped here.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def feed(self, data: bytes) -> Fault | None:
        """Why nothing more can be read from this client, if so.

        Raises:
            SocketAsked: there is no request any more.
        """
        self._packet_bytes = size = len(data)
        self._arrived_bytes += size
        self._most_count = self.count + MOST_REQUESTS
        unparsed: bytes | memoryview = data
        try:
            while unparsed:
                try:
                    self._parser.feed_data(unparsed)
                    break
                except httptools.HttpParserUpgrade as stop:
                    unparsed = memoryview(unparsed)[stop.args[0] :]
                    self._meet_upgrade()
        except httptools.HttpParserError:
            return self._fault
        if self.owed is not NOTHING and self._arrived_bytes - self._settled_bytes > self._most_bytes:
            return LARGE_HEADERS
        return None

    def skip_body(self) -> None:
        """The rest of it came another way, all of it."""
        self._parser = self._new_parser()
        self.on_message_complete()

    def close(self) -> None:
        """httptools' parser holds this one, and both would wait for the garbage collector."""
        self._parser = None

    # What httptools calls

    def on_message_begin(self) -> None:
        self.count += 1
        self.owed = HEADERS
        if self.count > self._most_count:
            self._stop(BROKEN)
        self._settled_bytes = self._arrived_bytes = self._packet_bytes
        self._url = b""
        self._headers = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        parser, headers = self._parser, self._headers
        by_name, version = dict(headers), parser.get_http_version()
        self._check(by_name, version)
        target, method = httptools.parse_url(self._url), parser.get_method().decode("ascii")
        if target.path is None or method == "CONNECT":
            self._stop(BROKEN)
        if parser.should_upgrade():
            return  # the parser stops here, and `_meet_upgrade` goes on
        path = target.path.decode("ascii")
        scope = {
            **self._line,
            "http_version": version,
            "method": method,
            "path": unquote(path) if "%" in path else path,
            "raw_path": target.path,
            "query_string": target.query or b"",
            "headers": tuple(headers),  # what comes behind a body is none of them, whatever its name
        }
        self._client.asked(
            Head(
                scope,
                sender_of(headers),
                is_plain_json(by_name),
                keep_alive=version == "1.1" and parser.should_keep_alive(),
                chunks=version == "1.1",
                expecting=version == "1.1" and by_name.get(b"expect", b"").lower() == b"100-continue",
                bodiless=method == "HEAD",
            )
        )
        self.owed = BODY

    def on_body(self, body: bytes) -> None:
        self._settled_bytes = self._arrived_bytes
        self._client.fed(body)

    def on_message_complete(self) -> None:
        told, self.owed = self.owed is BODY, NOTHING
        if told:  # else it asks for an upgrade
            self._client.ended()

    def _check(self, by_name: Mapping[bytes, bytes], version: str) -> None:
        headers, most_bytes = self._headers, self._most_bytes
        if len(headers) > MOST_HEADERS:
            self._stop(LARGE_HEADERS)
        if self._arrived_bytes > most_bytes:  # else there cannot be so many
            size = len(self._url) + sum(len(name) + len(value) for name, value in headers)
            if size > most_bytes:
                self._stop(LARGE_HEADERS)
        if b"host" not in by_name:
            if version == "1.1":
                self._stop(NO_HOST)
        elif len(by_name) < len(headers) and [name for name, _ in headers].count(b"host") > 1:
            self._stop(NO_HOST)
        if version != "1.1":
            if version != "1.0":
                self._stop(UNKNOWN_VERSION)
            if b"transfer-encoding" in by_name:
                self._stop(OLD_FRAMING)

    def _stop(self, fault: Fault) -> NoReturn:
        self._fault = fault
        raise _Refused

    def _meet_upgrade(self) -> None:
        """The connection leaves HTTP at the request that has just come; or else that is a request like any other.

        httptools stops at it and takes no body to belong to it, so another parser reads it anew, without that header.
        """
        method, wanted = self._parser.get_method(), dict(self._headers).get(b"upgrade", b"").lower()
        if self._sockets and wanted == b"websocket" and method == b"GET":
            raise SocketAsked(self._url, self._headers)
        line = b"%b %b HTTP/%b\r\n" % (method, self._url, self._parser.get_http_version().encode())
        lines = header_lines([each for each in self._headers if each[0] != b"upgrade"])
        self._parser = self._new_parser()
        self.count -= 1
        self._parser.feed_data(line + lines + b"\r\n")
