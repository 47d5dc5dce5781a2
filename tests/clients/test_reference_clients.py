"""The reference clients miss nothing: their networks are cut and the server is killed while a room is busy."""

import asyncio
import itertools
import json
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from examples.room import CHANGES, Room
from tests.server_process import ServerProcess, server_process
from tests.tcp_proxy import TcpProxy, tcp_proxy

MESSAGES = int(os.environ.get("ROOM_MESSAGES", "10000"))
SENDERS = 20
CUTS = 100
KILLS = 3
LAST = "That was the last one."
SETTINGS = {
    "SEED_DEMO": "off",
    "RATE_PER_SECOND": "100000",
    "RATE_BURST": "100000",
    "ROOM_CHANGES_PER_SECOND": "100000",
    "ROOM_CHANGES_BURST": "100000",
    "USER_CHANGES_PER_SECOND": "100000",
    "USER_CHANGES_BURST": "100000",
}

SEND = "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { id sequence } }"
EDIT = "mutation ($input: UpdateMessageInput!) { updateMessage(input: $input) { id } }"
DELETE = "mutation ($id: ID!) { deleteMessage(id: $id) { id } }"
REACT = 'mutation ($id: ID!) { addReaction(messageId: $id, emoji: "👍") { id } }'


class Sender:
    """One member; repeats what was not answered until it is, as a careful client does."""

    def __init__(self, http: aiohttp.ClientSession, server: ServerProcess, name: str) -> None:
        self._http = http
        self._endpoint = server.endpoint
        self.token = server.token(name)

    async def ask(self, query: str, **variables: Any) -> Any:
        headers = {"authorization": self.token}
        while True:
            try:
                async with self._http.post(
                    self._endpoint, json={"query": query, "variables": variables}, headers=headers
                ) as answer:
                    payload = await answer.json()
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(random.uniform(0, 0.1))
                continue
            errors = payload.get("errors", [])
            if any(error["errorInfo"]["retryable"] for error in errors):
                await asyncio.sleep(random.uniform(0, 0.1))
                continue
            assert not errors, errors
            return payload["data"]

    async def talk(self, room_id: str, count: int, name: str) -> dict[str, int]:
        """Sends `count` messages, changes some of them, and tells which ids and numbers were acknowledged."""
        acknowledged: dict[str, int] = {}
        for number in range(count):
            message = {"roomId": room_id, "body": f"{name} says {number}", "clientToken": f"{name}-{number}"}
            sent = (await self.ask(SEND, input=message))["sendMessage"]
            acknowledged[sent["id"]] = sent["sequence"]
            if number % 10 == 3:
                await self.ask(EDIT, input={"id": sent["id"], "body": f"{name} meant {number}"})
            elif number % 10 == 5:
                await self.ask(REACT, id=sent["id"])
            elif number % 10 == 8:
                with suppress(AssertionError):  # deleted already, when the answer to that was lost
                    await self.ask(DELETE, id=sent["id"])
        return acknowledged


async def history(sender: Sender, room_id: str) -> list[dict[str, Any]]:
    found, token = [], None
    while True:
        page = (await sender.ask(CHANGES, roomId=room_id, after=0, next=token))["listMessages"]
        found += page["items"]
        token = page["nextToken"]
        if token is None:
            return sorted(found, key=lambda message: message["sequence"])


@asynccontextmanager
async def javascript_client(endpoint: str, token: str, room_id: str, node: Path) -> AsyncIterator[asyncio.Task[bytes]]:
    process = await asyncio.create_subprocess_exec(
        "node", node / "room.mjs", endpoint, token, room_id, LAST, stdout=asyncio.subprocess.PIPE
    )
    task = asyncio.ensure_future(process.communicate())
    try:
        yield asyncio.ensure_future(_output(task))
    finally:
        if process.returncode is None:
            process.kill()
        await asyncio.gather(task, return_exceptions=True)


async def _output(task: "asyncio.Future[tuple[bytes, bytes]]") -> bytes:
    return (await task)[0]


async def trouble(proxy: TcpProxy, server: ServerProcess, busy: "asyncio.Future[Any]") -> None:
    """Cuts and kills at random moments as long as the room is busy, at least as many as promised."""
    kills = {CUTS // (KILLS + 1) * (number + 1) for number in range(KILLS)}
    for number in itertools.count():
        if busy.done() and number >= CUTS:
            return
        await asyncio.sleep(random.uniform(0, 0.2))
        proxy.cut()
        if number in kills:
            server.kill()
            await asyncio.to_thread(server.start)


async def test_after_cuts_and_kills_every_copy_equals_the_room(tmp_path: Path, node: Path) -> None:
    with server_process(tmp_path / "data", **SETTINGS) as server:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as http,
            tcp_proxy(server.port) as proxy,
        ):
            senders = [Sender(http, server, f"sender{number}") for number in range(SENDERS)]
            owner = senders[0]
            create = 'mutation { createRoom(input: {kind: PUBLIC, name: "Busy"}) { id } }'
            room_id = (await owner.ask(create))["createRoom"]["id"]
            for sender in senders[1:]:
                await sender.ask("mutation ($id: ID!) { joinRoom(roomId: $id) { status } }", id=room_id)
            through = f"http://127.0.0.1:{proxy.port}/graphql"
            room = Room(through, owner.token, room_id)
            came = asyncio.Event()
            following = asyncio.ensure_future(
                room.follow(on_change=lambda message: came.set() if message["body"] == LAST else None)
            )
            async with javascript_client(through, owner.token, room_id, node) as javascript:
                talks = asyncio.gather(
                    *(sender.talk(room_id, MESSAGES // SENDERS, f"sender{n}") for n, sender in enumerate(senders))
                )
                await trouble(proxy, server, talks)
                acknowledged = {id_: number for talk in await talks for id_, number in talk.items()}
                await owner.ask(SEND, input={"roomId": room_id, "body": LAST, "clientToken": "the-last"})
                await asyncio.wait_for(came.wait(), 60)
                javascript_copy = json.loads(await asyncio.wait_for(javascript, 60))
            following.cancel()
            truth = await history(owner, room_id)

    assert [message["sequence"] for message in truth] == list(range(1, len(truth) + 1))
    assert len(truth) == MESSAGES + 1, "every message is there once"
    assert acknowledged.items() <= {message["id"]: message["sequence"] for message in truth}.items()
    assert sorted(room.messages.values(), key=lambda message: message["sequence"]) == truth
    assert sorted(javascript_copy, key=lambda message: message["sequence"]) == truth
