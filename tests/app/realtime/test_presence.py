"""Presence from open sockets: several processes over one store, some of which die, on both engines."""

from typing import Any

import pytest
from graphql import GraphQLSchema

from app.presence_steps import presence_steps, tell
from app.realtime.presence_keeper import GRACE_SECONDS, LIFE_SECONDS, RENEW_SECONDS, PresenceKeeper
from app.workers import Workers
from datasources.connections import LEASE_SECONDS, Connections
from datasources.ports import RecordStore, SearchIndex
from datasources.presence import CONFIRM_SECONDS
from datasources.tables import CONNECTIONS, PRESENCE
from domain.errors import DomainError, dependency_failed
from tests.learning import crowd
from tests.resolvers.chat import BEAT, create_room, join
from tests.resolvers.test_presence import HIDE, seen
from tests.school import Client, Clock, School
from tests.waiting import until


class Town(School):
    """A school whose clock also drives its processes, and which remembers what subscribers were shown."""

    def process(self, name: str) -> "Process":
        return Process(self, name)

    async def sweep(self) -> None:
        """What the workers do about presence."""
        steps = presence_steps(self.store, self.sources, self.clock.now, self.publish, self.heard)
        await Workers(self.store, steps, self.clock.now, "worker").drain()

    def heard(self, user_id: str, status: str) -> bool:
        return self.told(user_id)[-1:] == [status]

    def told(self, user_id: str) -> list[str]:
        """The states that were published, in order."""
        return [str(key["status"]) for name, key in self.published if key["user_id"] == user_id]

    async def publish(self, mutation: str, /, **key: Any) -> None:
        if mutation == "publishPresence":
            [presence] = await self.sources.presence.of([key["user_id"]], self.clock.now())
            self.published.append((mutation, {**key, "status": presence.status}))


class Process:
    """One server's keeper, which acts when a test says so."""

    def __init__(self, town: Town, name: str) -> None:
        self.town = town
        self.names = [name]

        async def told(user_ids: Any) -> None:
            await tell(town.sources.settings, town.publish, user_ids)

        self.keeper = PresenceKeeper(
            Connections(town.store), town.sources.presence, told, town.clock.now, self._name, town.clock.seconds
        )

    def _name(self) -> str:
        return self.names.pop(0)

    async def open(self, *clients: Client) -> None:
        for client in clients:
            self.keeper.opened(client.id)
        await self.work()

    async def close(self, *clients: Client) -> None:
        for client in clients:
            self.keeper.closed(client.id)
        await self.work()

    async def work(self) -> None:
        while await self.keeper.turn():
            pass


@pytest.fixture
def town(store: RecordStore, search: SearchIndex, bound_schema: GraphQLSchema) -> Town:
    return Town(store, search, bound_schema, Clock())


async def friends(town: Town) -> tuple[Client, Client]:
    """Two who may see each other."""
    ada, ben = town.as_("ada"), town.as_("ben")
    await join(ben, await create_room(ada))
    return ada, ben


async def test_who_has_a_socket_open_is_online_without_a_heartbeat(town: Town) -> None:
    ada, ben = await friends(town)
    one = town.process("one")

    await one.open(ben)
    assert await seen(ada, ben) == ["ONLINE"]
    for _ in range(10):
        town.clock.advance(seconds=LIFE_SECONDS)
        await one.work()
        await town.sweep()

    assert await seen(ada, ben) == ["ONLINE"]
    assert town.told(ben.id) == ["ONLINE"]


async def test_after_the_last_socket_is_closed_a_user_has_a_moment_to_come_back(town: Town) -> None:
    ada, ben = await friends(town)
    one = town.process("one")
    await one.open(ben, ben)
    await one.close(ben)
    town.clock.advance(seconds=GRACE_SECONDS)
    await one.work()
    assert await seen(ada, ben) == ["ONLINE"], "another socket is open"

    await one.close(ben)
    town.clock.advance(seconds=GRACE_SECONDS - 0.1)
    await one.work()
    await one.open(ben)
    town.clock.advance(seconds=GRACE_SECONDS)
    await one.work()
    assert await seen(ada, ben) == ["ONLINE"], "they came back in time"
    assert town.told(ben.id) == ["ONLINE"]

    await one.close(ben)
    town.clock.advance(seconds=GRACE_SECONDS)
    await one.work()
    assert await seen(ada, ben) == ["OFFLINE"]
    assert town.told(ben.id) == ["ONLINE", "OFFLINE"]


