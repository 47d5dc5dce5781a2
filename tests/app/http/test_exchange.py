"""Bodies and answers in one piece, on the wire as if they had come and gone in messages."""

import asyncio

import pytest

from app.http.cors import Cors
from app.http.replies import Header, Reply
from tests.app.http.conftest import Running, Serve

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = b'{"query": "{ a }"}'


def request(*more: bytes, body: bytes = BODY) -> bytes:
    lines = (b"POST /graphql HTTP/1.1", b"host: x", b"x-api-key: ada", b"content-type: application/json", *more)
    return b"\r\n".join((*lines, b"content-length: %d" % len(body), b"", body))


async def test_a_body_in_pieces_and_one_that_waits_to_be_asked_for_are_answered_alike(site: Running) -> None:
    whole, close = request(b"connection: close"), b"connection: close"
    head, _, body = whole.partition(b"\r\n\r\n")
    answers = [await site.talk(whole), await site.talk(head + b"\r\n\r\n", body[:5], body[5:])]
    expecting = request(close, b"expect: 100-continue")
    answers.append((await site.talk(expecting)).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n"))
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
        assert answer.endswith(b'\r\nconnection: close\r\n\r\n{"data":{"a":1}}')
    assert len(site.service.requests) == 3


async def test_requests_in_a_row_are_answered_in_order(site: Running) -> None:
    many = b"".join(request(body=b'{"query": "{ a }", "operationName": "Q%d"}' % number) for number in range(5))
    answer = await site.talk(many + request(b"connection: close"))
    assert answer.count(b"HTTP/1.1 200 OK") == 6
    assert [each.operation_name for each in site.service.requests] == ["Q0", "Q1", "Q2", "Q3", "Q4", None]


async def test_a_client_that_hangs_up_before_its_answer_stops_nothing(site: Running) -> None:
    site.service.release.clear()
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(request())
    await site.service.begun.acquire()
    writer.close()
    await writer.wait_closed()
    site.service.release.set()
    assert (await site.post()).status == 200


async def test_no_header_of_an_answer_begins_another(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    forged: tuple[Header, ...] = ((b"x-app", b"1\r\nset-cookie: a=b"),)
    monkeypatch.setattr(Cors, "preflight", lambda *_: Reply(200, headers=forged))
    async with serve() as site:
        response = await site.client.options("/graphql")
        assert response.status == 500
        assert "set-cookie" not in response.headers
