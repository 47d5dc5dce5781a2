"""How long a process takes from its start until it is ready, with a school already in its data folder."""

import http.client
import statistics
import subprocess
import sys
import tempfile
import time

from bench import servers
from bench.report import Result
from bench.servers import ROOT, free_port

ROUNDS = 5
TARGET_MILLISECONDS = 800


def measure() -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        _start(folder)  # fills the folder and writes byte code
        times = [_start(folder) for _ in range(ROUNDS)]
    wall, core = (statistics.median(each) * 1000 for each in zip(*times, strict=True))
    what = "start-up to ready, school in place"
    return [
        Result(what, wall, None, "ms", None, TARGET_MILLISECONDS),
        Result(f"{what}, CPU", core, None, "ms CPU", None, None),
    ]


def _start(folder: str) -> tuple[float, float]:
    """Seconds, and seconds of CPU, all threads."""
    port = free_port()
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve"],
        cwd=ROOT,
        env={**servers.environment(), "PORT": str(port), "DATA_DIR": folder},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _ready(port):
            if process.poll() is not None or time.monotonic() - began > servers.STARTUP_SECONDS:
                raise RuntimeError("the server did not become ready")
            time.sleep(0.005)
        return time.monotonic() - began, servers.cpu_seconds(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def _ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
