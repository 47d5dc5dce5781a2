"""GraphQL over HTTP on SQLite: the product as it runs, against peers with plain tables of the same school."""

import asyncio
import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from app.engines import DATABASE_FILE
from bench import node, rounds, servers, stored_school, titles
from bench.peers import school_tables
from bench.report import Result
from bench.servers import Server

KEY = "da2-" + "b" * 26
FAST = "1000000"
STRAWBERRY, MERCURIUS = "Strawberry with caches + aiosqlite", "Mercurius + JIT + better-sqlite3"
TARGETS = {
    ("page", STRAWBERRY): 10.0,
    ("catalog", STRAWBERRY): 10.0,
    ("page", MERCURIUS): 0.9,
    ("catalog", MERCURIUS): 0.9,
}


def measure(left_out: list[str]) -> list[Result]:
    with tempfile.TemporaryDirectory() as parent, contextlib.ExitStack() as running:
        planted, database = Path(parent) / "planted", Path(parent) / "peers.sqlite"
        asyncio.run(stored_school.plant(planted))
        asyncio.run(school_tables.fill(planted, database))
        ours = {"DATA_DIR": str(planted), "API_KEYS": KEY, "SEED_DEMO": "off"}
        limits = {"RATE_PER_SECOND": FAST, "RATE_BURST": FAST}
        product = servers.serve("EduConnect", servers.python("app", "serve"), {"x-api-key": KEY}, **ours, **limits)
        peers = {STRAWBERRY: servers.python("bench.peers.strawberry_sqlite")}
        if node.has_better_sqlite3():
            peers[MERCURIUS] = node.command("mercurius_sqlite.mjs")
        else:
            left_out.append(f"SQLite against {MERCURIUS}: Node.js, its packages or better-sqlite3's binary are missing")
        started = [
            running.enter_context(server)
            for server in (
                product,
                *(servers.serve(name, command, {}, DATABASE=str(database)) for name, command in peers.items()),
            )
        ]
        return asyncio.run(_compared(started, planted / DATABASE_FILE, database))


async def _compared(started: Sequence[Server], planted: Path, database: Path) -> list[Result]:
    results = await rounds.compare(started, stored_school.REQUESTS, title="on SQLite", targets=TARGETS)
    with contextlib.ExitStack() as opened:
        connections = [opened.enter_context(titles.connection(file)) for file in (planted, database)]
        changes = {
            "page": titles.change(*connections, titles.LESSON),
            "catalog": titles.change(*connections, titles.COURSE),
        }
        asked = {name: stored_school.REQUESTS[name] for name in changes}
        return results + await rounds.compare(started, asked, title="on SQLite, changed", targets={}, changes=changes)
