"""Every metric of a process, in a registry of its own. docs/observability.md tells what each means.

Labels have few values, all of them ours: a client's words, such as the names of operations, never become one.
"""

import collections
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import UNSET
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from app.documents import Operation
from app.execution import Answer
from app.logs import AccessLine, AccessLines
from app.telemetry.tallies import Counts, TimedCounts, Times
from domain.errors import Code

PREFIX = "educonnect"
FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds, for what takes less than one where all is well."""
SEVERAL, NONE, OTHER = "several", "none", "other"
"""Labels: of an operation with many root fields, of a request that is not executed, of what has no label of its own."""

_ERROR_TYPES = frozenset({*(code.value for code in Code), "MalformedHttpRequestException", "BadRequestException",
                          "MethodNotAllowedException"})  # fmt: skip
_VALIDATION = "validation"
"""The label of errors without an errorType, as AppSync writes those of a document that does not fit the schema."""
_PATHS = frozenset({"/graphql", "/graphql/realtime", "/graphql/stream", "/files/", "/playback/", "/ping", "/livez",
                    "/readyz", "/multipart/init", "/multipart/parts", "/multipart/complete"})  # fmt: skip


class Instruments:
    """One a process. Its methods never raise and never wait."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(namespace=PREFIX, registry=self.registry)
        self._operations = self._times("operation_seconds", "Time of GraphQL operations, by kind.", "kind")
        self._counted("operations", "GraphQL operations, by kind and root field.", self._operations, "kind", "field")
        self._errors = self._counter("errors", "Errors in answers, by errorType.", "error_type")
        self._http = self._counts("http_requests", "HTTP requests, by path and status.", "path", "status")
        self._events = self._counter("events", "Events handed to the listeners of this process.")
        self._messages_out = self._counter("messages_out", "Events sent to clients, one for each listener.")
        self._fan_out = self._histogram("fan_out_seconds", "Time from an event's coming to its last listener here.")
        self._uploads = self._counter("uploads", "Uploads, by what they came to.", "outcome")
        self._upload_bytes = self._counter("upload_bytes", "Bytes of completed uploads.")
        self._changes = self._counter("worker_changes", "Changes that workers' steps handled.", "step", "outcome")
        self._lag = self._gauge("worker_lag_seconds", "Age of the change that a step handled last.", "step")
        self._failures = self._counter("worker_failures", "Rounds of workers' steps that failed.", "step")
        self._store = self._times("store_seconds", "Time of calls of the record store.", "operation")
        self._counted("store_operations", "Calls of the record store.", self._store, "operation", "outcome")

    def _counts(self, name: str, words: str, *labels: str) -> Counts:
        counts = Counts(f"{PREFIX}_{name}", words, labels)
        self.registry.register(counts)
        return counts

    def _times(self, name: str, words: str, label: str) -> Times:
        times = Times(f"{PREFIX}_{name}", words, label, FAST)
        self.registry.register(times)
        return times

    def _counted(self, name: str, words: str, times: Times, *labels: str) -> None:
        self.registry.register(TimedCounts(f"{PREFIX}_{name}", words, labels, times))

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(name, words, labels, namespace=PREFIX, registry=self.registry)

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(name, words, labels, namespace=PREFIX, registry=self.registry)

    def _histogram(self, name: str, words: str, *labels: str) -> Histogram:
        return Histogram(name, words, labels, namespace=PREFIX, registry=self.registry, buckets=FAST)

    # Told of what happens

    def operation(self, operation: Operation | None, answer: Answer, seconds: float) -> None:
        """A request was answered. None: it held no operation that could be executed."""
        values = (NONE, NONE) if operation is None else (operation.kind, operation.root_field or SEVERAL)
        self._operations.observe(values, seconds)
        if "errors" in answer.content:
            for error in answer.content["errors"]:
                self._errors.labels(_error_type(error)).inc()

    def counted(self, access_log: AccessLines) -> AccessLines:
        """The access log, its lines counted when they are written."""
        access_log.add_reader(self._requests)
        return access_log

    def _requests(self, lines: Sequence[AccessLine]) -> None:
        # That of a socket's end has no status, and was counted when it opened.
        answered = collections.Counter((line.path, line.status) for line in lines if line.status is not UNSET)
        for (path, status), count in answered.items():
            self._http.by[path if path in _PATHS else OTHER, str(status)] += count

    def handed_out(self, seconds: float, listeners: int) -> None:
        """An event has reached its listeners in this process."""
        self._events.inc()
        self._messages_out.inc(listeners)
        self._fan_out.observe(seconds)

    def begun(self, size: int) -> None:
        """An upload of so many bytes."""
        self._uploads.labels("begun").inc()

    def completed(self, size: int) -> None:
        """An upload of so many bytes became a media."""
        self._uploads.labels("completed").inc()
        self._upload_bytes.inc(size)

    def failed(self, size: int) -> None:
        """An upload of so many bytes was not what it was declared to be."""
        self._uploads.labels("failed").inc()

    def handled(self, step: str, changes: int, lag_seconds: float) -> None:
        self._changes.labels(step, "handled").inc(changes)
        self._lag.labels(step).set(lag_seconds)

    def set_aside(self, step: str) -> None:
        """A step has given up on a change."""
        self._changes.labels(step, "set_aside").inc()

    def stumbled(self, step: str) -> None:
        """A round of a step failed and is tried again."""
        self._failures.labels(step).inc()

    def store_call(self, operation: str, outcome: str, seconds: float) -> None:
        self._store.observe((operation, outcome), seconds)

    # Asked when somebody looks

    def watch(
        self,
        *,
        sockets: Callable[[], int],
        subscriptions: Callable[[], int],
        events_waiting: Callable[[], int],
        messages_in: Callable[[], int],
    ) -> None:
        """Where numbers are kept that are read only when somebody looks."""
        self._gauge("sockets", "Open WebSockets and event streams.").set_function(sockets)
        self._gauge("subscriptions", "Live subscriptions.").set_function(subscriptions)
        self._gauge("events_waiting", "Events that wait to be handed out here.").set_function(events_waiting)
        self.registry.register(_Read(f"{PREFIX}_messages_in", "Messages of clients on sockets.", messages_in))

    # For outlets

    def read(self) -> Iterator[Sample]:
        """Every number as it is now, but when its counting began."""
        for family in self.registry.collect():
            yield from (sample for sample in family.samples if not sample.name.endswith("_created"))

    def samples(self) -> dict[str, list[tuple[dict[str, str], float]]]:
        """Labels and values by name, without what all names begin with, and counters without their `_total`."""
        found: dict[str, list[tuple[dict[str, str], float]]] = {}
        for sample in self.read():
            name = sample.name.removeprefix(f"{PREFIX}_").removesuffix("_total")
            found.setdefault(name, []).append((sample.labels, sample.value))
        return found


class _Read(Collector):
    """A counter that is kept elsewhere, and only read here."""

    def __init__(self, name: str, words: str, value: Callable[[], int]) -> None:
        self._name = name
        self._words = words
        self._value = value

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self._name, self._words, value=self._value())


def _error_type(error: Mapping[str, Any]) -> str:
    name = error.get("errorType")
    if name is None:
        return _VALIDATION
    return name if name in _ERROR_TYPES else OTHER
