"""Operations a second of the embedded store; every write is on disk when it counts."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.report import Result
from datasources.local.sqlite import SQLiteStore
from datasources.ports import Put, RecordStore
from datasources.tables import COURSES, IDEMPOTENCY, USERS
from datasources.updates import Add

WRITERS = 50
SECONDS = 1.0


def measure() -> list[Result]:
    return asyncio.run(_measure())


async def _measure() -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        async with SQLiteStore.open(Path(folder) / "bench.sqlite") as store:
            for number in range(1000):
                await store.put(USERS, _user(number))
            work: list[tuple[str, int, Callable[[RecordStore, int], Awaitable[object]]]] = [
                ("durable put, 50 writers", WRITERS, lambda s, n: s.put(USERS, _user(n + 1000))),
                ("durable put, 1 writer", 1, lambda s, n: s.put(USERS, _user(n + 1000))),
                ("counter, 50 writers on one item", WRITERS, lambda s, _: s.update(COURSES, _COUNTER, [Add("n", 1)])),
                ("transaction of 2, 50 writers", WRITERS, _transact),
                ("get, 1 reader", 1, lambda s, n: s.get(USERS, {"userId": f"u{n % 1000}"})),
                ("get, 50 readers", WRITERS, lambda s, n: s.get(USERS, {"userId": f"u{n % 1000}"})),
                ("query 25 on an index, 50 readers", WRITERS, _query),
            ]
            return [
                Result(f"SQLite store, {name}", await _rate(store, count, call), None, "ops/s", None, None)
                for name, count, call in work
            ]


async def _rate(store: RecordStore, workers: int, call: Callable[[RecordStore, int], Awaitable[object]]) -> float:
    done = 0
    began = time.perf_counter()

    async def work(worker: int) -> None:
        nonlocal done
        number = worker
        while time.perf_counter() - began < SECONDS:
            await call(store, number)
            number += workers
            done += 1

    await asyncio.gather(*(work(worker) for worker in range(workers)))
    return done / (time.perf_counter() - began)


_COUNTER = {"courseId": "bench", "sk": "COUNTS"}


def _user(number: int) -> dict[str, object]:
    return {
        "userId": f"u{number}",
        "displayName": "A learner",
        "status": "ACTIVE",
        "createdAt": f"2026-01-01T00:00:00.{number % 1000:03}Z",
        "roles": ["STUDENT"],
    }


def _transact(store: RecordStore, number: int) -> Awaitable[object]:
    return store.transact([Put(USERS, _user(number)), Put(IDEMPOTENCY, {"id": f"i{number}", "requestHash": "h"})])


def _query(store: RecordStore, _: int) -> Awaitable[object]:
    return store.query(USERS, "ACTIVE", index="StatusIndex", limit=25)
