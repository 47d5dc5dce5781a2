"""Two server processes over one database and one Redis: what happens in one is heard in the other."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest

from app.auth.local_issuer import user_id
from tests.app.realtime.site import Talk, encoded, header, start
from tests.server_process import ServerProcess, server_process
from tests.subscriptions.redis_server import RedisServer, redis_server
from tests.waiting import until

PROGRESS = "subscription ($u: ID) { onEnrollmentChanged(userId: $u) { courseId status lastChange version } }"
COURSES = "{ listCourses(limit: 20) { items { id } } }"
ENROLL = "mutation ($c: ID!) { enrollInCourse(input: {courseId: $c}) { version } }"
DROP = "mutation ($c: ID!) { dropCourse(courseId: $c) { version } }"


@dataclass
class Pair:
    redis: RedisServer
    one: ServerProcess
    other: ServerProcess
    token: str
    admin: str
    course_id: str


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    data = tmp_path_factory.mktemp("processes") / "data"
    # The second one starts over the database that the first one made.
    with redis_server() as redis, server_process(data, REDIS_URL=redis.url, RATE_BURST="10000") as one:  # noqa: SIM117
        with server_process(data, REDIS_URL=redis.url, RATE_BURST="10000") as other:
            token = one.token("listener")
            admin = one.token("chief", "Admins")
            yield Pair(redis, one, other, token, admin, asyncio.run(a_course(one, token)))


@pytest.fixture
def pair(servers: Pair) -> Iterator[Pair]:
    """Both processes up, and connected to each other."""
    yield servers
    for server in (servers.one, servers.other):
        assert server.process is not None
        if server.process.poll() is not None:
            server.start()


async def run(server: ServerProcess, token: str, query: str, **variables: Any) -> Any:
    body = {"query": query, "variables": variables}
    async with (
        aiohttp.ClientSession() as client,
        client.post(server.endpoint, json=body, headers={"authorization": token}) as response,
    ):
        payload = orjson.loads(await response.read())
        assert "errors" not in payload, payload
        return payload["data"]


async def ready(server: ServerProcess) -> bool:
    async with aiohttp.ClientSession() as client, client.get(f"{server.origin}/readyz") as response:
        return response.status == 200


@asynccontextmanager
async def listening(server: ServerProcess, token: str) -> AsyncIterator[Talk]:
    """Hears of the enrollments of user "listener"."""
    protocols = ("graphql-ws", "header-" + encoded(header(token)))
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(f"{server.endpoint}/realtime", protocols=protocols) as socket,
    ):
        talk = Talk(socket)
        await talk.say({"type": "connection_init"})
        await talk.hear_all(2)
        answer = await talk.start("1", PROGRESS, token, u=user_id("listener"))
        assert answer == {"type": "start_ack", "id": "1"}, answer
        yield talk


async def a_course(server: ServerProcess, token: str) -> str:
    """One in which the listener may enroll and is enrolled."""
    for course in (await run(server, token, COURSES))["listCourses"]["items"]:
        try:
            await run(server, token, ENROLL, c=course["id"])
        except AssertionError:
            continue
        return str(course["id"])
    raise AssertionError("the demo school has no course for everybody")


async def change(server: ServerProcess, pair: Pair) -> int:
    """Leaves the course and enrolls again; the enrollment's version after that."""
    await run(server, pair.token, DROP, c=pair.course_id)
    enrolled = await run(server, pair.token, ENROLL, c=pair.course_id)
    return int(enrolled["enrollInCourse"]["version"])


async def hear_of(version: int, talk: Talk) -> None:
    """Events of one record may be merged; the last one tells its last state."""
    while (await talk.hear())["payload"]["data"]["onEnrollmentChanged"]["version"] < version:
        pass


async def test_what_happens_in_one_process_is_heard_in_both(pair: Pair) -> None:
    async with listening(pair.one, pair.token) as here, listening(pair.other, pair.token) as there:
        for server in (pair.one, pair.other):
            version = await change(server, pair)
            await hear_of(version, here)
            await hear_of(version, there)


async def test_a_right_that_is_taken_in_one_process_ends_in_the_other(pair: Pair) -> None:
    victim = pair.one.token("victim")
    await run(pair.one, victim, "{ getMe { id } }")
    async with listening(pair.other, pair.token):
        protocols = ("graphql-ws", "header-" + encoded(header(victim)))
        async with aiohttp.ClientSession() as client:
            talk = Talk(await client.ws_connect(f"{pair.other.endpoint}/realtime", protocols=protocols))
            await talk.say(start("1", "subscription { onServiceNotice { id } }", victim))
            assert (await talk.hear())["type"] == "start_ack"
            suspend = 'mutation ($u: ID!) { suspendUser(userId: $u, reason: "Spam.") { id } }'
            await run(pair.one, pair.admin, suspend, u=user_id("victim"))
            frame = await talk.hear()
            assert frame["payload"]["errors"][0]["errorType"] == "ACCOUNT_SUSPENDED"
            assert await talk.closing() == (1008, "account suspended")


@pytest.mark.parametrize("way", ["restart", "hang"])
async def test_redis_may_fail_and_come_back(pair: Pair, way: str) -> None:
    async with listening(pair.other, pair.token) as talk:
        pair.redis.kill() if way == "restart" else pair.redis.hang()
        await change(pair.one, pair)
        assert await talk.closing() == (1012, "continuity lost")
    await until(lambda: _not(ready(pair.other)), "a process that says it is not ready")
    await change(pair.one, pair)
    pair.redis.start() if way == "restart" else pair.redis.go_on()
    await until(lambda: ready(pair.one), "the first process")
    await until(lambda: ready(pair.other), "the second process")
    await _hears_again(pair)


async def test_a_process_that_is_killed_is_a_gap_in_the_other(pair: Pair) -> None:
    """It may have died between a commit and its event."""
    async with listening(pair.other, pair.token) as talk:
        pair.one.kill()
        assert await talk.closing() == (1012, "continuity lost")


async def test_a_process_that_ends_on_purpose_is_none(pair: Pair) -> None:
    async with listening(pair.other, pair.token) as talk, listening(pair.one, pair.token) as leaving:
        assert pair.one.process is not None
        pair.one.process.send_signal(signal.SIGTERM)
        assert await leaving.closing() == (1012, "going away")
        assert await asyncio.to_thread(pair.one.process.wait, 60) == 0
        await hear_of(await change(pair.other, pair), talk)


async def _hears_again(pair: Pair) -> None:
    """As a client does: whenever it is told of a gap it subscribes anew."""
    for _ in range(10):
        async with listening(pair.other, pair.token) as talk:
            version = await change(pair.one, pair)
            try:
                await hear_of(version, talk)
            except AssertionError:
                continue
            return
    raise AssertionError("events between processes did not come back")


async def _not(answer: Any) -> bool:
    return not await answer
