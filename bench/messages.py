"""Messages sent and acknowledged durable: the product as it runs on SQLite, and what its parts cost alone."""

import asyncio
import itertools
import json
import sqlite3
import statistics
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from app.engines import DATABASE_FILE
from app.server import new_event_loop
from bench import crowd, servers
from bench.connection import Connection, post
from bench.report import Result
from bench.servers import Server
from datasources.local.sqlite_backup import snapshot
from datasources.local.sqlite_connections import connect_all
from datasources.local.sqlite_schema import Layout, decode, prepare
from datasources.tables import MESSAGES, ROOM_LOG, WORKERS

SENDERS = 50
ROOMS = 100
IN_A_ROOM = 2
WARM_SECONDS = 2.0
SECONDS = 10.0
SETTLE_SECONDS = 60.0
"""For the workers to come to the end of what was sent."""
GROUP = 50
"""Messages in one commit where nothing but the store is measured."""
SYNCS = 200
ALONE = 5_000
"""Messages that are written by SQLite alone."""

LEAST_PER_SECOND = 5_000.0
MOST_P99_MILLISECONDS = 30.0
_FAST = "1000000"
_SEND = "mutation Send($input: SendMessageInput!) { sendMessage(input: $input) { id sequence sentAt } }"
_NOTHING = "mutation Nothing { __typename }"

Requests = Callable[[int], Iterator[bytes]]
"""What one of the senders asks, one after the other."""
_FOLLOWERS = ("message-search", "message-notifications", "lost-publishMessage")
"""The workers' steps that read what is sent."""
_ROWS = {"Messages": 1, "RoomLog": 2, "_changes": 1}
"""SQL tables, and the rows in them that one message adds."""


def measure(seconds: float = SECONDS) -> list[Result]:
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "data"
        members = asyncio.run(crowd.plant(folder, IN_A_ROOM * ROOMS, ROOMS))
        limits = ("RATE_PER_SECOND", "RATE_BURST", "ROOM_CHANGES_PER_SECOND", "ROOM_CHANGES_BURST",
                  "USER_CHANGES_PER_SECOND", "USER_CHANGES_BURST")  # fmt: skip
        env = {"DATA_DIR": str(folder), "SEED_DEMO": "off", **dict.fromkeys(limits, _FAST)}
        with (
            servers.serve("EduConnect", servers.python("app", "serve"), {}, **env) as server,
            asyncio.Runner(loop_factory=new_event_loop) as runner,
            servers.off_their_core(),
        ):
            sending = Sending(server, members, folder / DATABASE_FILE)
            results = runner.run(sending.measure(seconds))
        return [*results, *_alone(folder / DATABASE_FILE, Path(parent) / "alone.sqlite")]


