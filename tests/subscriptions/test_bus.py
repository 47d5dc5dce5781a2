"""Events between processes, over a real Redis that is stopped, hung, reset and started again."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from subscriptions import bus as bus_module
from subscriptions.bus import Bus
from subscriptions.hub import Hub
from subscriptions.ledger import Ledger
from tests.server_process import free_port
from tests.subscriptions.listeners import Listener, topic
from tests.subscriptions.redis_server import RedisServer, redis_server
from tests.waiting import until


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


class Process:
    """What one server process has of all this."""

    def __init__(self, url: str) -> None:
        self.rechecked: list[str] = []
        self.hub = Hub(Bus(url), self.rechecked.append, Ledger({}))
        self.listener = Listener()
        self.hub.join(topic(), self.listener)

    def publish(self, number: int) -> None:
        self.hub.publish(["onTodo"], {"id": number})

    @property
    def heard(self) -> list[int]:
        return [event["id"] for event in self.listener.events]


@asynccontextmanager
async def processes(url: str) -> AsyncIterator[tuple[Process, Process]]:
    one, other = Process(url), Process(url)
    async with one.hub, other.hub:
        yield one, other


@pytest.fixture
async def pair(redis: RedisServer) -> AsyncIterator[tuple[Process, Process]]:
    async with processes(redis.url) as pair:
        assert pair[0].hub.connected
        assert pair[1].hub.connected
        yield pair


async def works_again(one: Process, other: Process) -> None:
    """Both hear each other's new events, sooner or later; what is said before they are joined may be lost."""
    numbers = itertools.count(10_000)

    def each_heard_the_other() -> bool:
        number = next(numbers)
        one.publish(2 * number)
        other.publish(2 * number + 1)
        of_other = [heard for heard in one.heard if heard >= 20_000 and heard % 2]
        of_one = [heard for heard in other.heard if heard >= 20_000 and not heard % 2]
        return bool(of_one and of_other)

    await until(each_heard_the_other, "events between processes")


async def test_events_reach_both_processes_once_and_in_order(pair: tuple[Process, Process]) -> None:
    one, other = pair
    for number in range(1_000):
        one.publish(number)
    await until(lambda: len(one.heard) >= 1_000 and len(other.heard) >= 1_000)
    assert one.heard == other.heard == list(range(1_000))
    assert one.listener.gaps == other.listener.gaps == 0


async def test_a_change_of_rights_is_told_to_the_other_process(pair: tuple[Process, Process]) -> None:
    one, other = pair
    one.hub.recheck("ada")
    await until(lambda: other.rechecked == ["ada"])
    assert one.rechecked == []


async def test_a_gap_is_told_to_the_other_process(pair: tuple[Process, Process]) -> None:
    one, other = pair
    one.hub.report_gap(["onTodo"])
    await until(lambda: one.listener.gaps == other.listener.gaps == 1)


async def test_a_process_that_ends_on_purpose_is_missed_by_nobody(redis: RedisServer) -> None:
    staying, leaving = Process(redis.url), Process(redis.url)
    async with staying.hub:
        async with leaving.hub:
            leaving.publish(1)
            await until(lambda: staying.heard == [1])
        await until(lambda: not staying.hub._bus._peers._peers, "the goodbye")
        assert staying.listener.gaps == 0


@pytest.mark.parametrize("way", ["restart", "hang", "reset", "flap"])
async def test_listeners_are_told_when_redis_fails_and_hear_events_when_it_is_back(
    redis: RedisServer, pair: tuple[Process, Process], way: str
) -> None:
    one, other = pair
    one.publish(1)
    await until(lambda: other.heard == [1])
    if way == "restart":
        redis.kill()
    elif way == "hang":
        redis.hang()
    else:
        for _ in range(10 if way == "flap" else 1):
            redis.reset_connections()
            await asyncio.sleep(0.02)
    one.publish(2)
    await until(lambda: 2 in one.heard, "the event in its own process")
    await until(lambda: bool(one.listener.gaps and other.listener.gaps), "the gap")
    if way == "restart":
        redis.start()
    elif way == "hang":
        redis.go_on()
    await works_again(one, other)


async def test_a_hung_redis_is_noticed_within_five_seconds(redis: RedisServer, pair: tuple[Process, Process]) -> None:
    """By the clock of the event loop, from the moment it hangs; a slow machine only makes it later."""
    one, _ = pair
    longest = bus_module.ECHO_SECONDS + bus_module.BEAT_SECONDS
    assert longest + bus_module.GRACE_SECONDS <= 5
    redis.hang()
    await until(lambda: not one.hub.connected, "the end of the connection")
    redis.go_on()


async def test_publishing_into_a_dead_redis_neither_waits_nor_grows(
    redis: RedisServer, pair: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    monkeypatch.setattr(bus_module, "MOST_WAITING", 100)
    redis.kill()
    for number in range(2_000):
        one.publish(number)  # not awaited: it cannot wait
        if number % 100 == 0:
            await asyncio.sleep(0)
    await until(lambda: len(one.heard) == 2_000, "the events in their own process")
    assert len(one.hub._bus._waiting) <= 100
    redis.start()
    await until(lambda: bool(one.listener.gaps and other.listener.gaps), "the gap, for what was dropped")
    await works_again(one, other)


@pytest.mark.parametrize("broker", ["memory", "redis"])
async def test_a_process_that_stood_still_has_missed_nothing_by_that(
    broker: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(bus_module, "ECHO_SECONDS", 0.2)
    url = "memory://" if broker == "memory" else request.getfixturevalue("redis").url
    process = Process(url)
    async with process.hub:
        for number in range(5):
            time.sleep(0.5)  # noqa: ASYNC251 - as a machine does that sleeps, or has too much to do
            process.publish(number)
            await until(lambda number=number: number in process.heard)
        assert process.listener.gaps == 0
        assert process.hub.connected


async def test_a_process_that_starts_without_redis_works_alone_and_joins_later() -> None:
    url = f"redis://127.0.0.1:{free_port()}"
    async with processes(url) as (one, other):
        assert not one.hub.connected
        one.publish(1)
        await until(lambda: one.heard == [1])
        assert other.heard == []


async def test_a_message_lost_on_its_way_is_noticed(redis: RedisServer, pair: tuple[Process, Process]) -> None:
    one, other = pair
    one.publish(1)
    await until(lambda: other.heard == [1])
    one.hub._bus._number += 1  # as when the broker drops it
    one.publish(2)
    await until(lambda: other.listener.gaps == 1)
    assert one.listener.gaps == 0


async def test_a_process_that_dies_is_missed(
    redis: RedisServer, pair: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscriptions.peers.SILENT_SECONDS", 1.5)
    one, other = pair
    one.publish(1)
    await until(lambda: other.heard == [1])
    for task in one.hub._tasks:
        task.cancel()
    await until(lambda: other.listener.gaps == 1)


async def test_foreign_messages_are_left_unread(redis: RedisServer, pair: tuple[Process, Process]) -> None:
    from redis.asyncio import Redis

    one, other = pair
    async with Redis.from_url(redis.url) as stranger:
        await stranger.publish(bus_module.CHANNEL, "no message of ours")
        await stranger.publish(bus_module.CHANNEL, b"\xff\xfe")
    await works_again(one, other)
