"""The door of RFC 6455: who asks in its words is let in, and everybody else is told why not."""

import asyncio

import pytest

from tests.app.realtime.site import Site
from tests.waiting import PATIENCE_SECONDS

ASKED = {
    "Host": "localhost",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "graphql-ws",
}


async def answer(site: Site, headers: dict[str, str], path: str = "/graphql/realtime", more: str = "") -> str:
    """Status line and headers, in lower case."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"GET {path} HTTP/1.1\r\n{lines}{more}\r\n".encode())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    finally:
        writer.close()


async def test_the_standards_own_example_is_answered_as_it_says(site: Site) -> None:
    said = await answer(site, ASKED)
    assert said.startswith("http/1.1 101 ")
    assert "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in said
    assert "sec-websocket-protocol: graphql-ws" in said
    assert "sec-websocket-extensions" not in said


@pytest.mark.parametrize(
    "spelling",
    [
        pytest.param({"Connection": "keep-alive, Upgrade"}, id="one of several"),
        pytest.param({"Connection": "upgrade", "Upgrade": "WebSocket"}, id="other letters"),
        pytest.param({"Sec-WebSocket-Protocol": "soap,graphql-transport-ws , graphql-ws"}, id="a choice"),
    ],
)
async def test_headers_may_be_spelled_as_http_allows(site: Site, spelling: dict[str, str]) -> None:
    assert (await answer(site, ASKED | spelling)).startswith("http/1.1 101 ")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"Sec-WebSocket-Version": "8"}, id="another version"),
        pytest.param({"Sec-WebSocket-Version": ""}, id="no version"),
        pytest.param({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j"}, id="a short key"),
        pytest.param({"Sec-WebSocket-Key": "the sample nonce"}, id="a key that is no base64"),
        pytest.param({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZ\xe9=="}, id="a key that is no ASCII"),
        pytest.param({"Sec-WebSocket-Key": ""}, id="an empty key"),
        pytest.param({"Sec-WebSocket-Protocol": "soap"}, id="a protocol that nobody speaks"),
        pytest.param({"Sec-WebSocket-Protocol": ""}, id="no protocol"),
    ],
)
async def test_what_is_no_handshake_is_told_so(site: Site, fault: dict[str, str]) -> None:
    said = await answer(site, ASKED | fault)
    assert said.startswith("http/1.1 400 ")
    assert "connection: close" in said


@pytest.mark.parametrize("name", ["Sec-WebSocket-Version", "Sec-WebSocket-Key"])
async def test_what_is_said_twice_is_a_doubt_that_lets_nobody_in(site: Site, name: str) -> None:
    said = await answer(site, ASKED, more=f"{name}: {ASKED[name]}\r\n")
    assert said.startswith("http/1.1 400 ")


async def test_elsewhere_is_nothing(site: Site) -> None:
    assert (await answer(site, ASKED, path="/elsewhere")).startswith("http/1.1 404 ")


async def test_a_refused_handshake_says_its_reason_and_ends(site: Site) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    lines = "".join(f"{name}: {value}\r\n" for name, value in (ASKED | {"Sec-WebSocket-Protocol": "soap"}).items())
    writer.write(f"GET /graphql HTTP/1.1\r\n{lines}\r\n".encode())
    async with asyncio.timeout(PATIENCE_SECONDS):
        said = (await reader.read()).decode()
    head, _, body = said.partition("\r\n\r\n")
    assert f"content-length: {len(body)}" in head.lower()
    assert body == "Offer the sub-protocol graphql-ws or graphql-transport-ws.\n"
    writer.close()
