"""Servers that are killed with -9: what they committed is heard, and their users are not online for ever.

Without Redis a gap tells nobody that a process died: the store alone has to.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from app.auth.local_issuer import LocalIssuer, user_id
from tests.app.realtime.site import Talk, encoded, header
from tests.server_process import ServerProcess, server_process
from tests.waiting import until

MODULE = "tests.app.realtime.tricked_server"
CREATE = 'mutation { createRoom(input: {kind: PUBLIC, name: "Terns"}) { id } }'
JOIN = "mutation ($room: ID!) { joinRoom(roomId: $room) { status } }"
SEND = "mutation ($room: ID!, $body: String!) { sendMessage(input: {roomId: $room, body: $body}) { id } }"
PRESENCE = "query ($users: [ID!]!) { getPresence(userIds: $users) { status } }"
ON_MESSAGE = "subscription ($room: ID) { onMessage(roomId: $room) { body sequence sender { displayName } } }"
ON_PRESENCE = "subscription ($who: ID) { onPresenceChanged(userId: $who) { userId status } }"


class User:
    """Somebody with a token of one of the servers, which all of them take."""

    def __init__(self, name: str, server: ServerProcess) -> None:
        self.id = user_id(name)
        issuer = LocalIssuer.open(server.data_dir, time.time)
        self.token = issuer.token(name, frozenset({"Students"}), ttl=3600, token_use="access")

    async def run(self, server: ServerProcess, query: str, **variables: Any) -> Any:
        body = {"query": query, "variables": variables}
        async with (
            aiohttp.ClientSession() as client,
            client.post(server.endpoint, json=body, headers={"authorization": self.token}) as response,
        ):
            payload = orjson.loads(await response.read())
            assert "errors" not in payload, payload
            return payload["data"]

    @asynccontextmanager
    async def connected(self, server: ServerProcess) -> AsyncIterator[Talk]:
        protocols = ("graphql-ws", "header-" + encoded(header(self.token)))
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(f"{server.endpoint}/realtime", protocols=protocols) as socket,
        ):
            talk = Talk(socket)
            await talk.say({"type": "connection_init"})
            await talk.hear_all(2)
            yield talk

    async def room(self, server: ServerProcess) -> str:
        return str((await self.run(server, CREATE))["createRoom"]["id"])

    async def sees(self, server: ServerProcess, other: "User", status: str) -> bool:
        [presence] = (await self.run(server, PRESENCE, users=[other.id]))["getPresence"]
        return bool(presence["status"] == status)


def servers(data: Path, **settings: str) -> Any:
    return server_process(data, module=MODULE, SEED_DEMO="off", RATE_BURST="10000", **settings)


async def sent_with_its_last_breath(dying: ServerProcess, sender: User, room: str, body: str) -> None:
    try:
        await sender.run(dying, SEND, room=room, body=body)
    except aiohttp.ClientError:
        assert dying.process is not None
        await asyncio.to_thread(dying.process.wait, 60)
        return
    raise AssertionError("it should have died")


async def events_of(talk: Talk, field: str) -> AsyncIterator[Any]:
    while True:
        frame = await talk.hear()
        if frame["type"] == "data":
            yield frame["payload"]["data"][field]


async def test_another_process_tells_what_a_killed_one_did_not(tmp_path: Path) -> None:
    with servers(tmp_path / "data") as living, servers(tmp_path / "data", DIES_BEFORE="publishMessage") as dying:
        ada, ben = User("ada", living), User("ben", living)
        room = await ada.room(living)
        await ben.run(living, JOIN, room=room)
        async with ben.connected(living) as talk:
            assert (await talk.start("1", ON_MESSAGE, ben.token, room=room))["type"] == "start_ack"
            await sent_with_its_last_breath(dying, ada, room, "Farewell")

            heard = await anext(events_of(talk, "onMessage"))

    assert heard == {"body": "Farewell", "sequence": 1, "sender": {"displayName": "ada"}}


async def test_a_server_that_is_started_again_tells_what_it_did_not_live_to_tell(tmp_path: Path) -> None:
    with servers(tmp_path / "data", DIES_BEFORE="publishMessage") as dying:
        ada = User("ada", dying)
        room = await ada.room(dying)
        await sent_with_its_last_breath(dying, ada, room, "Farewell")
        sign = tmp_path / "begin"
        with servers(tmp_path / "data", WORKS_FROM=str(sign)) as again:
            async with ada.connected(again) as talk:
                assert (await talk.start("1", ON_MESSAGE, ada.token, room=room))["type"] == "start_ack"
                sign.touch()

                heard = await anext(events_of(talk, "onMessage"))

    assert heard["body"] == "Farewell"


async def test_the_users_of_a_killed_process_are_soon_offline(tmp_path: Path) -> None:
    with servers(tmp_path / "data") as living, servers(tmp_path / "data") as dying:
        ada, ben = User("ada", living), User("ben", living)
        room = await ada.room(living)
        await ben.run(living, JOIN, room=room)
        async with ada.connected(living) as talk, ben.connected(dying):
            await until(lambda: ada.sees(living, ben, "ONLINE"), "somebody online without a heartbeat")
            assert (await talk.start("1", ON_PRESENCE, ada.token, who=ben.id))["type"] == "start_ack"

            dying.kill()

            heard = events_of(talk, "onPresenceChanged")
            while (await anext(heard))["status"] != "OFFLINE":  # their coming may be told late
                pass
            assert await ada.sees(living, ben, "OFFLINE")
            async with ben.connected(living):
                assert (await anext(heard)) == {"userId": ben.id, "status": "ONLINE"}
            assert (await anext(heard)) == {"userId": ben.id, "status": "OFFLINE"}
