"""Faces a second that the engine of one machine enrolls and compares, in one process of its own."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.report import Result
from datasources.local.faces import open_faces
from datasources.local.sqlite import SQLiteStore
from tests import faces

SECONDS = 5.0


def measure(left_out: list[str]) -> list[Result]:
    if not faces.PHOTOGRAPHS.exists():
        left_out.append("faces: their pictures come with the npm packages of the tests")
        return []
    return asyncio.run(_measure())


async def _measure() -> list[Result]:
    picture = faces.encoded(faces.portrait("eva"))
    with tempfile.TemporaryDirectory() as folder:
        async with (
            SQLiteStore.open(Path(folder) / "bench.sqlite") as store,
            open_faces(store, b"a secret of the bench") as engine,
        ):
            known = await engine.enroll("eva", picture)  # starts the process
            work: list[tuple[str, Callable[[], Awaitable[object]]]] = [
                ("faces enrolled", lambda: engine.enroll("eva", picture)),
                ("faces compared", lambda: engine.compare("eva", known, picture)),
            ]
            return [Result(name, await _rate(call), None, "faces/s", None, None) for name, call in work]


async def _rate(call: Callable[[], Awaitable[object]]) -> float:
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        await call()
        done += 1
    return done / (time.perf_counter() - began)
