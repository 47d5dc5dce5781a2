"""Killed amid writes, the server still has every write that it acknowledged, each once."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import aiohttp

from tests.server_process import ServerProcess, server_process

WRITERS = 4
ACKNOWLEDGED_BEFORE_KILL = 60
CREATE = "mutation ($input: CreateCourseInput!) { createCourse(input: $input) { id slug } }"
MINE = """query ($after: String) { listMyTeachingCourses(limit: 100, nextToken: $after) {
  items { id slug } nextToken } }"""


def course(slug: str) -> dict[str, Any]:
    return {
        "slug": slug,
        "title": f"Course {slug}",
        "level": "BEGINNER",
        "language": "en",
        "category": "Durability",
        "accessModel": "FREE",
        "clientToken": f"token-of-{slug}",
    }


async def ask(session: aiohttp.ClientSession, server: ServerProcess, query: str, **variables: Any) -> Any:
    async with session.post(server.endpoint, json={"query": query, "variables": variables}) as answer:
        payload = await answer.json()
    assert "errors" not in payload, payload
    return payload["data"]


async def write_until_killed(session: aiohttp.ClientSession, server: ServerProcess) -> dict[str, str]:
    """Courses that were acknowledged, by slug, with their ids; the server is dead afterwards."""
    acknowledged: dict[str, str] = {}
    enough = asyncio.Event()

    async def write(writer: int) -> None:
        for number in itertools.count():
            slug = f"course-{writer}-{number}"
            try:
                created = (await ask(session, server, CREATE, input=course(slug)))["createCourse"]
            except aiohttp.ClientError:
                return
            acknowledged[slug] = created["id"]
            if len(acknowledged) >= ACKNOWLEDGED_BEFORE_KILL:
                enough.set()

    writers = asyncio.gather(*(write(writer) for writer in range(WRITERS)))
    await asyncio.wait_for(enough.wait(), 60)
    server.kill()
    await writers
    return acknowledged


async def stored(session: aiohttp.ClientSession, server: ServerProcess) -> list[tuple[str, str]]:
    found, after = [], None
    while True:
        page = (await ask(session, server, MINE, after=after))["listMyTeachingCourses"]
        found += [(item["slug"], item["id"]) for item in page["items"]]
        after = page["nextToken"]
        if after is None:
            return found


async def test_every_acknowledged_write_survives_kill_9_and_none_is_made_twice(tmp_path: Path) -> None:
    with server_process(tmp_path / "data", SEED_DEMO="off", RATE_PER_SECOND="10000", RATE_BURST="10000") as server:
        headers = {"authorization": server.token("ada", "Mentors")}
        async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(30)) as session:
            acknowledged = await write_until_killed(session, server)
            server.start()
            found = await stored(session, server)
            # A client whose answer was lost sends its call again.
            again = [await ask(session, server, CREATE, input=course(slug)) for slug in acknowledged]
            after_retries = await stored(session, server)

    assert acknowledged.items() <= dict(found).items()
    assert len(found) == len(dict(found)), "a course is there twice"
    assert {each["createCourse"]["id"] for each in again} == set(acknowledged.values())
    assert sorted(after_retries) == sorted(found)
