"""What the parser tells of requests, wherever packets end. What it refuses is told by the tests of connections."""

import pytest

from app.http.faults import BROKEN
from app.http.head import Head
from app.http.request_parser import BODY, HEADERS, MOST_REQUESTS, NOTHING, RequestParser, SocketAsked

MOST_BYTES = 1_000
POST = b"POST /a%20b?c=%20 HTTP/1.1\r\nHost: x\r\n"
PLAIN = POST + b"Content-Length: 4\r\n\r\nbody"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Api-Key: eve\r\n\r\n"
UPGRADE = POST + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\nbody"
SOCKET = b"GET /graphql/realtime HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"


class Told:
    """Each request with its body; `open` until it has ended."""

    def __init__(self) -> None:
        self.requests: list[tuple[Head, bytes]] = []
        self.open = False

    def asked(self, head: Head) -> None:
        assert not self.open
        self.open = True
        self.requests.append((head, b""))

    def fed(self, body: bytes) -> None:
        assert self.open
        head, before = self.requests[-1]
        self.requests[-1] = head, before + body

    def ended(self) -> None:
        assert self.open
        self.open = False


def parser(told: Told, *, sockets: bool = True) -> RequestParser:
    return RequestParser(told, {"type": "http"}, MOST_BYTES, sockets=sockets)


@pytest.mark.parametrize("size", [1, 7, 50, 10_000])
def test_each_request_is_told_once_with_its_headers_and_its_body(size: int) -> None:
    told, said = Told(), PLAIN + CHUNKED + b"\r\n" + UPGRADE + UPGRADE + PLAIN
    parsing = parser(told)
    for place in range(0, len(said), size):
        assert parsing.feed(said[place : place + size]) is None
    assert [body for _, body in told.requests] == [b"body"] * 5
    assert not told.open
    names = [[name for name, _ in head.scope["headers"]] for head, _ in told.requests]
    plain = [b"host", b"content-length"]
    upgrade = [b"host", b"connection", b"content-length"]
    assert names == [plain, [b"host", b"transfer-encoding"], upgrade, upgrade, plain]
    assert all(head.sender.digest is None for head, _ in told.requests), "what follows a body is no credential"


def test_a_packet_holds_a_bounded_number_of_requests() -> None:
    told = Told()
    parsing = parser(told)
    assert parsing.feed(PLAIN * MOST_REQUESTS) is None
    assert parsing.feed(PLAIN * MOST_REQUESTS) is None, "each packet may"
    assert parsing.feed(PLAIN * (MOST_REQUESTS + 1)) is BROKEN
    assert len(told.requests) == 3 * MOST_REQUESTS


def test_the_scope_is_as_asgi_has_it() -> None:
    told = Told()
    parser(told).feed(PLAIN)
    [(head, _)] = told.requests
    assert head.scope == {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/a b",
        "raw_path": b"/a%20b",
        "query_string": b"c=%20",
        "headers": ((b"host", b"x"), (b"content-length", b"4")),
    }


def test_what_is_owed_is_told_at_any_moment() -> None:
    parsing, owed = parser(Told()), list[object]()
    for part in (b"POST", POST[4:] + b"Content-Length: 4\r\n\r\n", b"bo", b"dy", b"\r\n", b"G"):
        parsing.feed(part)
        owed.append(parsing.owed)
    assert owed == [HEADERS, BODY, BODY, NOTHING, NOTHING, HEADERS]
    assert parsing.count == 2


def test_who_asks_for_a_socket_has_it_where_there_are_any() -> None:
    with pytest.raises(SocketAsked) as asked:
        parser(Told()).feed(SOCKET)
    assert asked.value.target == b"/graphql/realtime"
    assert (b"upgrade", b"websocket") in asked.value.headers
    told = Told()
    assert parser(told, sockets=False).feed(SOCKET) is None
    assert [head.scope["method"] for head, _ in told.requests] == ["GET"]
