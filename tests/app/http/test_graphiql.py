"""The page's files, its policy, and who is handed a token. tests/browser runs it in a browser."""

import re

import orjson
import pytest

from tests.app.http.conftest import Running, Serve, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/graphiql", "/graphql"])
async def test_a_browser_gets_the_page_under_a_strict_policy(site: Running, path):
    response = await site.client.get(path, headers=BROWSER)
    assert response.status == 200
    assert response.content_type == "text/html"
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


async def test_everything_the_page_names_comes_from_here(site: Running):
    page = await (await site.client.get("/graphiql")).text()
    assert "<script>" not in page
    assert not re.search(r"\son\w+=|style=|//[a-z]", page)
    paths = re.findall(r'(?:src|href)="(/[^"]+)"', page)
    assert len(paths) == 7
    script = await (await site.client.get("/graphiql/own/start.js")).text()
    (tabs,) = re.findall(r"TABS = (\[.+\]);", script)
    for path in [*paths, *(f"/graphiql/own/{tab}.graphql" for tab in orjson.loads(tabs))]:
        assert (await site.client.get(path)).status == 200, path


@pytest.mark.parametrize("path", ["/graphiql/own/../settings.py", "/graphiql/own/%2e%2e/settings.py", "/graphiql/own/"])
async def test_no_other_file_comes_from_here(site: Running, path):
    assert (await site.client.get(path)).status == 404


async def test_a_program_that_asks_nothing_gets_no_page(site: Running):
    assert (await site.client.get("/graphql", headers={"x-api-key": "ada"})).status == 400


async def test_a_query_by_get_is_answered_to_a_browser_too(site: Running):
    response = await site.client.get("/graphql", params={"query": "{ a }"}, headers={**BROWSER, "x-api-key": "ada"})
    assert response.content_type == "application/json"


async def test_nothing_of_it_exists_where_it_is_off(serve: Serve):
    async with serve(graphiql="off") as site:
        for path in ("/graphiql", "/graphiql/config", "/graphiql/own/start.js"):
            assert (await site.client.get(path, headers=BROWSER)).status == 404
        response = await site.client.get("/graphql", headers=BROWSER)
        assert (response.status, response.content_type) == (401, "application/json")


class TestToken:
    async def token(self, site: Running, **headers: str):
        response = await site.client.get(
            "/graphiql/config", headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        assert response.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in response.headers
        return (await response.json())["token"]

    async def test_a_page_of_this_machine_gets_one(self):
        async with running(token=lambda: "a-token") as site:
            assert await self.token(site, sec_fetch_site="same-origin") == "a-token"
            for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
                assert await self.token(site, host=host) == "a-token"

    @pytest.mark.parametrize(
        "headers",
        [
            {"host": "evil.example"},
            {"host": "127.0.0.1.evil.example:8000"},
            {"host": "localhost.evil.example"},
            {"host": "192.168.0.2:8000"},
            {"sec_fetch_site": "cross-site"},
            {"sec_fetch_site": "same-site"},
            {"sec_fetch_site": "none"},
        ],
        ids=str,
    )
    async def test_a_page_under_another_name_gets_none(self, headers):
        async with running(token=lambda: "a-token") as site:
            assert await self.token(site, **headers) is None

    async def test_there_is_none_where_none_is_made(self, site: Running):
        assert await self.token(site) is None
