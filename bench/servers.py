"""Servers under test, each one process pinned to one core, and what their work costs in CPU time."""

import asyncio
import contextlib
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.connection import Connection, post

ROOT = Path(__file__).parent.parent
STARTUP_SECONDS = 30
CONNECTIONS = 16
_CORES = sorted(os.sched_getaffinity(0))

Change = Callable[[], None]
"""Of what the servers are asked for."""


@dataclass(frozen=True)
class Server:
    """A running server. `headers` go with every request."""

    name: str
    pid: int
    port: int
    headers: Mapping[str, str]

    def cpu_seconds(self) -> float:
        """User and system time of the process, all threads."""
        return cpu_seconds(self.pid)

    def resident_bytes(self) -> int:
        """Memory of the process that is in RAM."""
        pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * resource.getpagesize()

    def most_resident_bytes(self) -> int:
        """The most that it ever had there."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])


@contextlib.contextmanager
def serve(
    name: str, command: list[str], headers: Mapping[str, str], *, all_cores: bool = False, **env: str
) -> Iterator[Server]:
    """Starts a server on a free port of 127.0.0.1, on the first core or on all, and ends it."""
    port = free_port()
    process = start(command, port, env, all_cores=all_cores)
    try:
        yield Server(name, process.pid, port, headers)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def start(
    command: list[str], port: int, env: Mapping[str, str], *, all_cores: bool = True
) -> "subprocess.Popen[bytes]":
    """A server that listens."""
    cores = _CORES if all_cores else _CORES[:1]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**environment(), **env, "PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),  # noqa: PLW1509 - it only makes a system call
    )
    try:
        wait_until_open(port, process)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


@contextlib.contextmanager
def off_their_core() -> Iterator[None]:
    """Keeps this process, which makes the load, off the servers' core where there is another."""
    os.sched_setaffinity(0, set(_CORES[1:] or _CORES))
    try:
        yield
    finally:
        os.sched_setaffinity(0, set(_CORES))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all threads."""
    return time.clock_gettime((~pid << 3) | 2)  # the clock's id as clock_getcpuclockid(3) makes it


def environment() -> dict[str, str]:
    """This process's own, with byte code written: what is deployed has it, and imports cost several times as much
    without."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_open(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.01)
    raise RuntimeError(f"nothing listens on port {port} after {STARTUP_SECONDS} s")


async def ask(server: Server, body: bytes, times: int, change: Change | None = None) -> bytes:
    """The same request `times` times, over at most CONNECTIONS kept-alive connections; one answer's body.

    Args:
        change: what happens before each request, which then waits for the one before.
    """
    request = post(server.port, server.headers, body)
    connections = 1 if change else min(CONNECTIONS, times)
    shares = [len(range(number, times, connections)) for number in range(connections)]
    answers = await asyncio.gather(*(_one_connection(server.port, request, share, change) for share in shares))
    return answers[0]


async def _one_connection(port: int, request: bytes, times: int, change: Change | None) -> bytes:
    connection = await Connection.open(port)
    answer = b""
    try:
        for _ in range(times):
            if change is not None:
                change()
            answer = await connection.ask(request)
    finally:
        connection.close()
    return answer
