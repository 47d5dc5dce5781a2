"""How long a process takes from its start until it is ready, with a school already in its data folder."""

import http.client
import os
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
    return [
        Result(
            "start-up to ready, school in place", statistics.median(times) * 1000, None, "ms", None, TARGET_MILLISECONDS
        )
    ]


def _start(folder: str) -> float:
    port = free_port()
    environ = {**os.environ, "PORT": str(port), "DATA_DIR": folder}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # some machines set it; what is deployed has its byte code
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve"],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _ready(port):
            if process.poll() is not None or time.monotonic() - began > servers.STARTUP_SECONDS:
                raise RuntimeError("the server did not become ready")
            time.sleep(0.005)
        return time.monotonic() - began
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