class Sending:
    """Fifty people on connections of their own; each says the next thing when the last one is acknowledged."""

    def __init__(self, server: Server, members: Sequence[crowd.Member], file: Path) -> None:
        self._server = server
        self._members = members
        self._file = file

    async def measure(self, seconds: float) -> list[Result]:
        await self._ask_for(WARM_SECONDS, self._messages)
        await self._settled()
        _, _, nothing = await self._ask_for(WARM_SECONDS, self._nothings)
        commits, core = _commits(self._file), self._server.cpu_seconds()
        rate, milliseconds, cost = await self._ask_for(seconds, self._messages)
        commits = _commits(self._file) - commits
        await self._settled()
        whole = (self._server.cpu_seconds() - core) / len(milliseconds) * 1e6
        many = statistics.quantiles(milliseconds, n=100)
        return [
            _result("messages acknowledged", rate, "a second"),
            _result("time of the core for each message", 1e6 / rate, "us", 1e6 / LEAST_PER_SECOND),
            _result("until a message is acknowledged, mean", statistics.fmean(milliseconds), "ms"),
            _result("until a message is acknowledged, p50", many[49], "ms"),
            _result("until a message is acknowledged, p90", many[89], "ms"),
            _result("until a message is acknowledged, p99", many[98], "ms", MOST_P99_MILLISECONDS),
            _result("server's CPU for a message, while they are sent", cost, "us CPU"),
            _result("server's CPU for a message, with what workers do later", whole, "us CPU"),
            _result("server's CPU for a mutation that does nothing", nothing, "us CPU"),
            _result("commits", commits / seconds, "a second"),
            _result("messages in a commit", len(milliseconds) / commits, ""),
        ]

    async def _ask_for(self, seconds: float, asked: Requests) -> tuple[float, list[float], float]:
        """Answers a second, the time of each in ms, and the server's CPU for each in us."""
        connections = [await Connection.open(self._server.port) for _ in range(SENDERS)]
        milliseconds: list[float] = []
        core, start = self._server.cpu_seconds(), time.monotonic()

        async def one(connection: Connection, requests: Iterator[bytes]) -> None:
            for request in requests:
                begun = time.monotonic()
                if begun - start > seconds:
                    return
                answer = await connection.ask(request)
                milliseconds.append((time.monotonic() - begun) * 1e3)
                if b'"errors"' in answer:
                    raise RuntimeError(answer.decode())

        await asyncio.gather(*(one(each, asked(number)) for number, each in enumerate(connections)))
        core, took = self._server.cpu_seconds() - core, time.monotonic() - start
        for connection in connections:
            connection.close()
        return len(milliseconds) / took, milliseconds, core / len(milliseconds) * 1e6

    def _messages(self, sender: int) -> Iterator[bytes]:
        """In each of the sender's rooms in turn, each time as the member who is there."""
        for number, member in enumerate(itertools.cycle(self._members[sender::SENDERS])):
            said = {"roomId": member.room_id, "body": f"Message {number}: there they are, by the lighthouse."}
            yield self._request(member, {"query": _SEND, "variables": {"input": said}})

    def _nothings(self, sender: int) -> Iterator[bytes]:
        return itertools.repeat(self._request(self._members[sender], {"query": _NOTHING}))

    def _request(self, member: crowd.Member, question: Mapping[str, Any]) -> bytes:
        return post(self._server.port, {"authorization": member.token}, json.dumps(question).encode())

    async def _settled(self) -> None:
        """Returns when the workers have read all that was committed."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            await asyncio.sleep(0.5)
            if await asyncio.to_thread(_is_read, self._file):
                return
        raise RuntimeError("the workers do not come to the end of the log")


def _result(what: str, number: float, unit: str, most: float | None = None) -> Result:
    return Result(f"{SENDERS} senders in {ROOMS} rooms, {what}", number, None, unit, None, most)


def _commits(file: Path) -> int:
    """Transactions so far, as SQLite counts them in the index of its log (walformat.html, 2.1.1)."""
    with Path(f"{file}-shm").open("rb") as index:
        (count,) = struct.unpack_from("=I", index.read(12), 8)
    return int(count)


def _is_read(file: Path) -> bool:
    """Whether the workers have come to the end of the rooms' log."""
    with snapshot(file) as connection:
        (last,) = connection.execute("SELECT MAX(sequence) FROM _changes WHERE name = ?", (ROOM_LOG.name,)).fetchone()
        rows = connection.execute(Layout(WORKERS).select.replace("= ?", "IN (?, ?, ?)"), _FOLLOWERS)
        return all(int(decode(row)["position"]) >= last for (row,) in rows)


def _alone(file: Path, copy: Path) -> list[Result]:
    """The last of the same rows in a new file, written by nothing but SQLite, in groups, synced as ours are."""
    layouts = [Layout(MESSAGES), Layout(ROOM_LOG)]
    with snapshot(file) as connection:
        rows = {name: _last(connection, name, ALONE * each) for name, each in _ROWS.items()}
    (connection,) = connect_all(copy, partial(prepare, layouts=layouts), readers=0)
    with closing(connection):
        began, core = time.perf_counter(), time.process_time()
        for start in range(0, ALONE, GROUP):
            connection.execute("BEGIN IMMEDIATE")
            for name, each in _ROWS.items():
                values = ", ".join("?" * len(rows[name][0]))
                some = rows[name][start * each : (start + GROUP) * each]
                connection.executemany(f"INSERT INTO {name} VALUES ({values})", some)  # noqa: S608 - names are ours
            connection.execute("COMMIT")
        took, core = time.perf_counter() - began, time.process_time() - core
        synced = _synced(connection)
    return [
        Result(f"the same rows by SQLite alone, {GROUP} messages a commit", ALONE / took, None, "a second", None, None),
        Result("the same rows by SQLite alone, CPU for a message", core / ALONE * 1e6, None, "us CPU", None, None),
        Result("a commit of one row, synced to this disk", synced * 1e3, None, "ms", None, None),
    ]


def _last(connection: sqlite3.Connection, name: str, count: int) -> list[Any]:
    """Rows of an SQL table, in the order in which they were written."""
    found = connection.execute(f"SELECT * FROM {name} ORDER BY rowid DESC LIMIT ?", (count,)).fetchall()  # noqa: S608 - names are ours
    return found[::-1]


def _synced(connection: sqlite3.Connection) -> float:
    """Median seconds of a commit."""
    connection.execute("CREATE TABLE synced (number INTEGER)")
    took = []
    for number in range(SYNCS):
        began = time.perf_counter()
        connection.execute("INSERT INTO synced VALUES (?)", (number,))
        took.append(time.perf_counter() - began)
    return statistics.median(took)
