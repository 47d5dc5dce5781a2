"""aws-amplify v6 in a browser, unmodified, from another site: over TLS, and as the server spells plain http."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.busy_room import BODIES, LAST, BusyRoom, bodies
from tests.browser.conftest import Tab
from tests.server_process import ServerProcess, server_process

RETRY_MS = 65_000
"""Amplify tries again five seconds after it was cut off, and then once a minute."""
MESSAGES = "subscription ($room: ID!) { onMessage(roomId: $room) { body } }"
COPY = "() => [...application.room.messages.values()].sort((one, other) => one.sequence - other.sequence)"


@pytest.fixture(scope="module", params=["plain", "tls"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    tls = {"TLS": "true"} if request.param == "tls" else {}
    with server_process(tmp_path_factory.mktemp("amplify") / "data", SEED_DEMO="off", **tls) as server:
        yield server


@pytest.fixture(scope="module")
def token(server: ServerProcess) -> str:
    return server.app("token", "browser-user")


def endpoint(server: ServerProcess) -> str:
    """As anybody spells it over TLS, and on plain http as the server itself says."""
    if server.authority:
        return server.endpoint
    printed, *_ = re.findall(r"Amplify +(\S+/graphql),", server.log.read_text())
    return str(printed)


def application(tab: Tab, website: str, server: ServerProcess, **sign_in: str) -> Page:
    page = tab(f"{website}/amplify.html", ignore_https_errors=server.authority is not None)
    page.evaluate("job => application.configure(job)", {"endpoint": endpoint(server), **sign_in})
    return page


def ask(page: Page, query: str, **variables: Any) -> dict[str, Any]:
    asked = page.evaluate("([query, variables]) => application.ask(query, variables)", [query, variables])
    assert not asked["errors"], asked
    return dict(asked["data"])


def connected(page: Page, times: int = 1) -> None:
    counted = "times => application.states.filter((state) => state === 'Connected').length >= times"
    page.wait_for_function(counted, arg=times, timeout=2 * RETRY_MS)


def test_an_api_key_reads_and_is_told_what_it_may_not_hear(tab: Tab, website: str, server: ServerProcess) -> None:
    page = application(tab, website, server, mode="apiKey", apiKey=server.app("api-key"))
    assert ask(page, "{ getServerInfo { apiVersion } }")["getServerInfo"]["apiVersion"]
    page.evaluate("application.listen('subscription { onServiceNotice { id } }')")
    page.wait_for_function("application.heard.length > 0")
    [refused] = page.evaluate("application.heard")
    assert "Not Authorized to access onServiceNotice on type Subscription" in refused["errors"][0]["message"]


def test_a_user_asks_writes_and_listens(tab: Tab, website: str, server: ServerProcess, token: str) -> None:
    page = application(tab, website, server, mode="userPool", accessToken=token)
    rename = 'mutation { updateProfile(input: {displayName: "Grace"}) { displayName } }'
    assert ask(page, rename) == {"updateProfile": {"displayName": "Grace"}}
    assert ask(page, "{ getMe { displayName } }") == {"getMe": {"displayName": "Grace"}}
    room = BusyRoom(partial(ask, page))
    page.evaluate("([query, room]) => application.listen(query, { room })", [MESSAGES, room.id])
    connected(page)
    room.send("Hello from a browser")
    page.wait_for_function("application.heard.length > 0")
    assert page.evaluate("application.heard[0].data") == {"onMessage": {"body": "Hello from a browser"}}


def test_nothing_of_a_room_is_lost_when_the_server_restarts(
    tab: Tab, website: str, server: ServerProcess, token: str
) -> None:
    elsewhere, follower = (application(tab, website, server, mode="userPool", accessToken=token) for _ in range(2))
    room = BusyRoom(partial(ask, elsewhere))
    follower.evaluate("room => application.follow(room)", room.id)
    connected(follower)
    room.begin()
    follower.wait_for_function("application.room.messages.size === 4")

    server.kill() if server.authority is None else server.stop()
    server.start()
    room.go_on()
    connected(follower, times=2)
    room.send(LAST)

    follower.wait_for_function("[...application.room.messages.values()].some(({ body }) => body === 'the last')")
    assert follower.evaluate(COPY) == room.history()
    assert bodies(room.history()) == BODIES
