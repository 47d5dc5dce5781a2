"""A head that came a moment ago is not parsed again; what differs from it by one byte is."""

import asyncio
import itertools
import re
from collections.abc import Mapping
from typing import Any

import httptools
import pytest
from starlette.types import Receive, Scope, Send

from app.auth.authenticator import Authenticator
from app.auth.config import ApiKeyConfig, AuthConfig
from app.auth.recent_callers import sender_of
from app.http.deadlines import NEVER
from app.http.head import Head
from app.http.known_head import MOST_BYTES, MOST_VAIN, KnownHead
from datasources.api_keys import ApiKey, key_hash
from domain.errors import Code, DomainError
from domain.times import Timestamp, from_epoch
from tests.app.auth.signing import NOW, Clock
from tests.app.http.conftest import Running
from tests.app.http.test_exchange import connected, serving
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINES = (
    b"POST /graphql?a=b HTTP/1.1",
    b"Host: x",
    b"X-Api-Key: ada",
    b"Content-Length: 18",
    b"Content-Type: application/json",
)
BODY = b'{"query": "{ a }"}'


def packet(*lines: bytes, body: bytes = BODY) -> bytes:
    return b"\r\n".join((*lines, b"", body))


GOOD = packet(*LINES)


class Parsed:
    """What the parser finds in a packet."""

    def __init__(self, data: bytes) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.url, self.body, self.begun, self.ended = b"", b"", 0, 0
        self.parser: Any = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)
        self.version, self.method = self.parser.get_http_version(), self.parser.get_method()

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.ended += 1

    @property
    def scope(self) -> Mapping[str, Any]:
        return {
            "http_version": self.version,
            "method": self.method.decode(),
            "raw_path": self.url,
            "path": self.url.decode("latin-1"),
            "headers": tuple(self.headers),
        }


def known(data: bytes = GOOD) -> KnownHead:
    parsed = Parsed(data)
    assert (parsed.begun, parsed.ended) == (1, 1)
    head = KnownHead()
    head.keep(data, Head(parsed.scope, sender_of(parsed.headers), plain_json=True))
    assert head.request(data) is not None
    return head


class TestBytes:
    @pytest.mark.parametrize("sizes", [(18, 99, 10, 18), (1, 9, 0), (100_000, 999_999)])
    async def test_the_same_head_with_another_body_is_known(self, sizes: tuple[int, ...]) -> None:
        packets = [packet(*LINES, body=b"x" * size).replace(b" 18\r\n", b" %d\r\n" % size) for size in sizes]
        head = known(packets[0])
        for asked, size in zip(packets, sizes, strict=True):
            found = head.request(asked)
            assert found is not None
            assert found[1] == b"x" * size
            assert found[0].scope["headers"] == tuple(Parsed(asked).headers)

    async def test_what_differs_by_one_byte_is_left_to_the_parser(self) -> None:
        """Every byte of the head taken out, doubled, or changed for each of those that mean something."""
        head, end = known(), GOOD.index(b"\r\n\r\n") + 4
        for place in range(end):
            before, byte, after = GOOD[:place], GOOD[place : place + 1], GOOD[place + 1 :]
            changed = (
                byte + byte,
                b"",
                *(bytes([each]) for each in b'\r\n\t\0 :;,+-._/?018Aaz\x7f\xff"'),
                byte.swapcase(),
            )
            for other in changed:
                assert (head.request(before + other + after) is None) == (other != byte)

    @pytest.mark.parametrize(
        "asked",
        [
            GOOD + b"\r\n",
            GOOD + GOOD,
            GOOD[:-1],
            GOOD[:40],
            b"\r\n" + GOOD,
            GOOD.replace(b"18", b"\xc2\xb2"),
            GOOD.replace(b"18", b"1_8"),
            GOOD.replace(b"18", b"018"),
            packet(*LINES, body=b"x" * 100).replace(b"18", b"100"),
            packet(*LINES, body=b"x" * 100).replace(b"18", b"101"),
            packet(*LINES, body=b"x" * 6).replace(b"18", b"5"),
            packet(*LINES, body=b"").replace(b"18", b"-1"),
            packet(*LINES, body=b"")[:-1].replace(b"18", b"-1"),
            b"",
        ],
    )
    async def test_more_or_less_than_one_request_is_left_to_the_parser(self, asked: bytes) -> None:
        assert known().request(asked) is None

    @pytest.mark.parametrize(
        "data",
        [
            packet(*LINES[:3]).replace(BODY, b""),
            packet(*LINES[:3], b"transfer-encoding: chunked", body=b"0\r\n\r\n"),
            GOOD + b"\r\n",
            b"\r\n\r\n" + GOOD,
            packet(*LINES, b"x-long: " + b"a" * MOST_BYTES),
            GOOD.replace(b"Host: x\r\n", b"Host: x\n"),
        ],
        ids=["no length", "chunks", "line end behind", "line ends before", "long", "bare line feed"],
    )
    async def test_what_is_not_plainly_a_head_and_its_body_is_not_kept(self, data: bytes) -> None:
        head = KnownHead()
        head.keep(data, Head.of({"headers": ()}))
        assert head.request(data) is None


