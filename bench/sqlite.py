"""GraphQL over HTTP on SQLite: the product as it runs, against Strawberry over the same datasource classes."""

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path

from bench import rounds, servers, stored_school
from bench.report import Result

KEY = "da2-" + "b" * 26
FAST = "1000000"
TARGETS = {("page", "Strawberry with caches"): 10.0, ("catalog", "Strawberry with caches"): 10.0}


def measure() -> list[Result]:
    with tempfile.TemporaryDirectory() as parent, contextlib.ExitStack() as running:
        planted = Path(parent) / "planted"
        asyncio.run(stored_school.plant(planted))
        ours = {"API_KEYS": KEY, "SEED_DEMO": "off", "RATE_PER_SECOND": FAST, "RATE_BURST": FAST}
        strawberry = servers.python("bench.peers.strawberry_stored")
        started = [
            running.enter_context(servers.serve(name, command, headers, DATA_DIR=str(_copy(planted, number)), **env))
            for number, (name, command, headers, env) in enumerate(
                [
                    ("EduConnect", servers.python("app", "serve"), {"x-api-key": KEY}, ours),
                    ("plain Strawberry", strawberry, {}, {}),
                    ("Strawberry with caches", strawberry, {}, {"CACHES": "1"}),
                ]
            )
        ]
        return asyncio.run(rounds.compare(started, stored_school.REQUESTS, title="on SQLite", targets=TARGETS))


def _copy(planted: Path, number: int) -> Path:
    """A database of its own for each server."""
    return shutil.copytree(planted, planted.parent / str(number))
