"""Who may not be here any more hears nothing more: at once in the process that did it, soon in every other.

On both engines. The other process here has no bus at all, so that only looking again can help.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from graphql import GraphQLSchema

from app.realtime import rights
from datasources.ports import SearchIndex
from domain.errors import DomainError
from resolvers import users
from tests.app.realtime.live_school import Ear, LiveSchool, listen
from tests.app.realtime.live_school import school as live_school
from tests.resolvers.chat import create_room, invite, join, meet, moderate, send
from tests.resolvers.test_sessions import REVOKE, REVOKE_ALL
from tests.school import Client, School
from tests.waiting import until

__all__ = ["live_school"]

SUSPEND = 'mutation ($user: ID!) { suspendUser(userId: $user, reason: "Spam.") { id } }'
NOTICES = "subscription { onServiceNotice { id } }"
Way = Callable[[School, Client], Awaitable[Any]]

ENDS: dict[str, tuple[Way, str]] = {
    "they end their session": (
        lambda school, ben: Client(school, ben.caller).data(REVOKE, id="s1"),
        "UnauthorizedException",
    ),
    "an admin ends their session": (
        lambda school, ben: school.as_("root", "Admins").data(REVOKE, id="s1"),
        "UnauthorizedException",
    ),
    "the backend ends their session": (
        lambda school, ben: school.backend.data(REVOKE, id="s1"),
        "UnauthorizedException",
    ),
    "they end all their sessions": (
        lambda school, ben: Client(school, ben.caller).data(REVOKE_ALL),
        "UnauthorizedException",
    ),
    "an admin ends all their sessions": (
        lambda school, ben: school.as_("root", "Admins").data(REVOKE_ALL, userId=ben.id),
        "UnauthorizedException",
    ),
    "they are suspended": (
        lambda school, ben: school.as_("mod", "Moderators").data(SUSPEND, user=ben.id),
        "ACCOUNT_SUSPENDED",
    ),
}


class Socket:
    """An open one, on which nothing is subscribed."""

    def __init__(self) -> None:
        self.expelled: list[str] = []

    def expel(self, error: DomainError) -> None:
        self.expelled.append(error.code.value)


async def here(school: LiveSchool) -> tuple[Client, Ear, Socket, Ear]:
    """Ben, who listens in one session and has a socket open beside; and his other session, which goes on."""
    ben = school.as_("ben", session_id="s1")
    await meet(ben, school.as_("root", "Admins"), school.as_("mod", "Moderators"))
    ear, _ = await listen(ben, NOTICES)
    other, _ = await listen(school.as_("ben", session_id="s2"), NOTICES)
    socket = Socket()
    school.realtime.connected.opened(ben.caller, socket)
    return ben, ear, socket, other


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ended session hears of its end within moments."""
    monkeypatch.setattr(users, "LAST_WORDS_SECONDS", 0.01)


@asynccontextmanager
async def sweeping(school: LiveSchool, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Rights are looked at often."""
    monkeypatch.setattr(rights, "SWEEP_SECONDS", 0.05)
    task = asyncio.create_task(school.realtime.rights.run())
    try:
        yield
    finally:
        task.cancel()


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.usefixtures("prompt")
async def test_in_the_process_that_does_it_subscriptions_and_sockets_end_at_once(
    live_school: LiveSchool, name: str
) -> None:
    end, error_type = ENDS[name]
    ben, ear, socket, other = await here(live_school)

    await end(live_school, ben)

    await until(lambda: not ear.live and bool(socket.expelled), name)
    assert [error["errorType"] for error in ear.errors] == [error_type]
    assert socket.expelled == [error_type]
    assert other.live == (name.endswith("session")), "only one of the sessions has ended"


@pytest.mark.parametrize("name", ENDS)
async def test_in_any_other_process_they_end_at_the_next_look(
    live_school: LiveSchool,
    search: SearchIndex,
    bound_schema: GraphQLSchema,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """What the account gate remembers from a moment ago does not count: the clock stands still here."""
    end, error_type = ENDS[name]
    ben, ear, socket, _ = await here(live_school)
    elsewhere = School(live_school.store, search, bound_schema, live_school.clock, live_school.chat)

    await end(elsewhere, ben)
    assert ear.live
    async with sweeping(live_school, monkeypatch):
        await until(lambda: not ear.live and bool(socket.expelled), name)

    assert [error["errorType"] for error in ear.errors] == [error_type]
    assert socket.expelled[0] == error_type


async def test_whoever_another_process_puts_out_of_a_room_hears_nothing_after_the_next_look(
    live_school: LiveSchool, search: SearchIndex, bound_schema: GraphQLSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, ben = live_school.as_("ada"), live_school.as_("ben")
    room = await create_room(ada, "PRIVATE")
    await invite(ada, room, ben)
    await join(ben, room)
    ear, _ = await listen(ben, "subscription ($room: ID) { onMessage(roomId: $room) { body } }", room=room["id"])
    elsewhere = School(live_school.store, search, bound_schema, live_school.clock, live_school.chat)

    await moderate(Client(elsewhere, ada.caller), room, ben, status="BANNED")
    async with sweeping(live_school, monkeypatch):
        await until(lambda: not ear.live)
    heard = len(ear.heard)
    await send(ada, room, "Without ben")

    stays, _ = await listen(ada, "subscription ($room: ID) { onMessage(roomId: $room) { body } }", room=room["id"])
    await send(ada, room, "The end")
    await until(lambda: bool(stays.heard))
    assert len(ear.heard) == heard
    assert [error["errorType"] for error in ear.errors] == ["NOT_FOUND"]


async def test_whoever_may_stay_is_left_alone(live_school: LiveSchool, monkeypatch: pytest.MonkeyPatch) -> None:
    ben, ear, socket, other = await here(live_school)
    looks: list[str] = []
    readmit = live_school.accounts.readmit

    async def counting(caller: Any) -> Any:
        looks.append(caller.session_id)
        return await readmit(caller)

    monkeypatch.setattr(live_school.accounts, "readmit", counting)
    async with sweeping(live_school, monkeypatch):
        await until(lambda: len(looks) >= 10, "some looks")

    assert ear.live
    assert other.live
    assert (ear.errors, ear.gaps, socket.expelled) == ([], 0, [])
    live_school.realtime.connected.closed(ben.caller, socket)
    assert ben.id not in live_school.realtime.connected