_CHANGING = re.compile(rb"date: [^\r]*|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def replies(port: int, *requests: bytes) -> list[bytes]:
    """What is said to each of these, one after the other over one connection, without dates and ids."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = list[bytes]()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for request in requests:
                writer.write(request)
                try:
                    said.append(await reader.readuntil(b"come back"))
                except asyncio.IncompleteReadError as ended:
                    said.append(ended.partial)
    finally:
        writer.close()
    return [_CHANGING.sub(b"*", each) for each in said]


class Recording:
    """An application that remembers what it was asked."""

    def __init__(self) -> None:
        self.begun = 0
        self.asked: list[tuple[Mapping[str, Any], bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        told = {name: value for name, value in scope.items() if name not in ("state", "client")}
        self.asked.append(({**told, "headers": list(told["headers"])}, body))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b"come back"})


OTHERS = {
    "nothing": GOOD,
    "method": GOOD.replace(b"POST", b"PUT"),
    "target": GOOD.replace(b"/graphql?a=b", b"/graphql?a=c"),
    "path": GOOD.replace(b"/graphql?", b"/%67raphql?"),
    "absolute target": GOOD.replace(b"/graphql?", b"http://x/graphql?"),
    "version": GOOD.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "no such version": GOOD.replace(b"HTTP/1.1", b"HTTP/1.9"),
    "case of a name": GOOD.replace(b"X-Api-Key", b"x-api-key"),
    "case of a value": GOOD.replace(b"ada", b"Ada"),
    "order": packet(LINES[0], LINES[2], LINES[1], *LINES[3:]),
    "space": GOOD.replace(b": ada", b":  ada"),
    "another credential": GOOD.replace(b"ada", b"eve"),
    "a second credential": packet(*LINES, b"X-Api-Key: eve"),
    "a credential less": packet(*LINES[:2], *LINES[3:]),
    "another host": GOOD.replace(b"Host: x", b"Host: y"),
    "two hosts": packet(*LINES[:2], b"Host: x", *LINES[2:]),
    "no host": packet(LINES[0], *LINES[2:]),
    "two lengths": packet(*LINES, b"Content-Length: 18"),
    "two other lengths": packet(*LINES, b"Content-Length: 0"),
    "length and chunks": packet(*LINES, b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "chunks": packet(*LINES[:3], b"Transfer-Encoding: chunked", LINES[4], body=b"2\r\n{}\r\n0\r\n\r\n"),
    "sign in the length": GOOD.replace(b" 18", b" +18"),
    "zero in the length": GOOD.replace(b" 18", b" 018"),
    "list of lengths": GOOD.replace(b" 18", b" 18, 18"),
    "longer body": packet(*LINES, body=BODY + b" ").replace(b" 18", b" 19"),
    "no body": packet(*LINES, body=b"").replace(b" 18", b" 0"),
    "body and a half": packet(*LINES, body=BODY + b"POST "),
    "folded line": packet(*LINES, b" folded"),
    "the end": packet(*LINES, b"Connection: close"),
    "an upgrade": packet(*LINES, b"Connection: upgrade", b"Upgrade: websocket"),
    "expecting": packet(*LINES, b"Expect: 100-continue"),
    "line end before": b"\r\n" + GOOD,
    "line end behind": GOOD + b"\r\n",
    "rubbish": b"meow\r\n\r\n",
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
async def test_on_a_connection_whose_head_is_known_a_request_is_what_it_is_on_a_new_one(other: bytes) -> None:
    application = Recording()
    async with serving(application) as port:
        [alone] = await replies(port, other)
        asked_alone = application.asked[:]
        application.asked.clear()
        [*_, behind] = await replies(port, GOOD, GOOD, GOOD, other)
    assert len(application.asked) >= 3
    assert application.asked[:3] == [application.asked[0]] * 3
    assert behind.startswith(b"HTTP/1.1 ")
    assert (behind, application.asked[3:]) == (alone, asked_alone)


async def test_half_a_body_waits_for_the_other_half() -> None:
    application = Recording()
    async with serving(application) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(PATIENCE_SECONDS):
            for part in (GOOD, GOOD, GOOD[:-9]):
                writer.write(part)
                if part == GOOD:
                    await reader.readuntil(b"come back")
            await until(lambda: application.begun == 3)
            writer.write(GOOD[-9:])
            await reader.readuntil(b"come back")
        writer.close()
    assert application.asked == [application.asked[0]] * 3


async def test_heads_that_alternate_are_told_apart() -> None:
    application = Recording()
    users = [GOOD.replace(b"ada", name) for name in (b"ada", b"eve", b"ada", b"ada", b"ada", b"eve", b"eve", b"eve")]
    async with serving(application) as port:
        await replies(port, *users)
    assert [dict(scope["headers"])[b"x-api-key"] for scope, _ in application.asked] == [
        dict(Parsed(each).headers)[b"x-api-key"] for each in users
    ]


async def test_it_is_the_third_request_that_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, the others here would hold as well if nothing were ever known."""
    found = list[bool]()
    look = KnownHead.request

    def looked(self: KnownHead, data: bytes) -> tuple[Head, bytes] | None:
        request = look(self, data)
        found.append(request is not None)
        return request

    monkeypatch.setattr(KnownHead, "request", looked)
    async with serving(Recording()) as port:
        await replies(port, *itertools.repeat(GOOD, 5), packet(*LINES, body=BODY * 2).replace(b" 18", b" 36"))
        assert found == [False, *[True] * 4]
        found.clear()
        await replies(port, GOOD, GOOD, GOOD.replace(b"ada", b"eve"), GOOD, GOOD, GOOD)
        assert found == [False, False, False, True, True]


async def test_where_all_heads_differ_none_is_kept_any_more() -> None:
    application = Recording()
    _, connection = connected(application)
    numbered = [packet(*LINES, b"X-Trace: %d" % number) for number in range(MOST_VAIN + 3)]
    kept = list[bool]()
    for asked in numbered:
        connection.data_received(asked)
        await until(lambda: connection.due != NEVER)
        kept.append(connection._known._head is not None)
    assert kept == [False, *[True] * MOST_VAIN, False, False]
    connection.connection_lost(None)


async def test_a_head_that_came_again_was_not_kept_in_vain() -> None:
    known = KnownHead()
    for number in range(2 * MOST_VAIN):
        asked = packet(*LINES, b"X-Token: %d" % number)
        parsed = Parsed(asked)
        known.keep(asked, Head(parsed.scope, sender_of(parsed.headers), plain_json=True))
        assert known.request(asked) is not None


async def test_what_has_no_body_takes_nothing_from_a_known_head() -> None:
    _, connection = connected(Recording())
    without = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    kept = list[bool]()
    for asked in (without, GOOD, *[without] * MOST_VAIN):
        connection.data_received(asked)
        await until(lambda: connection.due != NEVER)
        kept.append(connection._known.request(GOOD) is not None)
    assert kept == [False, *[True] * (MOST_VAIN + 1)]
    connection.connection_lost(None)


async def test_a_known_request_has_its_turn_and_its_time_as_any_other() -> None:
    begun, release = asyncio.Semaphore(0), asyncio.Semaphore(0)
    application = Recording()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        begun.release()
        await release.acquire()
        await application(scope, receive, send)

    _, connection = connected(slow)
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in range(3):
            connection.data_received(GOOD)
            await begun.acquire()
            assert connection.due == NEVER, "it is not the client who is slow"
            release.release()
            await until(lambda: connection.due != NEVER)
        for _ in range(3):
            connection.data_received(GOOD)
        await begun.acquire()
        await asyncio.sleep(0)
        assert begun.locked(), "the others wait"
        for _ in range(3):
            release.release()
        await until(lambda: len(application.asked) == 6)
    connection.connection_lost(None)


class Keys:
    """A store of API keys whose only one can be taken back."""

    def __init__(self, key: str) -> None:
        self.keys = (ApiKey(key_hash(key), "", from_epoch(NOW - 9), from_epoch(NOW + 20)),)

    async def list(self, now: Timestamp) -> tuple[ApiKey, ...]:
        return self.keys


class TestCredentials:
    """What ends a credential ends it where the head is known, too. So does a rate: see the endpoint's tests."""

    KEY = "da2-storedstoredstoredstoredst"

    def signs_in(self, site: Running, monkeypatch: pytest.MonkeyPatch) -> tuple[Authenticator, Keys, Clock]:
        keys, clock = Keys(self.KEY), Clock()
        config = AuthConfig(api_keys=ApiKeyConfig())
        authenticator = Authenticator(config, stored_keys=keys, lambda_authorizer=None, key_sets={}, clock=clock)  # type: ignore[arg-type]
        monkeypatch.setattr(site.service, "recognize", authenticator.recognize)
        monkeypatch.setattr(
            site.service, "identify", lambda shown, operation: authenticator.authenticate(shown, operation=operation)
        )
        return authenticator, keys, clock

    async def statuses(self, site: Running, times: int) -> list[int]:
        return [(await site.post(x_api_key=self.KEY)).status for _ in range(times)]

    async def test_one_that_expires(self, site: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        _, _, clock = self.signs_in(site, monkeypatch)
        assert await self.statuses(site, 4) == [200] * 4
        clock.time = NOW + 20
        assert await self.statuses(site, 2) == [401] * 2

    async def test_one_that_is_taken_back(self, site: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        authenticator, keys, _ = self.signs_in(site, monkeypatch)
        assert await self.statuses(site, 4) == [200] * 4
        keys.keys = ()
        authenticator.forget()
        assert await self.statuses(site, 2) == [401] * 2

    async def test_a_session_that_is_revoked(self, site: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        async def revoked(_: object) -> None:
            raise DomainError(Code.UNAUTHORIZED_REQUEST, "The session was ended.")

        assert await self.statuses(site, 4) == [200] * 4
        monkeypatch.setattr(site.service, "admit", revoked)
        assert await self.statuses(site, 2) == [401] * 2