async def test_coming_back_to_another_process_is_no_news(town: Town) -> None:
    ada, ben = await friends(town)
    one, other = town.process("one"), town.process("other")
    await one.open(ben)
    await one.close(ben)
    await other.open(ben)
    town.clock.advance(seconds=GRACE_SECONDS)
    await one.work()
    await town.sweep()

    assert await seen(ada, ben) == ["ONLINE"]
    assert town.told(ben.id) == ["ONLINE"]
    await other.close(ben)
    town.clock.advance(seconds=GRACE_SECONDS)
    await other.work()
    assert town.told(ben.id) == ["ONLINE", "OFFLINE"]


async def test_the_users_of_a_process_that_died_are_offline_within_its_time(town: Town) -> None:
    ada, ben = await friends(town)
    cem = town.as_("cem")
    dead, alive = town.process("dead"), town.process("alive")
    await dead.open(ben, cem)
    await alive.open(cem)
    for _ in range(3):
        town.clock.advance(seconds=LIFE_SECONDS - 0.1)
        await alive.work()
        await town.sweep()
        assert await seen(ada, ben) == ["ONLINE"]

    town.clock.advance(seconds=0.3)
    await alive.work()
    await town.sweep()

    assert LEASE_SECONDS <= 75
    assert await seen(ada, ben) == ["OFFLINE"]
    assert town.told(ben.id) == ["ONLINE", "OFFLINE"]
    assert set(town.told(cem.id)) == {"ONLINE"}, "they have a socket in the other process"
    town.clock.advance(seconds=CONFIRM_SECONDS)
    await town.sweep()
    assert await town.store.get(PRESENCE, {"userId": ben.id}) is None
    assert (await town.store.get(CONNECTIONS, {"node": "dead", "sk": "LEASE"})) is None
    assert await Connections(town.store).users_of("dead") == []
    assert await Connections(town.store).users_of("alive") == [cem.id]


async def test_a_process_that_was_taken_for_dead_enters_its_users_anew(town: Town) -> None:
    ada, ben = await friends(town)
    stalled = town.process("stalled")
    stalled.names.append("awake again")
    await stalled.open(ben)
    town.clock.advance(seconds=LEASE_SECONDS)
    await town.sweep()
    assert await seen(ada, ben) == ["OFFLINE"]

    await stalled.work()

    assert await seen(ada, ben) == ["ONLINE"]
    assert town.told(ben.id) == ["ONLINE", "OFFLINE", "ONLINE"]
    town.clock.advance(seconds=LEASE_SECONDS - 0.1)
    await town.sweep()
    assert await seen(ada, ben) == ["ONLINE"]


async def test_a_process_that_ends_leaves_its_users_a_moment_to_connect_elsewhere(town: Town) -> None:
    ada, ben = await friends(town)
    cem = town.as_("cem")
    ending, other = town.process("ending"), town.process("other")
    async with ending.keeper.running():
        ending.keeper.opened(ben.id)
        ending.keeper.opened(cem.id)
        await until(lambda: bool(town.told(cem.id) and town.told(ben.id)), "the users")
        ending.keeper.closed(ben.id)
        ending.keeper.closed(cem.id)
    await other.open(cem)
    town.clock.advance(seconds=GRACE_SECONDS - 0.1)
    await town.sweep()
    assert await seen(ada, ben) == ["ONLINE"]

    town.clock.advance(seconds=0.1)
    await town.sweep()

    assert await seen(ada, ben) == ["OFFLINE"]
    assert set(town.told(cem.id)) == {"ONLINE"}


async def test_a_users_own_word_holds_while_they_are_there(town: Town) -> None:
    ada, ben = await friends(town)
    one = town.process("one")
    await one.open(ben)
    for word in ("AWAY", "OFFLINE"):
        await ben.data(BEAT, status=word)
        town.clock.advance(seconds=600)
        await one.work()
        await town.sweep()
        assert await seen(ada, ben) == [word]
        assert await seen(ben, ben) == [word]

    await one.close(ben)
    town.clock.advance(seconds=GRACE_SECONDS)
    await one.work()
    await one.open(ben)
    assert await seen(ada, ben) == ["ONLINE"], "they went and came again"


async def test_heartbeats_count_beside_sockets(town: Town) -> None:
    ada, ben = await friends(town)
    one = town.process("one")
    await ben.data(BEAT, status="ONLINE")
    await one.open(ben)
    town.clock.advance(seconds=60)
    assert (await ben.data(BEAT, status="ONLINE"))["setPresence"] is None
    await one.close(ben)
    town.clock.advance(seconds=GRACE_SECONDS)
    await one.work()
    await town.sweep()
    assert await seen(ada, ben) == ["ONLINE"]

    town.clock.advance(seconds=75 - GRACE_SECONDS)
    await town.sweep()

    assert await seen(ada, ben) == ["OFFLINE"]
    assert town.told(ben.id) == ["OFFLINE"], "the heartbeat itself is told by its own answer"


