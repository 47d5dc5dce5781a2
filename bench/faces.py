"""Faces a second that the engine of one machine enrolls and compares, in processes of its own."""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.report import Result
from bench.servers import Server
from datasources.local.faces import LocalFaces, open_faces
from datasources.local.sqlite import SQLiteStore
from tests import faces

SECONDS = 5.0
IN_TURN = 2
"""Calls that wait for each process, so that it never idles."""
SAME_PERCENT = 95.0
"""A policy's default: those below are not the same."""
_PROBE_SECONDS = 0.005
_SECRET = b"a secret of the bench"


def measure(left_out: list[str], seconds: float = SECONDS) -> list[Result]:
    """Args: seconds: how long each kind of work is done."""
    if not faces.PHOTOGRAPHS.exists():
        left_out.append("faces: their pictures come with the npm packages of the tests")
        return []
    return asyncio.run(_measure(seconds))


@dataclass(frozen=True)
class _Timed:
    """Calls of one kind: the seconds that each took, how many a second, and the processes' CPU time for one."""

    took: Sequence[float]
    rate: float
    cpu_seconds: float


async def _measure(seconds: float) -> list[Result]:
    known, again, other = [faces.encoded(faces.portrait(name)) for name in ("eva", "eva again", "mia")]
    processes = len(os.sched_getaffinity(0))
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        store = await stack.enter_async_context(SQLiteStore.open(Path(folder) / "bench.sqlite"))
        one = await stack.enter_async_context(open_faces(store, _SECRET))
        many = await stack.enter_async_context(open_faces(store, _SECRET, processes=processes))
        face = await one.enroll("eva", known)  # starts the process
        await _check(one, face, again, other)
        enrolled = await _timed(lambda: one.enroll("eva", known), 1, seconds)
        compared = await _timed(lambda: one.compare("eva", face, again), 1, seconds)
        probe = asyncio.create_task(_longest_pause(seconds))
        shared = await _timed(lambda: many.compare("eva", face, again), processes * IN_TURN, seconds)
        pause = await probe
    return [
        Result("faces enrolled, one process", enrolled.rate, None, "faces/s", None, None),
        Result("faces compared, one process", compared.rate, None, "faces/s", None, None),
        Result(f"faces compared, {processes} processes", shared.rate, None, "faces/s", None, None),
        Result("a face compared", 1e3 * compared.cpu_seconds, None, "ms CPU", None, None),
        Result(
            "a face compared, nobody else waiting, median",
            1e3 * statistics.median(compared.took),
            None,
            "ms",
            None,
            None,
        ),
        Result("longest pause of the event loop, all processes at work", 1e3 * pause, None, "ms", None, None),
    ]


async def _check(engine: LocalFaces, face: str, same: bytes, other: bytes) -> None:
    """What is fast has to be right. Raises RuntimeError."""
    alike, unlike = await engine.compare("eva", face, same), await engine.compare("eva", face, other)
    if not unlike < SAME_PERCENT <= alike:
        raise RuntimeError(f"the same face is told alike by {alike:.1f} %, another one by {unlike:.1f} %")


async def _timed(call: Callable[[], Awaitable[object]], at_once: int, seconds: float) -> _Timed:
    """`at_once` callers call one after the other, as long as there is time."""
    await asyncio.gather(*(call() for _ in range(at_once)))  # starts the processes
    before, began, took = _cpu_seconds(), time.perf_counter(), list[float]()

    async def work() -> None:
        while (asked := time.perf_counter()) < began + seconds:
            await call()
            took.append(time.perf_counter() - asked)

    await asyncio.gather(*(work() for _ in range(at_once)))
    elapsed = time.perf_counter() - began
    return _Timed(took, len(took) / elapsed, (_cpu_seconds() - before) / len(took))


def _cpu_seconds() -> float:
    """Of all processes that this one has started and that still run."""
    children = [pid for listed in Path("/proc/self/task").glob("*/children") for pid in listed.read_text().split()]
    return sum(Server("", int(pid), 0, {}).cpu_seconds() for pid in children)


async def _longest_pause(seconds: float) -> float:
    """How late a timer of this loop was at most."""
    until, longest = time.perf_counter() + seconds, 0.0
    while (began := time.perf_counter()) < until:
        await asyncio.sleep(_PROBE_SECONDS)
        longest = max(longest, time.perf_counter() - began - _PROBE_SECONDS)
    return longest
