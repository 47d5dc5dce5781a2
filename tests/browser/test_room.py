"""The reference client examples/room.mjs in a browser, as it is: an ES module without a bundler, on another site."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.busy_room import BODIES, LAST, BusyRoom, bodies
from tests.browser.conftest import Tab
from tests.server_process import ServerProcess, server_process

LOAD = """async ({ endpoint, token }) => {
    const { Room } = await import("/room.mjs");
    globalThis.joined = (roomId) => new Room({ endpoint, token, roomId, onChange: () => globalThis.changes++ });
    globalThis.asking = joined("");
    globalThis.changes = 0;
}"""
OPEN = "async (roomId) => { globalThis.room = joined(roomId); await room.open(); return room.messages.size; }"
COPY = "() => [...room.messages.values()].sort((one, other) => one.sequence - other.sequence)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("room") / "data", SEED_DEMO="off") as server:
        yield server


@pytest.fixture(scope="module")
def token(server: ServerProcess) -> str:
    return server.token("browser-user")


def loaded(tab: Tab, website: str, server: ServerProcess, token: str) -> Page:
    page = tab(f"{website}/empty.html")
    page.evaluate(LOAD, {"endpoint": server.endpoint, "token": token})
    return page


def a_room(page: Page) -> BusyRoom:
    def ask(query: str, **variables: Any) -> dict[str, Any]:
        return dict(page.evaluate("([query, variables]) => asking.query(query, variables)", [query, variables]))

    return BusyRoom(ask)


def test_nothing_is_lost_when_the_server_is_killed(tab: Tab, website: str, server: ServerProcess, token: str) -> None:
    follower, elsewhere = (loaded(tab, website, server, token) for _ in range(2))
    room = a_room(elsewhere)
    room.begin()
    assert follower.evaluate(OPEN, room.id) == 4

    server.kill()
    server.start()
    room.go_on()
    room.send(LAST)

    follower.wait_for_function("[...room.messages.values()].some(({ body }) => body === 'the last')")
    assert follower.evaluate(COPY) == room.history()
    assert bodies(room.history()) == BODIES


def test_events_come_while_the_room_is_open_and_no_more_once_it_is_closed(
    tab: Tab, website: str, server: ServerProcess, token: str
) -> None:
    page = loaded(tab, website, server, token)
    room = a_room(page)
    assert page.evaluate(OPEN, room.id) == 0
    room.send("one")
    page.wait_for_function("changes === 1")
    page.evaluate("() => new Promise((done) => { room.socket.addEventListener('close', done); room.close(); })")
    room.send("two")
    assert page.evaluate("changes") == 1


def test_a_refusal_is_final(tab: Tab, website: str, server: ServerProcess, token: str) -> None:
    refused = "joined('no-such-room').open().then(() => 'opened', ({ errorType }) => errorType)"
    assert loaded(tab, website, server, token).evaluate(refused) == "NOT_FOUND"
    assert loaded(tab, website, server, "no token").evaluate(refused) == "UnauthorizedException"
