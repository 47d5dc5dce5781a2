"""Subscriptions over plain HTTP: graphql-sse, distinct connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest

from tests.app.realtime.site import Site, running_site
from tests.waiting import PATIENCE_SECONDS, until

NOTE = "subscription ($r: ID) { onNote(roomId: $r) { id text } }"


class Stream:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def event(self) -> tuple[str, Any] | None:
        """The next event's name and data; None at the end of the stream. Comments are passed over."""
        name, data = "", ""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while line := await self.response.content.readline():
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    name = text.removeprefix("event: ")
                elif text.startswith("data:"):
                    data = text.removeprefix("data:").strip()
                elif not text and name:
                    return name, orjson.loads(data) if data else None
        return None


@asynccontextmanager
async def stream(site: Site, query: str = NOTE, user: str = "ada", **variables: Any) -> AsyncIterator[Stream]:
    url = f"http://127.0.0.1:{site.port}/graphql/stream"
    body = {"query": query, "variables": variables or {"r": "a"}}
    headers = {"authorization": user, "accept": "text/event-stream"}
    async with site.client.post(url, json=body, headers=headers) as response:
        yield Stream(response)


async def test_events_come_as_they_happen_once_the_headers_are_there(site: Site) -> None:
    async with stream(site) as it:
        assert it.response.status == 200
        assert it.response.content_type == "text/event-stream"
        for number in range(20):
            await site.write(str(number), text="two\nlines")
        for number in range(20):
            note = {"id": str(number), "text": "two\nlines"}
            assert await it.event() == ("next", {"data": {"onNote": note}})


@pytest.mark.parametrize(
    ("query", "error_type"),
    [
        ("{ note(id: 1) { id } }", "BAD_REQUEST"),
        ("subscription {", "MalformedHttpRequestException"),
        ("subscription { nothing }", None),
        ("subscription { onNote { id } }", "BAD_REQUEST"),
        ("subscription { onStaffNote { id } }", "Unauthorized"),
    ],
)
async def test_what_cannot_be_subscribed_is_one_result_with_errors(
    site: Site, query: str, error_type: str | None
) -> None:
    async with stream(site, query) as it:
        assert it.response.status == 200
        name, payload = await it.event() or ("", {})
        assert name == "next"
        assert payload["errors"][0].get("errorType") == error_type
        assert await it.event() == ("complete", None)
        assert await it.event() is None


async def test_bad_credentials_are_401(site: Site) -> None:
    async with stream(site, user="wrong") as it:
        assert it.response.status == 401
        assert (await it.response.json())["errors"][0]["errorType"] == "UnauthorizedException"


@pytest.mark.parametrize(
    ("method", "options", "status"),
    [
        ("GET", {}, 405),
        ("POST", {"data": b"meow", "headers": {"content-type": "application/json", "authorization": "ada"}}, 400),
        ("POST", {"data": b"{}", "headers": {"content-type": "text/plain", "authorization": "ada"}}, 415),
    ],
)
async def test_what_is_no_request_is_refused(site: Site, method: str, options: dict[str, Any], status: int) -> None:
    async with site.client.request(method, f"http://127.0.0.1:{site.port}/graphql/stream", **options) as response:
        assert response.status == status


async def test_browsers_may_ask_first(site: Site) -> None:
    async with site.client.options(f"http://127.0.0.1:{site.port}/graphql/stream") as response:
        assert response.status == 200
        assert response.headers["access-control-allow-origin"] == "*"


async def test_a_caller_has_so_many_streams_and_nothing_of_closed_ones_stays() -> None:
    async with running_site(max_sockets_per_caller=1) as site:
        async with stream(site) as first:
            assert first.response.status == 200
            async with stream(site) as second:
                assert second.response.status == 429
        await until(lambda: not len(site.services.sockets) and not len(site.services.live), "the end of the stream")
        async with stream(site) as third:
            assert third.response.status == 200


async def test_who_loses_the_right_is_told_and_the_stream_is_complete(site: Site) -> None:
    async with stream(site, user="bob") as it:
        await site.run('mutation { leave(roomId: "a", userId: "bob") }')
        name, payload = await it.event() or ("", {})
        assert name == "next"
        assert payload["errors"][0]["errorType"] == "NOT_FOUND"
        assert await it.event() == ("complete", None)


async def test_a_gap_ends_the_stream_without_completing_it(site: Site) -> None:
    async with stream(site) as it:
        site.product.realtime.hub.lose_continuity()
        assert await it.event() is None


async def test_a_server_that_ends_ends_its_streams(site: Site) -> None:
    async with stream(site) as it:
        site.terminate()
        assert await it.event() is None
    await asyncio.wait_for(site.stopped, PATIENCE_SECONDS)


async def test_who_does_not_read_is_cut_off_and_holds_up_nobody() -> None:
    async with running_site(max_unsent_bytes=256 * 1024) as site, stream(site) as stuck, stream(site) as reading:
        stuck.response.connection.transport.pause_reading()  # type: ignore[union-attr]
        number = 0
        while all(each.subscriber.live for each in site.services.live._all):
            number += 1
            await site.write(str(number), text="x" * 50_000)
            assert (await reading.event() or ("", {}))[1]["data"]["onNote"]["id"] == str(number)
            assert number < 1_000
        await site.write("more")
        assert (await reading.event() or ("", {}))[1]["data"]["onNote"]["id"] == "more"
        stuck.response.close()
