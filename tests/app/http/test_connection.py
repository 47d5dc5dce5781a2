"""What a connection may take: deadlines, sizes, framing. Spoken over bare sockets, as attackers do."""

import asyncio
import contextlib
import itertools
import random
import socket
from importlib.metadata import version

import orjson
import pytest

from app.execution import Answer
from app.http.request_parser import MOST_REQUESTS
from tests.app.http.conftest import Running, Serve
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEAD = b"POST /graphql HTTP/1.1\r\nhost: x\r\nx-api-key: ada\r\ncontent-type: application/json\r\n"
BODY = b'{"query": "{ a }"}'
GOOD = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY


def statuses(said: bytes) -> list[int]:
    """The status of each answer in what a server said."""
    return [int(part[:3]) for part in said.split(b"HTTP/1.1 ")[1:]]


def content(said: bytes) -> dict:
    return orjson.loads(said.partition(b"\r\n\r\n")[2])


async def drip(port: int, beginning: bytes, drop: bytes) -> bytes:
    """Sends a beginning and then a byte now and then, until the server ends it; what the server said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(beginning)
    said = bytearray()  # kept also when the end is a reset, as after bytes that nobody read

    async def hear() -> None:
        while part := await reader.read(65_536):
            said.extend(part)

    hearing = asyncio.create_task(hear())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not hearing.done():
                writer.write(drop)
                await asyncio.wait([hearing], timeout=0.05)
            await hearing
    except ConnectionError:
        pass
    finally:
        writer.close()
    return bytes(said)


async def flood(writer: asyncio.StreamWriter) -> None:
    """Asks on and on, as long as the system's buffers take it."""
    while True:
        writer.write(GOOD * 1000)
        await writer.drain()


async def test_connections_are_written_against_this_uvicorn():
    """Its server makes and ends our connections: read app/http/connection.py again before this version moves."""
    assert version("uvicorn").startswith("0.54.")


