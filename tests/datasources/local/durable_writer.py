"""A process that writes until it is killed, and says of each write when it was acknowledged.

`python -m tests.datasources.local.durable_writer FILE ROUND`
"""

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from datasources.conditions import not_exists
from datasources.local import sqlite_checkpoints
from datasources.local.sqlite import SQLiteStore
from datasources.ports import Change, Put
from datasources.tables import COUNTERS, USERS
from datasources.updates import Add

WRITERS = 20


async def write(store: SQLiteStore, name: str) -> None:
    for number in count():
        user_id = f"{name}-{number}"
        await store.transact(
            [
                Put(USERS, {"userId": user_id, "text": "x" * 200}, not_exists("userId")),
                Change(COUNTERS, {"name": name}, [Add("n", 1)]),
            ]
        )
        os.write(1, f"{user_id}\n".encode())


async def main(path: str, round_name: str) -> None:
    sqlite_checkpoints.CHANGES = 100  # so that it is also killed while the log is copied
    async with SQLiteStore.open(Path(path)) as store:
        await asyncio.gather(*(write(store, f"{round_name}-{number}") for number in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
