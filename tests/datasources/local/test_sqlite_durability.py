"""What was acknowledged is there after the process is killed amid writes."""

import asyncio
import sys
from collections import Counter
from pathlib import Path

from datasources.local.sqlite import SQLiteStore
from datasources.tables import COUNTERS, USERS
from tests.datasources.local.durable_writer import WRITERS

ROUNDS = 3
ACKNOWLEDGED = 400


async def killed_amid_writes(path: Path, round_name: str) -> list[str]:
    """The writes that the process had acknowledged when kill -9 ended it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.datasources.local.durable_writer", str(path), round_name),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        told = [await process.stdout.readline() for _ in range(ACKNOWLEDGED)]
        process.kill()
        rest = await process.stdout.read()
        await process.wait()
    complete = [line for line in (b"".join(told) + rest).splitlines(keepends=True) if line.endswith(b"\n")]
    return [line.decode().strip() for line in complete]


async def test_kill_9_loses_nothing_acknowledged_and_leaves_no_half_transaction(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    acknowledged: list[str] = []
    for number in range(ROUNDS):
        acknowledged += await killed_amid_writes(path, f"r{number}")
        async with SQLiteStore.open(path) as store:
            for start in range(0, len(acknowledged), 100):
                keys = [{"userId": user_id} for user_id in acknowledged[start : start + 100]]
                assert None not in await store.batch_get(USERS, keys)
            # A transaction is an item and a count: they agree, also for those that nobody was told of.
            told = Counter(user_id.rpartition("-")[0] for user_id in acknowledged)
            for name, least in told.items():
                counter = await store.get(COUNTERS, {"name": name})
                assert counter is not None
                assert least <= counter["n"] <= least + 1
                following = [{"userId": f"{name}-{counter['n'] + more}"} for more in (-1, 0)]
                last, beyond = await store.batch_get(USERS, following)
                assert last is not None
                assert beyond is None
    assert len(acknowledged) >= ROUNDS * ACKNOWLEDGED
    assert len({user_id.rpartition("-")[0] for user_id in acknowledged}) == ROUNDS * WRITERS
