"""The server as `make run` starts it: a process of its own on a free port, in a folder of its own."""

import contextlib
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.auth.local_issuer import LocalIssuer
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    """Below those that the system hands out by itself, so that nobody is given it before it is used."""
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass
class ServerProcess:
    """`python -m app serve` and the commands that go with it, over one DATA_DIR.

    Attributes:
        settings: environment variables besides PORT and DATA_DIR.
        module: serves in place of `app`.
    """

    data_dir: Path
    port: int
    settings: Mapping[str, str]
    module: str = "app"
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def origin(self) -> str:
        return f"{'https' if self.authority else 'http'}://127.0.0.1:{self.port}"

    @property
    def authority(self) -> Path | None:
        """Who signs its certificate; None when it has none."""
        return self.data_dir / "tls" / "ca.pem" if self.settings.get("TLS") == "true" else None

    @property
    def endpoint(self) -> str:
        return f"{self.origin}/graphql"

    @property
    def log(self) -> Path:
        return self.data_dir.parent / f"{self.data_dir.name}.log"

    def start(self) -> None:
        """Starts it and waits until it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module, "serve"], cwd=ROOT, env=self._environment(), stdout=log, stderr=log
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        """Ends it at once, as a crash does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Asks it to end, and tells how it ended."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)

    def app(self, *arguments: str) -> str:
        """The last line that `python -m app ARGUMENTS` prints."""
        done = subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]

    def token(self, user: str, *groups: str) -> str:
        """As `python -m app token` prints it for a user without roles, and without a process of its own."""
        return LocalIssuer.open(self.data_dir, time.time).token(user, groups or ("Students",))

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.settings, "PORT": str(self.port), "DATA_DIR": str(self.data_dir)}

    def _ready(self) -> bool:
        with contextlib.suppress(OSError):
            trust = ssl.create_default_context(cafile=self.authority) if self.authority else None
            with urllib.request.urlopen(f"{self.origin}/readyz", timeout=5, context=trust) as answer:
                return bool(answer.status == 200)
        return False


@contextlib.contextmanager
def server_process(data_dir: Path, *, module: str = "app", **settings: str) -> Iterator[ServerProcess]:
    """A started server; it is gone when the context ends, however that comes."""
    server = ServerProcess(data_dir, free_port(), settings, module)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
