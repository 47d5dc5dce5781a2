"""GraphQL over HTTP: server CPU per request against peers, rounds interleaved so that drift hits all alike."""

import asyncio
import contextlib
import json
import shutil
import statistics
import tempfile
from pathlib import Path

from bench import servers
from bench.report import Result
from bench.shapes import QUERIES, SDL, school

ROUNDS = 5
REQUESTS = {"small": 2000, "medium": 400, "large": 80}
TARGETS = {("small", "plain Strawberry"): 8.0}
MERCURIUS = servers.ROOT / "bench/peers/node"


def measure(left_out: list[str]) -> list[Result]:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        data = Path(folder) / "school.json"
        sdl = SDL.replace(" @aws_api_key", "")
        data.write_text(json.dumps({"sdl": sdl, "data": school()}))
        key = "da2-" + "b" * 26
        started = [
            running.enter_context(
                servers.serve("EduConnect", servers.python("bench.in_memory"), {"x-api-key": key}, BENCH_KEY=key)
            ),
            running.enter_context(
                servers.serve("plain Strawberry", servers.python("bench.peers.strawberry_server"), {})
            ),
            running.enter_context(
                servers.serve("Strawberry with caches", servers.python("bench.peers.strawberry_server"), {}, CACHES="1")
            ),
        ]
        if shutil.which("node") and (MERCURIUS / "node_modules").exists():
            command = ["node", str(MERCURIUS / "mercurius.mjs")]
            started.append(running.enter_context(servers.serve("Mercurius + JIT", command, {}, SCHOOL=str(data))))
        else:
            left_out.append("HTTP against Mercurius + JIT: Node.js or its packages are missing")
        return asyncio.run(_compare(started))


async def _compare(started: list[servers.Server]) -> list[Result]:
    results = []
    for shape, query in QUERIES.items():
        body = json.dumps({"query": query}).encode()
        answers = [json.loads(await servers.ask(server, body, REQUESTS[shape] // 4)) for server in started]
        for server, answer in zip(started, answers, strict=True):
            if answer != answers[0]:
                raise RuntimeError(f"{server.name} answers {shape} differently")
        costs: dict[str, list[float]] = {server.name: [] for server in started}
        for _ in range(ROUNDS):
            for server in started:
                before = server.cpu_seconds()
                await servers.ask(server, body, REQUESTS[shape])
                costs[server.name].append((server.cpu_seconds() - before) / REQUESTS[shape] * 1e6)
        ours, *peers = (statistics.median(costs[server.name]) for server in started)
        for peer, cost in zip(started[1:], peers, strict=True):
            target = TARGETS.get((shape, peer.name))
            results.append(Result(f"HTTP {shape} query against {peer.name}", ours, cost, "us CPU", cost / ours, target))
    return results
