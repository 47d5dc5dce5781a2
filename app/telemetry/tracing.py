"""OpenTelemetry traces, where TRACES asks for them: spans around requests, resolvers, steps and calls of the store.

Attributes say what was done, in our own words: no argument, no id, no text of a client. The SDK is imported only here,
and only when it is wanted. It reads OTEL_* variables by itself: where spans go, which are kept, the service's name.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from app.documents import Operation
from app.execution import Answer
from app.http.replies import ACCESS_LINE
from app.settings import Settings, SettingsFault
from app.telemetry.instruments import SEVERAL
from app.version import VERSION
from app.worker_steps import FeedStep, Step
from datasources import trace_context
from datasources.ports import FeedEvent, Write
from resolvers.registry import Registry, Resolver

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, SpanKind

MOST_LINKS = 50


class Tracing:
    """Makes spans. One a process that wants traces."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._trace = trace
        self._tracer = provider.get_tracer("educonnect", VERSION)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def _span(
        self,
        name: str,
        attributes: dict[str, str],
        *,
        kind: "SpanKind | None" = None,
        parent: str | None = None,
        links: Sequence[str] = (),
    ) -> Iterator["Span"]:
        """Below the span at hand; without one below `parent`, a traceparent."""
        here = None
        if not self._trace.get_current_span().get_span_context().is_valid:
            here = self._extracted(parent or trace_context.current())
        contexts = (self._trace.get_current_span(self._extracted(each)).get_span_context() for each in links)
        with self._tracer.start_as_current_span(
            name,
            context=here,
            kind=kind or self._trace.SpanKind.INTERNAL,
            attributes=attributes,
            links=[self._trace.Link(each) for each in contexts if each.is_valid],
            record_exception=False,  # its text may hold what belongs in no trace
            set_status_on_exception=False,
        ) as span:
            carrier: dict[str, str] = {}
            self._propagator.inject(carrier)
            with trace_context.within(carrier.get("traceparent")):
                try:
                    yield span
                except Exception as error:
                    span.set_attribute("error.type", str(getattr(error, "code", type(error).__name__)))
                    span.set_status(self._trace.StatusCode.ERROR)
                    raise

    def _extracted(self, traceparent: str | None) -> Any:
        return None if traceparent is None else self._propagator.extract({"traceparent": traceparent})

    # What is traced

    def front(self, application: ASGIApp) -> ASGIApp:
        """The application with a span around each HTTP request, below the client's own where it names one."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return await application(scope, receive, send)
            sent = next((value for name, value in scope["headers"] if name == b"traceparent"), b"")
            attributes = {"http.request.method": scope["method"]}
            name = "POST /graphql" if scope["path"] == "/graphql" else "HTTP request"
            kind = self._trace.SpanKind.SERVER
            with self._span(name, attributes, kind=kind, parent=sent.decode("latin-1") or None) as span:
                try:
                    await application(scope, receive, send)
                finally:
                    span.set_attribute("http.response.status_code", scope["state"][ACCESS_LINE].status)
            return None

        return traced

    def operation(self, operation: Operation | None, answer: Answer, _seconds: float) -> None:
        """Says on the span at hand what was asked, and what went wrong with it."""
        span = self._trace.get_current_span()
        if operation is not None:
            span.set_attribute("graphql.operation.type", operation.kind)
            span.set_attribute("graphql.operation.field", operation.root_field or SEVERAL)
        if errors := answer.content.get("errors"):
            span.set_attribute("error.type", errors[0].get("errorType") or "validation")

    def resolvers(self, registry: Registry) -> Registry:
        """The same resolvers, each call in a span. Fields that are read from a record have none."""
        traced = Registry()
        traced.rereads = registry.rereads
        for coordinate, resolver in registry.items():
            traced[coordinate] = msgspec.structs.replace(resolver, func=self._resolver(resolver))
        return traced

    def _resolver(self, resolver: Resolver) -> Callable[..., Awaitable[Any]]:
        func = resolver.func
        attributes = {"graphql.field": resolver.coordinate}

        @functools.wraps(func)
        async def traced(*given: Any, **named: Any) -> Any:
            with self._span(resolver.coordinate, attributes):
                return await func(*given, **named)

        return traced

    def store_call(self, operation: str, table: str) -> AbstractContextManager[object]:
        attributes = {"db.operation.name": operation, "db.collection.name": table}
        return self._span(f"{operation} {table}", attributes, kind=self._trace.SpanKind.CLIENT)

    def step(self, step: Step) -> Step:
        """The same step, each batch in a span below that of whoever told of it, linked to the others who did."""
        if not isinstance(step, FeedStep):
            return step

        async def handle(events: Sequence[FeedEvent]) -> Sequence[Write]:
            told_by = list(dict.fromkeys(event.trace for event in events if event.trace is not None))
            attributes = {"messaging.destination.name": step.name, "messaging.operation.type": "process"}
            kind = self._trace.SpanKind.CONSUMER
            parent = told_by[0] if told_by else None
            with self._span(f"step {step.name}", attributes, kind=kind, parent=parent, links=told_by[1:MOST_LINKS]):
                return await step.handle(events)

        return msgspec.structs.replace(step, handle=handle)


@asynccontextmanager
async def open_tracing(settings: Settings) -> AsyncIterator[Tracing | None]:
    """Until the context ends, which sends what is left; None where nobody asked for traces.

    Raises:
        SettingsFault: the SDK is not installed.
    """
    if settings.traces == "none":
        yield None
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsFault(["TRACES: needs the packages of requirements-traces.txt"]) from error
    provider = TracerProvider(resource=Resource.create({"service.name": "educonnect", "service.version": VERSION}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    try:
        yield Tracing(provider)
    finally:
        await asyncio.to_thread(provider.shutdown)
