"""Bytes a second into the embedded store of files, against the least that receives a file at all."""

import contextlib
import random
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import servers
from bench.report import Result
from bench.servers import Server
from datasources.local.file_urls import Grant, UrlSigner

FILE_BYTES = 64 * 1024**2
CONNECTIONS = (1, 4)
ROUNDS = 15
LEAST_RATIO = 0.7
_CHUNK = bytes(range(256)) * 4096
_TYPE = "video/mp4"


@dataclass(frozen=True)
class Receiver:
    """A server, and who signs its URLs; None where it asks for none."""

    server: Server
    urls: UrlSigner | None

    def target(self, key: str) -> str:
        if self.urls is None:
            return f"/{key}"
        return self.urls.url(Grant("PUT", key, int(time.time()) + 600, size=FILE_BYTES, type=_TYPE))


def measure(rounds: int = ROUNDS) -> list[Result]:
    with tempfile.TemporaryDirectory(dir=servers.ROOT) as folder, contextlib.ExitStack() as running:
        receivers = [running.enter_context(each) for each in _receivers(Path(folder))]
        return [result for connections in CONNECTIONS for result in _compared(receivers, connections, rounds)]


def _receivers(folder: Path) -> Iterator[contextlib.AbstractContextManager[Receiver]]:
    yield _product(folder / "data")
    for name, sync in (("a bare aiohttp receiver", ""), ("a bare one that syncs", "1")):
        yield _bare(name, folder, sync)


@contextlib.contextmanager
def _product(folder: Path) -> Iterator[Receiver]:
    command = servers.python("app", "serve")
    product = servers.serve("EduConnect", command, {}, all_cores=True, DATA_DIR=str(folder), SEED_DEMO="off")
    with product as server:
        yield Receiver(server, UrlSigner((folder / "files-secret").read_bytes(), "", time.time))


@contextlib.contextmanager
def _bare(name: str, folder: Path, sync: str) -> Iterator[Receiver]:
    command = servers.python("bench.peers.file_receiver")
    with servers.serve(name, command, {}, all_cores=True, FOLDER=str(folder), SYNC=sync) as server:
        yield Receiver(server, None)


def _compared(receivers: Sequence[Receiver], connections: int, rounds: int) -> list[Result]:
    speeds: list[list[float]] = [[] for _ in receivers]
    costs: list[list[float]] = [[] for _ in receivers]
    for receiver in receivers:
        _speed(receiver, connections)  # whoever is first would pay for what all use
    for _ in range(rounds):
        for place in random.sample(range(len(receivers)), len(receivers)):
            before = receivers[place].server.cpu_seconds()
            speeds[place].append(_speed(receivers[place], connections))
            spent = receivers[place].server.cpu_seconds() - before
            costs[place].append(1e3 * spent / (connections * FILE_BYTES / 1e9))
    what = f"upload, {connections} at once"
    results = []
    for place, peer in enumerate(receivers[1:], 1):
        against = f"against {peer.server.name}"
        faster, cheaper = _quotients(speeds[0], speeds[place]), _quotients(costs[place], costs[0])
        results.append(_result(f"{what}, {against}", "MB/s", speeds[0], speeds[place], faster))
        results.append(_result(f"{what}, a GB, {against}", "ms CPU", costs[0], costs[place], cheaper))
    return results


def _quotients(figures: Sequence[float], by: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(figures, by, strict=True)]


def _result(name: str, unit: str, ours: Sequence[float], theirs: Sequence[float], ratios: Sequence[float]) -> Result:
    lower, ratio, upper = statistics.quantiles(ratios, n=4)
    return Result(name, statistics.median(ours), statistics.median(theirs), unit, ratio, LEAST_RATIO, (lower, upper))


def _speed(receiver: Receiver, connections: int) -> float:
    """Megabytes a second, all connections together, until the last has its answer."""
    faults: list[Exception] = []

    def send(number: int) -> None:
        try:
            _send(receiver.server.port, receiver.target(f"bench/{number}"))
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return connections * FILE_BYTES / (time.perf_counter() - began) / 1e6


def _send(port: int, target: str) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = f"PUT {target} HTTP/1.1\r\nhost: x\r\ncontent-type: {_TYPE}\r\ncontent-length: {FILE_BYTES}\r\n"
        connection.sendall(f"{head}connection: close\r\n\r\n".encode())
        for _ in range(FILE_BYTES // len(_CHUNK)):
            connection.sendall(_CHUNK)
        answer = connection.recv(4096)
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(answer.decode("latin-1"))
