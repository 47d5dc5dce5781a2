"""HTTP beside GraphQL, as a function URL tells it."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from app.functions.http_events import answer
from app.functions.serving import open_pages
from app.settings import Settings

API_KEY = "da2-aaaaaaaaaaaaaaaaaaaaaaaaaa"


def event(method: str, path: str, body: str | bytes = "", **headers: str) -> dict[str, Any]:
    is_binary = isinstance(body, bytes)
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "a=1&b=%2F",
        "headers": {"host": "school.example", **headers},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "203.0.113.7"},
            "domainName": "school.example",
        },
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": is_binary,
    }


@pytest.fixture
async def pages(tmp_path: Path) -> AsyncIterator[ASGIApp]:
    settings = Settings.load({"DATA_DIR": str(tmp_path), "API_KEYS": API_KEY, "LOCAL_ISSUER": "false"})
    async with open_pages(settings) as opened:
        yield opened


async def test_a_link_that_was_never_given_out_leads_nowhere(pages: ASGIApp) -> None:
    found = await answer(pages, event("GET", "/playback/no-such-token/master.m3u8"))

    assert found["statusCode"] == 404
    assert found["headers"]["access-control-allow-origin"] == "*"
    assert found["isBase64Encoded"] is False


async def test_uploads_in_parts_ask_who_is_there(pages: ASGIApp) -> None:
    body = json.dumps({"kind": "video"})
    nobody = await answer(pages, event("POST", "/multipart/init", body, **{"content-type": "application/json"}))
    assert nobody["statusCode"] == 401
    assert json.loads(nobody["body"])["errors"][0]["errorType"] == "UnauthorizedException"

    headers = {"content-type": "application/json", "x-api-key": API_KEY}
    application = await answer(pages, event("POST", "/multipart/init", body, **headers))
    assert application["statusCode"] in (400, 403)


@pytest.mark.parametrize("path", ["/graphql", "/files/x", "/graphiql", "/"])
async def test_nothing_else_is_served(pages: ASGIApp, path: str) -> None:
    assert (await answer(pages, event("GET", path)))["statusCode"] == 404


async def test_bytes_and_repeated_headers_survive_the_way() -> None:
    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        headers = [(b"content-type", b"application/octet-stream"), (b"vary", b"a"), (b"vary", b"b")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body[:2], "more_body": True})
        await send({"type": "http.response.body", "body": body[2:] + scope["query_string"]})

    found = await answer(echo, event("PUT", "/a%20path", b"\xff\x00\xfe"))
    assert base64.b64decode(found["body"]) == b"\xff\x00\xfea=1&b=%2F"
    assert found["headers"]["vary"] == "a, b"
