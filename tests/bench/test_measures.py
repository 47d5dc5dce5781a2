"""Every measurement of `python -m bench`, as small as it can be: it runs, finds its answers right, and has a row."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench import (
    crowd,
    documents,
    dynamodb,
    faces,
    fanout,
    functions,
    http,
    messages,
    node,
    report,
    rounds,
    servers,
    sqlite,
    startup,
    store,
    upload_memory,
    upload_speed,
    uploads,
    users,
)
from bench.__main__ import PARTS
from bench.report import Result
from tests import faces as pictures
from tests.waiting import PATIENCE_SECONDS

Measure = Callable[[list[str]], list[Result]]

SMALLEST: dict[str, Measure] = {
    "http": http.measure,
    "sqlite": sqlite.measure,
    "documents": lambda _: documents.measure(),
    "fanout": lambda left_out: fanout.measure(left_out, {20: 1}),
    "users": lambda _: users.measure(4, 1.0),
    "messages": lambda _: messages.measure(0.5),
    "store": lambda _: store.measure(),
    "dynamodb": lambda _: dynamodb.measure(),
    "upload-speed": lambda _: upload_speed.measure(2),
    "upload-memory": lambda left_out: upload_memory.measure(left_out, 20 * 1000**2),
    "uploads": lambda _: uploads.measure(10),
    "faces": lambda left_out: faces.measure(left_out, 0.1),
    "lambda": lambda _: functions.measure(),
    "startup": lambda _: startup.measure(),
}
NEEDS_NODE = {"http", "sqlite", "fanout"}
"""Their peers on Node.js take longer to install than the rest to run, and are left out; the page would say so."""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEED_DEMO", "off")
    monkeypatch.setattr(node, "FOLDER", tmp_path)
    for module, name, value in (
        (servers, "STARTUP_SECONDS", PATIENCE_SECONDS),
        (http, "STRAWBERRIES", {"Strawberry with caches": "1"}),
        (rounds, "ROUNDS", 1),
        (rounds, "SLICE_SECONDS", 0.01),
        (rounds, "WARM_SECONDS", 0.01),
        (fanout, "SETTLE_SECONDS", 0.2),
        (users, "ROOMS", 2),
        (users, "SECONDS_BETWEEN_QUESTIONS", 0.2),
        (users, "SECONDS_BETWEEN_MESSAGES", 0.5),
        (users, "SETTLE_SECONDS", 0.2),
        (crowd, "SAID", 2),
        (messages, "ROOMS", 5),
        (messages, "SENDERS", 5),
        (messages, "WARM_SECONDS", 0.1),
        (messages, "ALONE", 50),
        (messages, "SYNCS", 5),
        (store, "SECONDS", 0.02),
        (documents, "DOCUMENTS", 5),
        (documents, "ROUNDS", 1),
        (documents, "SUSPECTS", 1),
        (dynamodb, "ROUNDS", 1),
        (dynamodb, "REQUESTS", 16),
        (upload_speed, "FILE_BYTES", 1024**2),
        (upload_memory, "SPARE_BYTES", 0),
        (uploads, "KILLED_AT", (50,)),
        (functions, "STARTS", 1),
        (functions, "CALLS", 10),
        (functions, "WARM_UP", 1),
        (startup, "ROUNDS", 1),
    ):
        monkeypatch.setattr(module, name, value)


@pytest.mark.parametrize("name", PARTS)
def test_each_part_measures_something(name: str) -> None:
    if name == "faces":
        pictures.required()
    left_out: list[str] = []
    results = SMALLEST[name](left_out)
    assert len(left_out) == (name in NEEDS_NODE)
    assert results
    assert all(result.ours >= 0 and len(result.cells()) == len(report.HEADINGS) for result in results)
    assert len(report.table(results).splitlines()) == len(results) + 1
    assert all(result.ours == 0 for result in results if result.name == "stored otherwise than sent")
