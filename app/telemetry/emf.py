"""Metrics for Amazon CloudWatch: lines in the Embedded Metric Format, which its agents and log drivers understand."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager

import orjson

from app.telemetry.instruments import PREFIX, Instruments

NAMESPACE = "EduConnect"
SECONDS = 60.0
"""Between two rounds of lines: CloudWatch's own step."""

Labels = tuple[tuple[str, str], ...]

_BUCKET = "_bucket"
"""CloudWatch makes its own percentiles; sums and counts give it the mean."""
_GROWING = ("_total", "_sum", "_count")


class EmfLines:
    """What has grown since the last time, and what is."""

    def __init__(self, instruments: Instruments, now: Callable[[], float] = time.time) -> None:
        self._instruments = instruments
        self._now = now
        self._before: dict[tuple[str, Labels], float] = {}

    def lines(self) -> list[bytes]:
        """One JSON object for each combination of labels; what has not changed is left out."""
        by_labels: dict[Labels, dict[str, float]] = {}
        values = dict(self._read())
        for (name, labels), value in values.items():
            grows = name.endswith(_GROWING)
            grown = value - self._before.get((name, labels), 0.0) if grows else value
            if grown or not grows:
                by_labels.setdefault(labels, {})[name.removesuffix("_total")] = grown
        self._before = values
        return [self._line(dict(labels), metrics) for labels, metrics in by_labels.items()]

    def _read(self) -> Iterator[tuple[tuple[str, Labels], float]]:
        for sample in self._instruments.read():
            if not sample.name.endswith(_BUCKET):
                yield (sample.name.removeprefix(f"{PREFIX}_"), tuple(sorted(sample.labels.items()))), sample.value

    def _line(self, labels: Mapping[str, str], metrics: Mapping[str, float]) -> bytes:
        told = [{"Name": name, "Unit": _unit(name)} for name in metrics]
        directive = {"Namespace": NAMESPACE, "Dimensions": [list(labels)], "Metrics": told}
        head = {"_aws": {"Timestamp": int(self._now() * 1000), "CloudWatchMetrics": [directive]}}
        return orjson.dumps({**head, **labels, **metrics})


def _unit(name: str) -> str:
    if name.endswith(("_seconds", "_seconds_sum")):
        return "Seconds"
    if name.endswith("_bytes"):
        return "Bytes"
    return "Count"


@asynccontextmanager
async def written_lines(instruments: Instruments, *, on: bool) -> AsyncIterator[None]:
    """Lines on stdout, every minute and at the end."""
    if not on:
        yield
        return
    emf = EmfLines(instruments)
    task = asyncio.create_task(_write_forever(emf), name="metrics")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        _write(emf)


async def _write_forever(emf: EmfLines) -> None:
    while True:
        await asyncio.sleep(SECONDS)
        _write(emf)


def _write(emf: EmfLines) -> None:
    sys.stdout.buffer.write(b"".join(line + b"\n" for line in emf.lines()))
    sys.stdout.buffer.flush()