class TestSlowClients:
    async def test_headers_that_drip_are_cut_off(self, serve: Serve):
        async with serve(header_seconds=0.4, body_seconds=60) as site:
            said = await drip(site.port, HEAD + b"x-slow: ", b"a")
            assert statuses(said) == [408]
            assert content(said)["errors"][0]["errorType"] == "RequestTimeoutException"

    async def test_a_connection_that_says_nothing_is_closed(self, serve: Serve):
        async with serve(header_seconds=0.4) as site:
            assert await site.talk() == b""

    async def test_line_ends_between_requests_do_not_keep_a_connection(self, serve: Serve):
        async with serve(header_seconds=0.4, keep_alive_seconds=60) as site:
            assert statuses(await drip(site.port, GOOD, b"\r\n"))[0] == 200

    async def test_a_body_that_drips_is_cut_off_and_not_executed(self, serve: Serve):
        async with serve(body_seconds=0.4, header_seconds=60) as site:
            assert statuses(await drip(site.port, HEAD + b"content-length: 5000\r\n\r\n{", b" ")) == [408]
            assert site.service.requests == []

    async def test_chunks_that_drip_are_cut_off(self, serve: Serve):
        async with serve(body_seconds=0.4, header_seconds=60) as site:
            assert statuses(await drip(site.port, HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n")) == [408]

    async def test_the_second_request_of_a_connection_has_the_same_deadlines(self, serve: Serve):
        async with serve(header_seconds=0.4, body_seconds=0.4, keep_alive_seconds=60) as site:
            assert statuses(await drip(site.port, GOOD + HEAD + b"x-slow: ", b"a")) == [200, 408]
            assert statuses(await drip(site.port, GOOD + HEAD + b"content-length: 500\r\n\r\n", b" ")) == [200, 408]

    async def test_a_late_body_after_its_refusal_is_cut_off_without_a_second_answer(self, serve: Serve):
        async with serve(body_seconds=0.4) as site:
            said = await drip(site.port, HEAD + b"content-length: 100000000\r\n\r\n", b" " * 1000)
            assert statuses(said) == [413]

    async def test_fifty_of_them_hold_up_nobody(self, serve: Serve):
        async with serve(header_seconds=1, body_seconds=1) as site:
            beginnings = [HEAD + b"x-slow: ", HEAD + b"content-length: 5000\r\n\r\n{"] * 25
            drips = [asyncio.create_task(drip(site.port, beginning, b"a")) for beginning in beginnings]
            while not all(task.done() for task in drips):
                assert (await site.post()).status == 200
            assert {tuple(statuses(await task)) for task in drips} <= {(408,), ()}

    async def test_an_idle_connection_is_closed(self, serve: Serve):
        async with serve(keep_alive_seconds=1) as site:
            assert statuses(await site.talk(GOOD)) == [200]

    async def test_a_slow_answer_is_not_the_clients_fault(self, serve: Serve):
        async with serve(header_seconds=0.2, body_seconds=0.2, keep_alive_seconds=1) as site:
            site.service.release.clear()
            talking = asyncio.create_task(site.talk(GOOD + GOOD))
            async with asyncio.timeout(PATIENCE_SECONDS):
                await site.service.begun.acquire()
            await asyncio.sleep(0.6)  # three deadlines
            site.service.release.set()
            assert statuses(await talking) == [200, 200]

    async def test_a_client_that_does_not_read_is_cut_off(self, serve: Serve):
        async with serve(body_seconds=0.4, keep_alive_seconds=1) as site:
            site.service.answer = Answer(200, {"data": "x" * 30_000_000})
            deaf = socket.socket()
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(deaf, ("127.0.0.1", site.port))
            await loop.sock_sendall(deaf, GOOD)
            async with asyncio.timeout(PATIENCE_SECONDS):
                await site.service.begun.acquire()
            await until(lambda: not site.server.server_state.connections)
            deaf.close()


class TestSizes:
    @pytest.mark.parametrize(
        "beginning",
        [
            HEAD + b"x-long: " + b"a" * 40_000 + b"\r\n\r\n",
            HEAD + b"x-long: " + b"a" * 200_000,
            HEAD + b"".join(b"x-%d: a\r\n" % number for number in range(101)) + b"\r\n",
            HEAD + b"".join(b"x-%d: a\r\n" % number for number in range(50_000)),
            b"GET /" + b"a" * 200_000,
            b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        ],
        ids=["one line", "one line without end", "many", "many without end", "path without end", "path"],
    )
    async def test_large_headers_are_refused(self, site: Running, beginning):
        said = await site.talk(beginning)
        assert statuses(said) == [431]
        assert content(said)["errors"][0]["errorType"] == "RequestHeaderFieldsTooLargeException"

    async def test_a_body_that_nobody_reads_is_bounded(self, site: Running):
        async def send() -> int:
            _, writer = await asyncio.open_connection("127.0.0.1", site.port)
            writer.write(HEAD + b"transfer-encoding: chunked\r\n\r\n")
            sent = 0
            try:
                while sent < 200_000_000:
                    writer.write(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
                    await writer.drain()
                    sent += 0x100000
            except ConnectionError:
                pass
            finally:
                writer.close()
            return sent

        assert await send() < 100_000_000

    async def test_more_connections_than_allowed_are_told_so_and_health_still_answers(self, serve: Serve):
        async with serve(max_connections=3, keep_alive_seconds=60, header_seconds=60) as site:
            held = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(3)]
            try:
                said = await site.talk(GOOD.replace(b"host: x", b"host: x\r\nconnection: close"))
                assert statuses(said) == [503]
                assert b"retry-after: 1\r\n" in said
                said = await site.talk(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                assert statuses(said) == [200]
            finally:
                for _, writer in held:
                    writer.close()

    async def test_far_more_connections_are_cut(self, serve: Serve):
        async with serve(max_connections=2, keep_alive_seconds=60, header_seconds=60) as site:
            held = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(4)]
            try:
                with contextlib.suppress(ConnectionError):
                    assert await site.talk(GOOD) == b""
                assert site.service.requests == []
            finally:
                for _, writer in held:
                    writer.close()


class TestFraming:
    @pytest.mark.parametrize(
        "request_",
        [
            HEAD + b"content-length: 18\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + GOOD,
            HEAD + b"transfer-encoding: chunked\r\ncontent-length: 18\r\n\r\n" + BODY + GOOD,
            HEAD + b"content-length: 18\r\ncontent-length: 0\r\n\r\n" + BODY,
            HEAD + b"content-length: 18, 18\r\n\r\n" + BODY,
            HEAD + b"content-length: +18\r\n\r\n" + BODY,
            HEAD + b"content-length: -1\r\n\r\n" + BODY,
            HEAD + b"content-length: 0x12\r\n\r\n" + BODY,
            HEAD + b"content-length: 99999999999999999999999\r\n\r\n" + BODY,
            HEAD + b"content-length : 18\r\n\r\n" + BODY,
            HEAD + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
            HEAD + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
            HEAD + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
            HEAD + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
            HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nabcdefgh\r\n0\r\n\r\n",
            HEAD + b"x-folded: a\r\n b\r\ncontent-length: 18\r\n\r\n" + BODY,
            HEAD + b"x-null: a\0b\r\ncontent-length: 18\r\n\r\n" + BODY,
            HEAD + b"x-return: a\rb\r\ncontent-length: 18\r\n\r\n" + BODY,
            HEAD + b"x bad: a\r\ncontent-length: 18\r\n\r\n" + BODY,
            HEAD + b"host: y\r\ncontent-length: 18\r\n\r\n" + BODY,
            HEAD.replace(b"host: x\r\n", b"") + b"content-length: 18\r\n\r\n" + BODY,
            HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            HEAD.replace(b"HTTP/1.1", b"HTTP/9.9") + b"content-length: 18\r\n\r\n" + BODY,
            HEAD.replace(b"HTTP/1.1", b"HTTP/2.0") + b"content-length: 18\r\n\r\n" + BODY,
            HEAD.replace(b"HTTP/1.1", b"HTTP/0.9") + b"content-length: 18\r\n\r\n" + BODY,
            HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\nx bad: a\r\n\r\n",
            HEAD.replace(b"POST /graphql", b"POST /gr\xffphql") + b"\r\n",
            HEAD.replace(b"POST /graphql", b"CONNECT x:80") + b"\r\n",
            HEAD.replace(b"POST", b"CONNECT") + b"\r\n",
            HEAD + b"connection: upgrade\r\nupgrade: h2c\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"meow\r\n\r\n",
            b"GET\r\n\r\n",
            b"\0" * 100,
        ],
        ids=lambda request: repr(request.removeprefix(HEAD)[:50]),
    )
    async def test_a_doubtful_request_has_one_answer_and_ends_the_connection(self, site: Running, request_):
        said = await site.talk(request_)
        assert statuses(said) == [400]
        assert content(said)["errors"][0]["errorType"] == "MalformedHttpRequestException"
        assert b"connection: close\r\n" in said
        assert site.service.requests == []

    async def test_requests_in_one_packet_are_answered_in_order(self, site: Running):
        last = GOOD.replace(b"host: x", b"host: x\r\nconnection: close")
        missing = b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n"
        assert statuses(await site.talk(GOOD + missing + last)) == [200, 404, 200]

    async def test_who_asks_without_waiting_for_answers_is_not_read_for_ever(self, serve: Serve):
        async with serve() as site:
            site.service.release.clear()
            _, writer = await asyncio.open_connection("127.0.0.1", site.port)
            async with asyncio.timeout(PATIENCE_SECONDS):
                writer.write(GOOD)
                await site.service.begun.acquire()
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(flood(writer), 1)
            (connection,) = site.server.server_state.connections
            assert len(connection._waiting) <= MOST_REQUESTS
            writer.transport.abort()

    async def test_what_follows_the_last_request_is_not_answered(self, site: Running):
        last = GOOD.replace(b"host: x", b"host: x\r\nconnection: close")
        assert statuses(await site.talk(last + GOOD)) == [200]
        assert len(site.service.requests) == 1

    async def test_rubbish_behind_a_good_request_takes_nothing_from_its_answer(self, site: Running):
        site.service.release.clear()
        talking = asyncio.create_task(site.talk(GOOD + b"meow meow\r\n\r\n"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await site.service.begun.acquire()
        site.service.release.set()
        assert statuses(await talking) == [200]

    async def test_a_request_in_single_bytes_is_a_request(self, site: Running):
        last = GOOD.replace(b"host: x", b"host: x\r\nconnection: close")
        assert statuses(await site.talk(*(bytes([byte]) for byte in last))) == [200]

    @pytest.mark.parametrize("seed", range(12))
    async def test_where_the_packets_end_makes_no_difference(self, site: Running, seed: int):
        chunked = HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
        missing = b"GET /nothing?a=%20b HTTP/1.1\r\nhost: x\r\n\r\n"
        last = GOOD.replace(b"host: x", b"host: x\r\nconnection: close")
        said, chance = chunked + missing + GOOD + b"\r\n" + chunked + last, random.Random(seed)
        ends = sorted(chance.sample(range(1, len(said)), chance.randrange(1, 40)))
        packets = [said[start:end] for start, end in itertools.pairwise((0, *ends, len(said)))]
        assert statuses(await site.talk(*packets)) == [200, 404, 200, 200, 200]
        assert [request.query for request in site.service.requests] == ["{ a }"] * 4

    async def test_who_was_refused_before_being_asked_for_the_body_is_not_listened_to_any_more(self, site: Running):
        request = (
            HEAD.replace(b"application/json", b"text/plain") + b"expect: 100-continue\r\ncontent-length: 18\r\n\r\n"
        )
        said = await site.talk(request)
        assert statuses(said) == [415]
        assert b"connection: close\r\n" in said
        assert site.service.requests == []

    async def test_a_client_that_expects_to_be_asked_for_its_body_is_asked(self, site: Running):
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(HEAD + b"expect: 100-continue\r\nconnection: close\r\ncontent-length: 18\r\n\r\n")
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
            writer.write(BODY)
            assert statuses(await reader.read()) == [200]
        writer.close()

    async def test_who_hangs_up_in_the_middle_is_forgotten(self, site: Running):
        _, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(HEAD + b"content-length: 100\r\n\r\n{")
        await writer.drain()
        writer.close()
        await until(lambda: bool(site.lines))
        assert site.lines[0]["status"] == 499
        assert site.service.requests == []
        assert (await site.post()).status == 200

    @pytest.mark.parametrize("cut", [0, 30, 200], ids=["at once", "in its head", "in its body"])
    async def test_a_request_for_what_is_not_spoken_is_like_any_other(self, site: Running, cut: int):
        """Java's client asks for HTTP/2 in this way, with the body of a POST behind it."""
        asking = HEAD + b"connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 18\r\n\r\n" + BODY
        last = GOOD.replace(b"host: x", b"host: x\r\nconnection: close")
        assert statuses(await site.talk(asking[:cut], asking[cut:] + asking * 90 + last)) == [200] * 92
        assert {request.query for request in site.service.requests} == {"{ a }"}

    async def test_what_comes_behind_a_body_is_no_header(self, site: Running):
        body = b"12\r\n" + BODY + b"\r\n0\r\nx-api-key: eve\r\nhost: y\r\n\r\n"
        said = await site.talk(HEAD + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n" + body)
        assert statuses(said) == [200]
        assert [caller.user_id for caller in site.service.callers] == ["ada"]

    @pytest.mark.parametrize("behind", [b"0\r\nx-long: ", b"0\r\nx: a\r\n", b"12;long="], ids=repr)
    async def test_nor_is_it_without_end(self, site: Running, behind: bytes):
        said = await drip(
            site.port,
            HEAD + b"transfer-encoding: chunked\r\n\r\n" + behind,
            behind.partition(b"\n")[2] * 1_000 + b"a" * 10_000,
        )
        assert statuses(said) == [431]
        assert site.service.requests == []

    async def test_a_client_of_http_1_0_is_not_told_to_continue(self, serve: Serve):
        async with serve(body_seconds=0.4) as site:
            head = HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"expect: 100-continue\r\ncontent-length: 18\r\n\r\n"
            assert statuses(await site.talk(head)) == [408]

    async def test_who_is_still_sending_can_read_the_last_answer(self, site: Running):
        """Closed at once, the connection would be reset by what comes, and the answer lost with it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(HEAD + b"connection: close\r\ncontent-length: 2000000\r\n\r\n")
        await until(lambda: bool(site.lines))
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in range(20):
                writer.write(b" " * 100_000)
                await writer.drain()
            assert statuses(await reader.read()) == [413]
        writer.close()
