"""A real redis-server on a free port, which tests stop, hang and start again."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.server_process import free_port
from tests.waiting import PATIENCE_SECONDS


@dataclass
class RedisServer:
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it, empty, and waits until it takes connections."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            assert time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.01)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def hang(self) -> None:
        """It keeps its connections and accepts more, and answers nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def reset_connections(self) -> None:
        subprocess.run(
            ["redis-cli", "-p", str(self.port), "client", "kill", "type", "normal", "skipme", "yes"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        subprocess.run(
            ["redis-cli", "-p", str(self.port), "client", "kill", "type", "pubsub"],
            check=True,
            stdout=subprocess.DEVNULL,
        )


@contextlib.contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Gone when the context ends. Skips the test, visibly, where there is no redis-server; in CI that is a failure."""
    if shutil.which("redis-server") is None:
        assert os.environ.get("CI") != "true", "redis-server is missing: apt-get install redis-server"
        pytest.skip("redis-server is missing: apt-get install redis-server")
    server = RedisServer(free_port())
    try:
        server.start()
        yield server
    finally:
        if server.process is not None:
            server.kill()
