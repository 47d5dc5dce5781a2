"""The resolver function on AWS Lambda's runtime client: how long its init takes, and what a call costs beside a bare
handler's."""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.report import Result
from tests.dynamodb_emulator import PREFIX, REGION, emulated_store, running_emulator
from tests.functions.local_lambda import LocalLambda, local_lambda

OURS, BARE = "app.functions.resolver.handler", "bench.bare_lambda.handler"
STARTS = 7
CALLS = 500
WARM_UP = 50
TARGET_INIT_MILLISECONDS = 2_000
TARGET_CALL_MILLISECONDS = 2


def measure() -> list[Result]:
    return asyncio.run(_measure())


async def _measure() -> list[Result]:
    with running_emulator() as emulator, tempfile.TemporaryDirectory() as folder:
        async with emulated_store(emulator):
            environ = _environ(emulator.url, folder)
            await _start(OURS, environ)  # writes byte code
            ours = [await _start(OURS, environ) for _ in range(STARTS)]
            bare = [await _start(BARE, {}) for _ in range(STARTS)]
            calls, nothing = await _calls(environ)
    return [
        _result("init, time", [each[0] for each in ours], [each[0] for each in bare]),
        _result("init, CPU", [each[1] for each in ours], [each[1] for each in bare], TARGET_INIT_MILLISECONDS),
        _result("a call that needs no record, time", [each[0] for each in calls], [each[0] for each in nothing]),
        _result(
            "a call that needs no record, CPU of the function",
            [each[1] for each in calls],
            [each[1] for each in nothing],
            TARGET_CALL_MILLISECONDS,
        ),
    ]


def _result(name: str, ours: list[float], bare: list[float], target: float | None = None) -> Result:
    """Medians in milliseconds; the target is the most that ours may take, so there is no ratio where there is one."""
    mine, its = statistics.median(ours) * 1000, statistics.median(bare) * 1000
    return Result(name, mine, its, "ms", None if target else its / mine, target)


async def _start(handler: str, environ: Mapping[str, str]) -> tuple[float, float]:
    """Seconds and CPU seconds of a process until it asks for its first event."""
    async with local_lambda(handler, environ) as function:
        await function.warm()
        return function.init_seconds, _cpu_seconds(function)


async def _calls(environ: Mapping[str, str]) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Of ours and of the bare handler, in turn: seconds and CPU seconds of calls, in blocks of ten."""
    async with local_lambda(OURS, environ) as ours, local_lambda(BARE) as bare:
        await asyncio.gather(ours.warm(), bare.warm())
        found: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
        for function in (ours, bare):
            await _block(function, WARM_UP)
        for _ in range(CALLS // 10):
            for times, function in zip(found, (ours, bare), strict=True):
                times.append(await _block(function, 10))
        return found


async def _block(function: LocalLambda, count: int) -> tuple[float, float]:
    began, spent = time.perf_counter(), _cpu_seconds(function)
    for _ in range(count):
        await function.invoke(EVENT)
    return (time.perf_counter() - began) / count, (_cpu_seconds(function) - spent) / count


def _cpu_seconds(function: LocalLambda) -> float:
    """Of the function's process, all threads, from its nanosecond counters."""
    tasks = Path(f"/proc/{function.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _environ(url: str, folder: str) -> dict[str, str]:
    return {
        "ENVIRONMENT": "production",
        "RECORDS": "dynamodb",
        "TABLE_PREFIX": PREFIX,
        "BLOBS": "s3",
        "S3_BUCKET": "files",
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "CURSOR_SECRET": "c" * 40,
        "CORS_ORIGINS": "*",
        "DATA_DIR": folder,
        "PUBLIC_URL": "https://school.example",
        "COGNITO_USER_POOL_ID": "eu-central-1_EXAMPLE01",
        "COGNITO_CLIENT_IDS": "app",
        "LOG_LEVEL": "ERROR",
        "PATH": os.environ["PATH"],
    }


EVENT: dict[str, Any] = {
    "arguments": {},
    "identity": None,
    "source": None,
    "request": {"headers": {"x-api-key": "da2-aaaaaaaaaaaaaaaaaaaaaaaaaa", "user-agent": "aws-amplify/6"}},
    "prev": None,
    "info": {
        "fieldName": "getServerInfo",
        "parentTypeName": "Query",
        "variables": {},
        "selectionSetList": ["apiVersion"],
    },
    "stash": {},
}
