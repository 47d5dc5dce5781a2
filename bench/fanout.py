"""One chat message to everybody in a room, over WebSockets: the product as it runs, against peers."""

import asyncio
import contextlib
import http.client
import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.open_files import allow_many_files
from bench import crowd, node, servers
from bench.audience import Audience, appsync, audience, transport_ws
from bench.listeners import Heard, Opening, Order
from bench.report import Result
from bench.servers import Server

MESSAGES = {500: 12, 2_000: 8, 10_000: 4}
"""How many are timed, by the number of subscribers."""
MOST_OF_STRAWBERRY = 2_000
"""Subscribers; with 10,000 one message takes its handler seconds, and this part twice the time."""
FEW = 50
"""Subscribers that are there before a server's memory is looked at first, with all its code in place."""
SETTLE_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
SPARE_FILES = 200

MOST_CPU_MICROSECONDS = 25.0
RAW, GRAPHQL_WS = "a raw protocol writer", "graphql-ws"
LEAST_RATIOS = {RAW: 1 / 1.8, GRAPHQL_WS: 1.0}
MOST_KILOBYTES = 35.0
FIELDS = {"id", "roomId", "senderId", "body", "sentAt"}
LISTEN = "subscription Listen($room: ID!) { onMessage(roomId: $room) { id roomId senderId body sentAt } }"
SEND = "mutation Send($input: SendMessageInput!) { sendMessage(input: $input) { id } }"


@dataclass
class Hall:
    """A server, its audience in one room, and what was measured of them."""

    server: Server
    room_id: str
    audience: Audience
    kilobytes: float = 0
    lost: int = 0
    cpu_microseconds: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)


def measure(left_out: list[str], messages: Mapping[int, int] = MESSAGES) -> list[Result]:
    """Args: messages: how many are timed, by the number of subscribers."""
    files = allow_many_files() or 0
    sizes = [size for size in messages if size + SPARE_FILES <= files]
    too_large = sorted(messages.keys() - sizes)
    left_out += [f"fan-out to {size:,}: this system lets a process open only {files:,} files" for size in too_large]
    if not node.has_packages():
        left_out.append(f"fan-out against {GRAPHQL_WS}: Node.js or its packages are missing")
    results = []
    with tempfile.TemporaryDirectory() as folder, servers.off_their_core():
        planted = Path(folder) / "planted"
        members = asyncio.run(crowd.plant(planted, max(sizes), 1))
        for size in sizes:
            data = shutil.copytree(planted, Path(folder) / str(size))
            with contextlib.ExitStack() as running:
                halls = _halls(running, data, members[:size])
                _fill(halls, size)
                for number in range(messages[size]):
                    for hall in random.sample(halls, len(halls)):
                        _time(hall, size, f"Message {number} to everybody in the room")
            results += _results(halls, size)
    return results


def _halls(running: contextlib.ExitStack, data: Path, members: Sequence[crowd.Member]) -> list[Hall]:
    """Ours first."""
    room_id = members[0].room_id

    def hall(server: Server, openings: Sequence[Opening]) -> Hall:
        return Hall(server, room_id, running.enter_context(audience(server.port, openings)))

    headers = {"authorization": members[0].token}
    product = servers.serve("EduConnect", servers.python("app", "serve"), headers, DATA_DIR=str(data), SEED_DEMO="off")
    halls = [hall(running.enter_context(product), [appsync(LISTEN, room_id, each.token) for each in members])]
    peers = {RAW: servers.python("bench.peers.raw_writer")}
    if len(members) <= MOST_OF_STRAWBERRY:
        peers["Strawberry's handler"] = servers.python("bench.peers.strawberry_chat")
    if node.has_packages():
        peers[GRAPHQL_WS] = node.command("graphql_ws.mjs")
    for name, command in peers.items():
        server = running.enter_context(servers.serve(name, command, {}))
        halls.append(hall(server, [transport_ws(LISTEN, room_id)] * len(members)))
    return halls


