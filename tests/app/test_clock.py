"""The machine's clock jumps: what has expired then ends, and nothing else does."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.app.realtime.site import Talk, encoded, header, start
from tests.server_process import ServerProcess, server_process

CREATE = 'mutation { createRoom(input: {kind: PUBLIC, name: "Room"}) { id } }'
SEND = 'mutation ($room: ID!) { sendMessage(input: {roomId: $room, body: "Hello"}) { sequence sentAt } }'
MESSAGES = "subscription ($room: ID) { onMessage(roomId: $room) { sequence } }"
HOUR = 3_600


class MachineClock:
    """The clock of the server's process, by libfaketime. Time that is only measured, as by timeouts, goes on evenly."""

    def __init__(self, library: Path, folder: Path) -> None:
        self._file = folder / "clock"
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        self.differ(0)

    def differ(self, hours: int) -> None:
        """From the true time, from now on."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{hours:+}h\n")
        new.replace(self._file)


@pytest.fixture
def clock(tmp_path: Path) -> MachineClock:
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if library is None:
        reason = "libfaketime is missing: apt-get install libfaketime"
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)
    return MachineClock(library, tmp_path)


@pytest.fixture
def server(clock: MachineClock, tmp_path: Path) -> Iterator[ServerProcess]:
    with server_process(tmp_path / "data", SEED_DEMO="off", **clock.environment) as started:
        yield started


async def ask(client: aiohttp.ClientSession, query: str, sign_in: dict[str, str], **variables: Any) -> Any:
    async with client.post("/graphql", json={"query": query, "variables": variables}, headers=sign_in) as response:
        return orjson.loads(await response.read())


async def test_a_jump_ends_expired_tokens_and_no_others(server: ServerProcess, clock: MachineClock) -> None:
    brief, lasting = (server.app("token", "ada", "--ttl", str(hours * HOUR)) for hours in (1, 12))
    key = {"x-api-key": server.app("api-key")}
    async with (
        aiohttp.ClientSession(server.origin) as client,
        client.ws_connect("/graphql/realtime", protocols=("graphql-ws", f"header-{encoded(header(brief))}")) as socket,
    ):
        room = (await ask(client, CREATE, {"authorization": lasting}))["data"]["createRoom"]["id"]
        talk = Talk(socket)
        for name, token in (("brief", brief), ("lasting", lasting)):
            await talk.say(start(name, MESSAGES, token, room=room))
            assert await talk.hear() == {"type": "start_ack", "id": name}

        clock.differ(hours=2)
        ended = await talk.hear()
        assert (ended["type"], ended["id"]) == ("error", "brief")
        assert ended["payload"]["errors"] == [{"errorType": "UnauthorizedException", "message": "Token has expired."}]
        refused = await ask(client, SEND, {"authorization": brief}, room=room)
        assert refused["errors"][0]["errorType"] == "UnauthorizedException"
        late = (await ask(client, SEND, {"authorization": lasting}, room=room))["data"]["sendMessage"]
        assert (await talk.hear())["id"] == "lasting"

        clock.differ(hours=-1)
        assert "errors" not in await ask(client, "{ getServerInfo { serverTime } }", key)
        fresh = {"authorization": server.app("token", "ada")}
        early = (await ask(client, SEND, fresh, room=room))["data"]["sendMessage"]
        heard = await talk.hear()
        assert (heard["id"], heard["payload"]["data"]["onMessage"]["sequence"]) == ("lasting", early["sequence"])
        assert early["sequence"] == late["sequence"] + 1
        assert early["sentAt"] > late["sentAt"], "within a room time goes on"
    lines = [orjson.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    assert [line for line in lines if line["level"] == "ERROR"] == []
