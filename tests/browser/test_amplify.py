"""aws-amplify v6 in a browser, unmodified, from another site: over TLS, and as the server spells plain http."""

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute

from tests.browser.busy_room import BODIES, LAST, BusyRoom, bodies
from tests.browser.conftest import PATIENCE_MS, Tab
from tests.server_process import ServerProcess, server_process

RETRY_MS = 5_000
"""Amplify tries again so long after it was cut off, and then only once a minute."""
MESSAGES = "subscription ($room: ID!) { onMessage(roomId: $room) { body } }"
COPY = "() => [...application.room.messages.values()].sort((one, other) => one.sequence - other.sequence)"


@pytest.fixture(scope="module", params=["plain", "tls"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    tls = {"TLS": "true"} if request.param == "tls" else {}
    with server_process(tmp_path_factory.mktemp("amplify") / "data", SEED_DEMO="off", **tls) as server:
        yield server


@pytest.fixture(scope="module")
def token(server: ServerProcess) -> str:
    return server.token("browser-user")


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
    page.wait_for_function(counted, arg=times)


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


def lose_the_first(route: Route, asked: list[str]) -> None:
    asked.append(route.request.url)
    route.abort() if len(asked) == 1 else route.continue_()


def test_a_room_that_may_not_be_read_is_the_end(tab: Tab, website: str, server: ServerProcess, token: str) -> None:
    page = application(tab, website, server, mode="userPool", accessToken=token)
    page.evaluate("application.follow('no-such-room')")
    page.wait_for_function("application.heard.length > 0")
    assert "NOT_FOUND" in str(page.evaluate("application.heard[0].errors"))


def test_a_subscription_that_the_server_ends_is_begun_again(
    tab: Tab, website: str, server: ServerProcess, token: str
) -> None:
    """Its socket is not closed, so that Amplify itself does nothing about it."""
    elsewhere, follower = (application(tab, website, server, mode="userPool", accessToken=token) for _ in range(2))
    room = BusyRoom(partial(ask, elsewhere))
    started: list[str] = []
    follower.route_web_socket("**/graphql/realtime", lambda socket: refuse_the_first(socket, started))
    follower.evaluate("room => application.follow(room)", room.id)
    connected(follower)
    room.send(LAST)
    follower.wait_for_function("application.room.messages.size === 1")
    assert len(started) == 2


def refuse_the_first(socket: WebSocketRoute, started: list[str]) -> None:
    server = socket.connect_to_server()

    def passed_on(text: str | bytes) -> None:
        frame = json.loads(text)
        if frame["type"] == "start":
            started.append(frame["id"])
            if len(started) == 1:
                errors = [{"errorType": "DEPENDENCY_FAILED", "message": "The store did not answer."}]
                socket.send(json.dumps({"type": "error", "id": frame["id"], "payload": {"errors": errors}}))
                return
        server.send(text)

    socket.on_message(passed_on)


def test_nothing_of_a_room_is_lost_when_the_server_restarts(
    tab: Tab, website: str, server: ServerProcess, token: str
) -> None:
    elsewhere, follower = (application(tab, website, server, mode="userPool", accessToken=token) for _ in range(2))
    room = BusyRoom(partial(ask, elsewhere))
    follower.clock.install()
    follower.evaluate("room => application.follow(room)", room.id)
    connected(follower)
    room.begin()
    follower.wait_for_function("application.room.messages.size === 4")

    follower.clock.pause_at(follower.evaluate("Date.now()") / 1_000 + 1)
    server.kill() if server.authority is None else server.stop()
    follower.wait_for_function("application.states.at(-1) === 'ConnectionDisrupted'")
    server.start()
    room.go_on()
    questions: list[str] = []
    follower.route("**/graphql", lambda route: lose_the_first(route, questions))
    follower.clock.run_for(RETRY_MS)
    follower.clock.resume()
    connected(follower, times=2)
    follower.wait_for_function("application.room.messages.size === 5", timeout=PATIENCE_MS)
    assert len(questions) >= 2, "it asked again"
    room.send(LAST)

    follower.wait_for_function("[...application.room.messages.values()].some(({ body }) => body === 'the last')")
    assert follower.evaluate(COPY) == room.history()
    assert bodies(room.history()) == BODIES