def _fill(halls: Sequence[Hall], size: int) -> None:
    """Lets everybody in, and checks that all of them hear."""
    few = min(FEW, size // 2)
    _open(halls, few)
    before = [_bytes_after_word(hall, few) for hall in halls]
    _open(halls, size)
    for hall, bytes_before in zip(halls, before, strict=True):
        hall.kilobytes = (_bytes_after_word(hall, size) - bytes_before) / (size - few) / 1024


def _open(halls: Sequence[Hall], size: int) -> None:
    for hall in halls:
        hall.audience.listen(Order(open=size))
    for hall in halls:
        hall.audience.heard()
    time.sleep(SETTLE_SECONDS)  # graphql-transport-ws does not tell when a subscription has begun


def _bytes_after_word(hall: Hall, size: int) -> int:
    """The server's memory after the first message to so many."""
    if _say(hall, size, "Can everybody hear this?").counts.count(1) < size:
        raise RuntimeError(f"{hall.server.name} does not reach all of {size}")
    return hall.server.resident_bytes()


def _time(hall: Hall, size: int, body: str) -> None:
    before, began = hall.server.cpu_seconds(), time.monotonic()
    heard = _say(hall, size, body)
    hall.cpu_microseconds.append((hall.server.cpu_seconds() - before) / size * 1e6)
    hall.milliseconds.append((heard.last_at - began) * 1e3)
    hall.lost += heard.counts.count(0)


def _say(hall: Hall, size: int, body: str) -> Heard:
    """Sends a message and waits until everybody has it. Raises RuntimeError for anything else that is heard."""
    hall.audience.listen(Order(hear=size, seconds=PATIENCE_SECONDS))
    request = {"query": SEND, "variables": {"input": {"roomId": hall.room_id, "body": body}}}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", hall.server.port)) as connection:
        headers = {**hall.server.headers, "content-type": "application/json"}
        connection.request("POST", "/graphql", json.dumps(request), headers)
        heard = hall.audience.heard()
        sent = json.loads(connection.getresponse().read())
    if "errors" in sent:
        raise RuntimeError(f"{hall.server.name} does not send: {sent}")
    shown = [json.loads(text)["payload"]["data"]["onMessage"] for text in heard.copies]
    said = {(each["id"], each["body"]) for each in shown if each.keys() == FIELDS}
    if said != {(sent["data"]["sendMessage"]["id"], body)} or max(heard.counts) > 1:
        raise RuntimeError(f"{hall.server.name} delivers {shown} of {sent}")
    return heard


def _results(halls: Sequence[Hall], size: int) -> list[Result]:
    what = f"fan-out to {size:,}"
    ours, *peers = halls
    goal = size >= max(MESSAGES)
    results = []
    for peer in peers:
        against = f"against {peer.server.name}"
        least = LEAST_RATIOS.get(peer.server.name)
        pairs = zip(peer.cpu_microseconds, ours.cpu_microseconds, strict=True)
        ratio = statistics.median(theirs / own for theirs, own in pairs)
        cpu = statistics.median(ours.cpu_microseconds), statistics.median(peer.cpu_microseconds)
        results.append(Result(f"{what}, a message to one, {against}", *cpu, "us CPU", ratio, least))
        last = statistics.median(ours.milliseconds), statistics.median(peer.milliseconds)
        results.append(Result(f"{what}, until the last has it, {against}", *last, "ms", last[1] / last[0], None))
        room = ours.kilobytes, peer.kilobytes
        results.append(Result(f"{what}, a connection, {against}", *room, "KB", room[1] / room[0], None))
    if goal:
        cpu_each = statistics.median(ours.cpu_microseconds)
        results.append(Result(f"{what}, a message to one", cpu_each, None, "us CPU", None, MOST_CPU_MICROSECONDS))
        results.append(Result(f"{what}, a connection", ours.kilobytes, None, "KB", None, MOST_KILOBYTES))
    results.append(Result(f"{what}, lost messages", ours.lost, None, "", None, 0))
    return results
