"""Servers compared: each round gives every one of them some work, in an order of its own.

What one round measures is measured at about the same time on the same machine, so that the ratio of a round hardly
feels what else the machine does; the result is the median of the rounds' ratios.
"""

import json
import random
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from bench.report import Result
from bench.servers import Change, Server, ask, off_their_core

ROUNDS = 15
SLICE_SECONDS = 0.25
"""CPU time that one server gets in one round."""
WARM_SECONDS = 2.5
"""CPU time that it gets before, by each request: V8 compiles anew what is hot, on threads that count as the server's
CPU, for some thousands of small requests, and until then costs several times what it does from then on."""


async def compare(
    servers: Sequence[Server],
    requests: Mapping[str, Mapping[str, Any]],
    *,
    title: str,
    targets: Mapping[tuple[str, str], float],
    changes: Mapping[str, Change] | None = None,
) -> list[Result]:
    """The first server against each of the others, by request: server CPU per request.

    Args:
        requests: by name; each is a GraphQL request's JSON object.
        targets: least ratio by names of request and peer.
        changes: before every single request of that name, which the servers know without changes.

    Raises:
        RuntimeError: the servers do not answer alike.
    """
    results = []
    with off_their_core():
        for name, request in requests.items():
            change = changes[name] if changes else None
            costs = await _costs(servers, name, json.dumps(request).encode(), change)
            ours = costs[0]
            for peer, cost in zip(servers[1:], costs[1:], strict=True):
                ratio = statistics.median(theirs / own for theirs, own in zip(cost, ours, strict=True))
                results.append(
                    Result(
                        f"{title}, {name} query, against {peer.name}",
                        statistics.median(ours),
                        statistics.median(cost),
                        "us CPU",
                        ratio,
                        targets.get((name, peer.name)),
                    )
                )
    return results


async def _costs(servers: Sequence[Server], name: str, body: bytes, change: Change | None) -> list[list[float]]:
    """Of each server, the microseconds of CPU that a request took in each round."""
    answers = [json.loads(await ask(server, body, 1)) for server in servers]
    for server, answer in zip(servers, answers, strict=True):
        if answer != answers[0] or "errors" in answer:
            raise RuntimeError(f"{server.name} answers {name} differently: {str(answer)[:500]}")
    counts = [await _count(server, body, change) for server in servers]
    costs: list[list[float]] = [[] for _ in servers]
    for _ in range(ROUNDS):
        for place in random.sample(range(len(servers)), len(servers)):
            await ask(servers[place], body, 2)  # brings its code back into the caches
            costs[place].append(await _cost(servers[place], body, counts[place], change) * 1e6)
    return costs


async def _count(server: Server, body: bytes, change: Change | None) -> int:
    """How many requests fill a slice, once the server is warm."""
    one, spent, enough = 0.0, 0.0, SLICE_SECONDS if change else WARM_SECONDS
    while spent < enough:
        times = max(2, min(1000, round(enough / 8 / one))) if one else 2
        one = await _cost(server, body, times, change)
        spent += one * times
    return max(2, round(SLICE_SECONDS / one))


async def _cost(server: Server, body: bytes, times: int, change: Change | None) -> float:
    """Seconds of CPU for one of `times` requests."""
    before = server.cpu_seconds()
    await ask(server, body, times, change)
    return (server.cpu_seconds() - before) / times