async def test_nobody_hears_that_the_hidden_come_and_go(town: Town) -> None:
    ada, ben = await friends(town)
    await ben.data(HIDE)
    town.published.clear()
    one = town.process("one")
    await one.open(ben)
    await ben.data(BEAT, status="AWAY")
    assert await seen(ada, ben) == ["OFFLINE"]
    await one.close(ben)
    town.clock.advance(seconds=600)
    await one.work()
    await town.sweep()

    assert town.published == []


async def test_what_a_process_did_not_live_to_tell_is_told_by_the_workers(town: Town) -> None:
    _, ben = await friends(town)
    assert await town.sources.presence.came(ben.id, "died at once", town.clock.now())
    assert town.told(ben.id) == []

    town.clock.advance(seconds=CONFIRM_SECONDS)
    await town.sweep()
    await town.sweep()

    assert town.told(ben.id) == ["ONLINE"]


async def test_sockets_that_come_and_go_in_between_cost_no_write(town: Town) -> None:
    ben = town.as_("ben")
    one = town.process("one")
    await one.open(ben)
    row = await town.store.get(PRESENCE, {"userId": ben.id})

    for _ in range(50):
        await one.open(ben)
        await one.close(ben)
    for _ in range(50):
        await one.close(ben)
        await one.open(ben)

    assert await town.store.get(PRESENCE, {"userId": ben.id}) == row


async def test_a_crowd_that_comes_at_once_is_there_and_goes_again(town: Town) -> None:
    clients = [town.as_(f"user{number}") for number in crowd(town.store, 200)]
    one = town.process("one")
    await one.open(*clients)
    shown = await town.sources.presence.of([client.id for client in clients], town.clock.now())
    assert {presence.status for presence in shown} == {"ONLINE"}

    town.clock.advance(seconds=LEASE_SECONDS)
    await town.sweep()

    shown = await town.sources.presence.of([client.id for client in clients], town.clock.now())
    assert {presence.status for presence in shown} == {"OFFLINE"}
    assert all(town.told(client.id) == ["ONLINE", "OFFLINE"] for client in clients)


async def test_rows_of_lasting_sockets_are_renewed_before_they_expire(town: Town) -> None:
    ben = town.as_("ben")
    one = town.process("one")
    await one.open(ben)
    key = {"node": (await _row(town, ben))["node"], "sk": f"USER#{ben.id}"}
    first = [await town.store.get(CONNECTIONS, key), await town.store.get(PRESENCE, {"userId": ben.id})]

    town.clock.advance(seconds=RENEW_SECONDS)
    await one.work()

    second = [await town.store.get(CONNECTIONS, key), await town.store.get(PRESENCE, {"userId": ben.id})]
    for before, after in zip(first, second, strict=True):
        assert before is not None
        assert after is not None
        assert after["ttl"] == before["ttl"] + RENEW_SECONDS
    assert town.told(ben.id) == ["ONLINE"]


class _Failing:
    """A store that answers nothing while it is down."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self.down = False

    def __getattr__(self, name: str) -> Any:
        if self.down:
            raise dependency_failed("The record store")
        return getattr(self._store, name)


async def test_while_the_store_is_down_nothing_is_forgotten(
    store: RecordStore, search: SearchIndex, bound_schema: GraphQLSchema
) -> None:
    failing: Any = _Failing(store)
    town = Town(failing, search, bound_schema, Clock())
    ada, ben = await friends(town)
    cem = town.as_("cem")
    one = town.process("one")
    await one.open(cem)
    failing.down = True
    one.keeper.opened(ben.id)
    one.keeper.closed(cem.id)
    town.clock.advance(seconds=GRACE_SECONDS)
    for _ in range(3):
        with pytest.raises(DomainError):
            await one.work()

    failing.down = False
    town.clock.advance(seconds=GRACE_SECONDS)
    await one.work()

    assert await seen(ada, ben) == ["ONLINE"]
    assert town.told(cem.id) == ["ONLINE", "OFFLINE"]


async def _row(town: Town, client: Client) -> dict[str, Any]:
    for number in range(4):
        item = await town.store.get(CONNECTIONS, {"node": f"one#{number}", "sk": f"USER#{client.id}"})
        if item is not None:
            return item
    raise AssertionError("the user is not entered")
