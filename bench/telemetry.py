"""`python -m bench.telemetry`: what counting and tracing cost a request, in one process without HTTP around it.

Rounds take turns, so that a busy machine slows all alike; the median of the rounds is shown.
"""

import asyncio
import statistics
import tempfile
import time
from contextlib import AsyncExitStack

from app.execution import GraphQLRequest
from app.settings import Settings
from app.wiring import App, open_app
from domain.callers import Caller, Mode

ROUNDS = 15
REQUESTS = 400
_QUERIES = {
    "no store": "{ getServerInfo { apiVersion } }",
    "one course": "{ listCourses(limit: 1) { items { id title owner { id } } } }",
}


async def _round(app: App, query: str) -> float:
    """Microseconds of the processor for each request."""
    caller, request = Caller(mode=Mode.API_KEY), GraphQLRequest(query)
    began = time.process_time()
    for _ in range(REQUESTS):
        answer = await app.execute(request, caller, "-")
    assert answer.status == 200  # noqa: S101 - a measurement of errors would be none
    return (time.process_time() - began) / REQUESTS * 1e6


async def measure(rounds: int = ROUNDS) -> dict[str, dict[str, float]]:
    """CPU microseconds by query and by what is told: nothing, metrics, metrics and traces that nobody collects."""
    from opentelemetry.sdk.trace import TracerProvider

    from app.telemetry.tracing import Tracing

    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        apps: dict[str, App] = {}
        for name, tracing in {"nothing": None, "metrics": None, "traces": Tracing(TracerProvider())}.items():
            settings = Settings.load({"DATA_DIR": f"{folder}/{name}", "LOG_LEVEL": "ERROR"})
            apps[name] = await stack.enter_async_context(open_app(settings, tracing))
        silent = apps["nothing"]
        silent.executor._observe = None
        found: dict[str, dict[str, list[float]]] = {query: {name: [] for name in apps} for query in _QUERIES}
        for _ in range(rounds):
            for query, text in _QUERIES.items():
                for name, app in apps.items():
                    found[query][name].append(await _round(app, text))
    return {
        query: {name: statistics.median(times) for name, times in by_name.items()} for query, by_name in found.items()
    }


def main() -> None:
    for query, by_name in asyncio.run(measure()).items():
        print(query, *(f"{name} {value:.1f} us" for name, value in by_name.items()), sep="  ")


if __name__ == "__main__":
    main()
