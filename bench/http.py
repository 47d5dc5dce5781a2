"""GraphQL over HTTP on data in memory, against peers."""

import asyncio
import contextlib
import json
import tempfile
from pathlib import Path

from bench import node, rounds, servers
from bench.report import Result
from bench.shapes import QUERIES, SDL, school

TARGETS = {
    ("small", "plain Strawberry"): 8.0,
    ("small", "Strawberry with caches"): 5.0,
    ("medium", "Strawberry with caches"): 30.0,
    ("large", "Strawberry with caches"): 60.0,
    ("small", "Mercurius + JIT"): 0.9,
    ("medium", "Mercurius + JIT"): 1.3,
    ("large", "Mercurius + JIT"): 3.0,
}
STRAWBERRIES = {"plain Strawberry": "", "Strawberry with caches": "1"}


def measure(left_out: list[str]) -> list[Result]:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        key = "da2-" + "b" * 26
        strawberry = servers.python("bench.peers.strawberry_server")
        started = [
            running.enter_context(
                servers.serve("EduConnect", servers.python("bench.in_memory"), {"x-api-key": key}, BENCH_KEY=key)
            ),
            *(
                running.enter_context(servers.serve(name, strawberry, {}, CACHES=caches))
                for name, caches in STRAWBERRIES.items()
            ),
        ]
        if node.has_packages():
            data = Path(folder) / "school.json"
            data.write_text(json.dumps({"sdl": SDL.replace(" @aws_api_key", ""), "data": school()}))
            command = node.command("mercurius.mjs")
            started.append(running.enter_context(servers.serve("Mercurius + JIT", command, {}, SCHOOL=str(data))))
        else:
            left_out.append("HTTP against Mercurius + JIT: Node.js or its packages are missing")
        requests = {name: {"query": query} for name, query in QUERIES.items()}
        return asyncio.run(rounds.compare(started, requests, title="in memory", targets=TARGETS))
