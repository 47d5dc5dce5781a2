"""What clients cost the server: a whole process, looked at from outside."""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.app.realtime.site import Talk, encoded, header
from tests.server_process import ServerProcess, server_process
from tests.waiting import PATIENCE_SECONDS, until

MEBIBYTE = 1024 * 1024
WITHOUT_LIMITS = {
    "RATE_PER_SECOND": "100000",
    "RATE_BURST": "100000",
    "MAX_SOCKETS_PER_CALLER": "1000",
    "ROOM_CHANGES_PER_SECOND": "100000",
    "ROOM_CHANGES_BURST": "100000",
    "USER_CHANGES_PER_SECOND": "100000",
    "USER_CHANGES_BURST": "100000",
}
CREATE = 'mutation { createRoom(input: {kind: PUBLIC, name: "Room"}) { id } }'
SEND = "mutation ($room: ID!, $body: String!) { sendMessage(input: {roomId: $room, body: $body}) { sequence } }"
EIGHT_TIMES = " ".join(f"{name}: body" for name in "abcdefgh")
MESSAGES = f"subscription ($room: ID) {{ onMessage(roomId: $room) {{ sequence {EIGHT_TIMES} }} }}"
LONG = "x" * 4_000
"""Which makes 32 KiB of an event that names it eight times."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc to read")


class House:
    """A server, a room in it, and its owner."""

    def __init__(self, server: ServerProcess, client: aiohttp.ClientSession) -> None:
        self.server = server
        self.client = client
        self.token = server.token("owner")
        self.room = ""

    async def ask(self, query: str, **variables: Any) -> Any:
        body = {"query": query, "variables": variables}
        async with self.client.post(self.server.endpoint, json=body, headers={"authorization": self.token}) as response:
            payload = orjson.loads(await response.read())
        assert "errors" not in payload, payload
        return payload["data"]

    async def send(self, body: str) -> float:
        """The seconds it took."""
        began = time.monotonic()
        await self.ask(SEND, room=self.room, body=body)
        return time.monotonic() - began

    async def listener(self, client: aiohttp.ClientSession) -> Talk:
        protocols = ("graphql-ws", f"header-{encoded(header(self.token))}")
        talk = Talk(await client.ws_connect(f"{self.server.endpoint}/realtime", protocols=protocols))
        answer = await talk.start("1", MESSAGES, self.token, room=self.room)
        assert answer == {"type": "start_ack", "id": "1"}
        return talk

    @property
    def memory(self) -> int:
        """Resident bytes."""
        [kibibytes] = re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self._pid}/status").read_text())
        return int(kibibytes) * 1024

    @property
    def files(self) -> int:
        return sum(1 for _ in Path(f"/proc/{self._pid}/fd").iterdir())

    @property
    def _pid(self) -> int:
        assert self.server.process is not None
        return self.server.process.pid


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data = tmp_path_factory.mktemp("resources") / "data"
    with server_process(data, SEED_DEMO="off", **WITHOUT_LIMITS) as started:
        yield started


@asynccontextmanager
async def _house(server: ServerProcess) -> AsyncIterator[House]:
    async with aiohttp.ClientSession() as client:
        house = House(server, client)
        house.room = (await house.ask(CREATE))["createRoom"]["id"]
        yield house


@pytest.fixture
async def house(server: ServerProcess) -> AsyncIterator[House]:
    async with _house(server) as it:
        yield it


def sequence(frame: Any) -> int:
    return int(frame["payload"]["data"]["onMessage"]["sequence"])


async def test_those_who_never_read_cost_a_bounded_amount_and_hold_up_nobody(house: House) -> None:
    reading = await house.listener(house.client)
    stuck = [await house.listener(house.client) for _ in range(8)]
    for talk in stuck:
        talk.socket._writer.transport.pause_reading()
    before = house.memory
    most = 0
    for batch in range(100):
        taken = await asyncio.gather(*(house.send(LONG) for _ in range(8)))
        assert max(taken) < 10, "as long as it takes to give a client up"
        assert [sequence(frame) for frame in await reading.hear_all(8)] == list(range(batch * 8 + 1, batch * 8 + 9))
        most = max(most, house.memory)
    assert most - before < 60 * MEBIBYTE

    stuck[0].socket._writer.transport.resume_reading()
    for number in itertools.count(1):
        message = await stuck[0].socket.receive(PATIENCE_SECONDS)
        if message.type is aiohttp.WSMsgType.CLOSE:
            assert (message.data, message.extra) == (1013, "slow consumer")
            break
        assert sequence(orjson.loads(message.data)) == number, "nothing is passed over in silence"


async def test_nothing_of_clients_that_came_and_went_stays_behind(house: House) -> None:
    async def come_and_go() -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
            talks = await asyncio.gather(*(house.listener(client) for _ in range(50)))
            await house.send("Hello")
            await asyncio.gather(*(talk.hear() for talk in talks))

    await come_and_go()  # the first ones find nothing warm
    files, memory = house.files, house.memory
    for _ in range(6):
        await come_and_go()
        await until(lambda: house.files <= files, "the end of their connections")
    assert house.memory - memory < 15 * MEBIBYTE
