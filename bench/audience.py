"""Subscribers of one server, in a process of their own: bench/listeners.py, held in the hand."""

import base64
import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import msgspec

from bench import servers
from bench.listeners import Heard, Opening, Order, Plan, Step
from bench.servers import ROOT


def appsync(document: str, room_id: str, token: str) -> Opening:
    """In AppSync's protocol, with the credentials in the handshake and in the start, as its clients do."""
    header = {"host": "127.0.0.1", "Authorization": token}
    shown = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    data = json.dumps({"query": document, "variables": {"room": room_id}})
    start = {"id": "1", "type": "start", "payload": {"data": data, "extensions": {"authorization": header}}}
    return Opening(
        f"graphql-ws, header-{shown}",
        (
            Step('{"type":"connection_init"}', ("connection_ack", "ka")),
            Step(json.dumps(start), ("start_ack",)),
        ),
    )


def transport_ws(document: str, room_id: str) -> Opening:
    """In graphql-transport-ws, which does not tell that a subscription has begun."""
    payload = {"query": document, "variables": {"room": room_id}}
    subscribe = {"id": "1", "type": "subscribe", "payload": payload}
    return Opening(
        "graphql-transport-ws",
        (Step('{"type":"connection_init"}', ("connection_ack",)), Step(json.dumps(subscribe), ())),
    )


class Audience:
    """The listeners' stdin and stdout."""

    def __init__(self, orders: IO[bytes], answers: IO[bytes]) -> None:
        self._orders = orders
        self._answers = answers

    def listen(self, order: Order) -> None:
        """Begins; `heard` waits for the end."""
        self._orders.write(msgspec.json.encode(order) + b"\n")
        self._orders.flush()

    def heard(self) -> Heard:
        line = self._answers.readline()
        if not line:
            raise RuntimeError("the listeners have ended")
        return msgspec.json.decode(line, type=Heard)


@contextlib.contextmanager
def audience(port: int, openings: Sequence[Opening]) -> Iterator[Audience]:
    """Nobody is subscribed yet; all are gone when the context ends."""
    with tempfile.NamedTemporaryFile() as plan:
        Path(plan.name).write_bytes(msgspec.json.encode(Plan(port, tuple(openings))))
        command = servers.python("bench.listeners", plan.name)
        process = subprocess.Popen(
            command, cwd=ROOT, env=servers.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            yield Audience(process.stdin, process.stdout)
        finally:
            process.kill()
            process.wait()
