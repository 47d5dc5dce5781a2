"""Tallies are read as prometheus_client's own counters and histograms are."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.registry import Collector

from app.telemetry.tallies import Counts, TimedCounts, Times

BOUNDS = (0.0005, 0.25, 10.0)
SECONDS = (0.0001, 0.0005, 0.0006, 0.25, 3.0, 11.0, 60.0)


def scraped(collector: Collector | None, registry: CollectorRegistry) -> list[str]:
    if collector is not None:
        registry.register(collector)
    lines = generate_latest(registry).decode().splitlines()
    return sorted(line for line in lines if "_created" not in line)


def test_counts() -> None:
    registry = CollectorRegistry()
    theirs = Counter("calls", "Calls made.", ("kind", "outcome"), registry=registry)
    ours = Counts("calls", "Calls made.", ("kind", "outcome"))
    for labels in (("get", "ok"), ("get", "ok"), ("put", 'no "luck"\n')):
        theirs.labels(*labels).inc()
        ours.by[labels] += 1

    assert scraped(ours, CollectorRegistry()) == scraped(None, registry)


def test_times() -> None:
    registry = CollectorRegistry()
    theirs = Histogram("seconds", "Time taken.", ("kind",), registry=registry, buckets=BOUNDS)
    ours = Times("seconds", "Time taken.", "kind", BOUNDS)
    for kind in ("get", "put"):
        for seconds in SECONDS:
            theirs.labels(kind).observe(seconds)
            ours.observe((kind,), seconds)

    assert scraped(ours, CollectorRegistry()) == scraped(None, registry)


def test_what_is_timed_is_counted_by_more_labels_than_it_is_timed_by() -> None:
    registry = CollectorRegistry()
    counter = Counter("calls", "Calls made.", ("kind", "outcome"), registry=registry)
    histogram = Histogram("seconds", "Time taken.", ("kind",), registry=registry, buckets=BOUNDS)
    times = Times("seconds", "Time taken.", "kind", BOUNDS)
    counts = TimedCounts("calls", "Calls made.", ("kind", "outcome"), times)
    for kind, outcome in (("get", "ok"), ("put", "ok"), ("get", "failed")):
        for seconds in (0.0001, 0.25, 8.0):
            counter.labels(kind, outcome).inc()
            histogram.labels(kind).observe(seconds)
            times.observe((kind, outcome), seconds)

    ours = CollectorRegistry()
    ours.register(times)
    assert scraped(counts, ours) == scraped(None, registry)
