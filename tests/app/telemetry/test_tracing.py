"""Which spans there are, how they hang together across requests, queues and rows, and what is in none of them."""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app import logs
from app.http.application import application
from app.http.health import Health
from app.server import bound_socket, server
from app.settings import Settings
from app.telemetry.tracing import Tracing
from app.wiring import App, open_app
from app.worker_steps import FeedStep
from datasources import trace_context
from datasources.deliveries import Deliveries, other
from datasources.local.sqlite import SQLiteStore
from datasources.ports import FeedEvent, Write
from datasources.tables import ENROLLMENTS
from domain.deliveries import Delivery
from domain.times import Timestamp
from tests.moto_services import waiting
from tests.server_process import ROOT

CLIENTS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
"""A client's own traceparent."""
EMAIL = "ada.secret@example.com"


class Seen:
    """Spans that have ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = Tracing(provider)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    def one(self, name: str) -> ReadableSpan:
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def clear(self) -> None:
        self._exporter.clear()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@asynccontextmanager
async def served(app: App, settings: Settings) -> AsyncIterator[str]:
    """Where GraphQL is asked."""

    async def well() -> None: ...

    assert app.tracing is not None
    health = Health(well)
    front = application(app, settings, health, issuer=app.issuer, graphiql=None, access_log=lambda _: None)
    listener = bound_socket("127.0.0.1", 0)
    started = asyncio.Event()
    instance = server(app.tracing.front(front), health, settings, started.set)
    task = asyncio.create_task(instance.serve(sockets=[listener]))
    await started.wait()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/graphql"
    finally:
        instance.should_exit = True
        await task


async def test_a_request_its_resolvers_and_the_stores_calls_are_one_trace(seen: Seen, tmp_path: Path) -> None:
    settings = Settings.load({"DATA_DIR": str(tmp_path / "data"), "SEED_DEMO": "false", "DRAIN_NOTICE_SECONDS": "0"})
    async with open_app(settings, seen.tracing) as app, served(app, settings) as url:
        assert app.issuer is not None
        token = app.issuer.token("ada", ("Mentors",), ttl=60)
        headers = {"authorization": token, "traceparent": CLIENTS}
        body = {"query": "query Private_name($id: ID!) { getMe { id email } getCourse(id: $id) { title } }",
                "variables": {"id": EMAIL}}  # fmt: skip
        async with aiohttp.ClientSession(headers=headers) as session:
            seen.clear()
            async with session.post(url, json=body) as answer:
                assert "errors" not in await answer.json()
        request, resolver = seen.one("POST /graphql"), seen.one("Query.getMe")
        assert request.parent is not None
        assert resolver.parent is not None
        assert request.context.trace_id == int(CLIENTS.split("-")[1], 16)
        assert request.parent.span_id == int(CLIENTS.split("-")[2], 16)
        assert resolver.parent.span_id == request.context.span_id
        assert {span.context.trace_id for span in seen.spans} == {request.context.trace_id}
        assert any(span.name.endswith(" Courses") for span in seen.spans)
        assert request.attributes == {
            "http.request.method": "POST",
            "http.response.status_code": 200,
            "graphql.operation.type": "query",
            "graphql.operation.field": "several",
        }
        told = "".join(span.to_json() for span in seen.spans)
        for secret in (EMAIL, token, "Private_name", app.issuer.token("ada", (), ttl=1).split(".")[1][:20]):
            assert secret not in told


async def test_an_error_is_told_by_its_name_alone(seen: Seen, tmp_path: Path) -> None:
    async def fail(_: Sequence[FeedEvent]) -> Sequence[Write]:
        raise ValueError(EMAIL)

    step = seen.tracing.step(FeedStep("failing", ENROLLMENTS, fail))
    assert isinstance(step, FeedStep)
    with pytest.raises(ValueError, match="secret"):
        await step.handle([])
    span = seen.one("step failing")
    assert span.attributes is not None
    assert span.attributes["error.type"] == "ValueError"
    assert EMAIL not in span.to_json()


@pytest.mark.parametrize("raw", [True, False])
async def test_a_trace_goes_on_behind_a_queue(seen: Seen, aws: str, raw: bool) -> None:
    handled: list[FeedEvent] = []

    async def tell(events: Sequence[FeedEvent]) -> Sequence[Write]:
        await way.topic.publish("counts", events)
        return ()

    async def handle(events: Sequence[FeedEvent]) -> Sequence[Write]:
        handled.extend(events)
        return ()

    event = FeedEvent("1", ENROLLMENTS.name, "INSERT", {"userId": "u", "courseId": "c"}, None, {"userId": "u"})
    async with waiting(aws, raw=raw) as way:
        teller = seen.tracing.step(FeedStep("telling", ENROLLMENTS, tell))
        listener = seen.tracing.step(FeedStep("listening", ENROLLMENTS, handle))
        assert isinstance(teller, FeedStep)
        assert isinstance(listener, FeedStep)
        await teller.handle([event])
        (arrival,) = await way.queue.receive(seconds=1)
        await listener.handle([arrival.event])
    told, heard = seen.one("step telling"), seen.one("step listening")
    assert heard.parent is not None
    assert heard.parent.span_id == told.context.span_id
    assert heard.context.trace_id == told.context.trace_id
    assert handled == [arrival.event]


async def test_work_that_waits_in_a_row_keeps_its_trace(sqlite_store: SQLiteStore) -> None:
    now = Timestamp("2036-09-01T08:00:00.000Z")
    delivery = Delivery("n1", "EMAIL", "u1", "id1", "WAITING", now, due_at=now)
    deliveries = Deliveries(sqlite_store)
    with trace_context.within(CLIENTS):
        await sqlite_store.transact([other(delivery, now)])
    (due,) = await deliveries.due(now, most=4)
    assert due.trace == CLIENTS
    claimed = await deliveries.claim(due, now)
    assert claimed is not None
    assert claimed.trace == CLIENTS


def test_lines_of_the_log_name_the_trace() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "words", (), None)
    with trace_context.within(CLIENTS):
        assert json.loads(logs.JsonFormatter().format(record))["traceId"] == CLIENTS.split("-")[1]
    assert "traceId" not in json.loads(logs.JsonFormatter().format(record))


def test_without_traces_nothing_of_them_is_loaded() -> None:
    code = "import sys, app.wiring, app.cli.serve; sys.exit('opentelemetry.sdk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
