"""Logs: one JSON object a line, no secrets, no forged lines."""

import asyncio
import io
import logging
import time
from typing import Any

import orjson
import pytest

from app import logs

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"


@pytest.fixture
def out():
    stream = io.StringIO()
    before = logging.getLogger().handlers[:]
    logs.configure("INFO", stream)
    yield stream
    logging.getLogger().handlers[:] = before


def lines(out: io.StringIO) -> list[dict]:
    return [orjson.loads(line) for line in out.getvalue().splitlines()]


def access_line(request_id: str, status: int = 200) -> logs.AccessLine:
    return logs.AccessLine(request_id=request_id, method="POST", path="/graphql", status=status)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"GET /graphql/realtime?header={JWT}&payload=e30= HTTP/1.1", JWT),
        ("/graphql?header=eyJob3N0IjoiYSJ9&payload=e30=", "eyJob3N0"),
        ("?a=1&token=s3cr3t&b=2", "s3cr3t"),
        ("sec-websocket-protocol: graphql-ws, header-eyJob3N0IjoiYSJ9", "eyJob3N0"),
        (f"authorization: {JWT}", "c2lnbmF0"),
        ("Authorization: Bearer opaque-text", "opaque"),
        ("'authorization': 'opaque-text'", "opaque"),
        ('{"authorization": "opaque-text"}', "opaque"),
        ("(b'x-api-key', b'da2-abcdefghijklmnopqrstuvwxyz')", "abcdefgh"),
        ("the key da2-abcdefghijklmnopqrstuvwxyz is bad", "abcdefgh"),
        ("x-api-key=opaque", "opaque"),
        ("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/2026/us-east-1/appsync/aws4_request, Signature=abc123", "abc123"),
        ("with AKIAIOSFODNN7EXAMPLE", "AKIAIOSF"),
        ("x-amz-security-token: opaque==", "opaque"),
        ("ada.lovelace+x@school.example.org signed in", "lovelace"),
        ("password=hunter2", "hunter2"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END", "MIIEow"),
    ],
)
def test_secrets_are_taken_out(text, secret):
    assert secret in text
    assert secret not in logs.redact(text)


@pytest.mark.parametrize(
    "text", ["POST /graphql", "the token signature is wrong", "3 < 4 @ 5", "header missing", "é ✓"]
)
def test_plain_words_stay(text):
    assert logs.redact(text) == text


@pytest.mark.parametrize(
    "text",
    ["eyJ" * 100_000, "a" * 300_000, "a@" * 100_000, "token=" * 50_000, "Bearer " * 50_000, "a." * 100_000 + "@"],
    ids=lambda text: text[:7],
)
def test_hostile_text_costs_little(text):
    began = time.process_time()
    assert len(logs.redact(text)) <= 3 * logs.MAX_TEXT
    assert time.process_time() - began < 1


def test_a_line_has_time_level_logger_message_and_request(out):
    token = logs.request_id.set("r-1")
    try:
        logging.getLogger("x.y").warning("seen %d", 3, extra={"fields": {"course": "c1", "mail": "ada@school.example"}})
    finally:
        logs.request_id.reset(token)
    (line,) = lines(out)
    assert line["at"].endswith("Z")
    del line["at"]
    assert line == {
        "level": "WARNING",
        "logger": "x.y",
        "message": "seen 3",
        "requestId": "r-1",
        "course": "c1",
        "mail": "***",
    }


def test_secrets_are_taken_out_of_tracebacks(out):
    try:
        raise ValueError(f"cannot read {JWT} of ada@school.example")
    except ValueError:
        logging.getLogger("x").exception("failed")
    (line,) = lines(out)
    assert "ValueError" in line["error"]
    assert "eyJ" not in out.getvalue()
    assert "school.example" not in out.getvalue()


@pytest.mark.parametrize("text", ["a\r\n{}", "a\nb", "\x1b[2J", "\x9b31m", "a\u2028b", "a\0b", "\ud800"])
def test_no_text_forges_a_line_or_moves_a_cursor(out, text):
    logging.getLogger("x").info("got %s", text)
    (line,) = out.getvalue().splitlines()
    assert orjson.loads(line)["message"].startswith("got ")
    assert all(character.isprintable() for character in line)


def test_uvicorns_access_log_is_off(out):
    logging.getLogger("uvicorn.access").info('"GET /graphql?header=secret HTTP/1.1"')
    assert out.getvalue() == ""


async def test_an_access_line_is_written_when_lines_of_its_level_are():
    loud, quiet = io.StringIO(), io.StringIO()
    before = logging.getLogger().handlers[:]
    try:
        logs.configure("INFO", loud)(access_line("r", 200))
        logs.configure("WARNING", quiet)(access_line("r", 200))
    finally:
        logging.getLogger().handlers[:] = before
    await asyncio.sleep(0)
    (line,) = lines(loud)
    assert line.pop("at").endswith("Z")
    assert list(line.items()) == [
        ("level", "INFO"),
        ("logger", "access"),
        ("message", "request"),
        ("requestId", "r"),
        ("method", "POST"),
        ("path", "/graphql"),
        ("status", 200),
    ]
    assert quiet.getvalue() == ""


async def test_access_lines_that_may_wait_are_written_together_and_at_the_end():
    out = io.StringIO()
    before = logging.getLogger().handlers[:]
    try:
        access_log = logs.configure("INFO", out, hold_seconds=3600)
    finally:
        logging.getLogger().handlers[:] = before
    for number in range(logs.MOST_HELD_LINES - 1):
        access_log(access_line(str(number)))
    assert out.getvalue() == ""
    access_log(access_line("one too many to hold"))
    assert len(lines(out)) == logs.MOST_HELD_LINES
    access_log(access_line("last"))
    access_log.flush()
    assert lines(out)[-1]["requestId"] == "last"


async def test_readers_are_shown_requests_together_whether_or_not_lines_are_wanted() -> None:
    before = logging.getLogger().handlers[:]
    try:
        loud, quiet = logs.configure("INFO", io.StringIO()), logs.configure("WARNING", io.StringIO())
    finally:
        logging.getLogger().handlers[:] = before
    for access_log in (loud, quiet):
        read: list[list[Any]] = []
        access_log.add_reader(lambda lines, read=read: read.append([line.status for line in lines]))
        access_log(access_line("r", 200))
        access_log(access_line("r", 404))
        await asyncio.sleep(0)
        assert read == [[200, 404]]


async def test_a_log_that_nobody_reads_any_more_stops_no_request():
    closed = io.StringIO()
    before = logging.getLogger().handlers[:]
    try:
        access_log = logs.configure("INFO", closed)
        closed.close()
        access_log(access_line("r"))
        await asyncio.sleep(0)
    finally:
        logging.getLogger().handlers[:] = before


async def test_access_lines_of_one_turn_of_the_loop_are_written_together_and_in_order(out):
    access_log = logs.configure("INFO", out)
    access_log(access_line("first"))
    access_log(access_line("second"))
    assert out.getvalue() == ""
    await asyncio.sleep(0)
    assert [line["requestId"] for line in lines(out)] == ["first", "second"]
