"""docs/observability.md names every metric with its type and labels, and no other."""

import re

from prometheus_client.metrics import MetricWrapperBase

from app.telemetry.instruments import Instruments
from app.telemetry.tallies import Tally
from tests.server_process import ROOT

_ROW = re.compile(r"^\| `(educonnect_\w+)` \| (\w+) \| ([^|]*)\|", re.MULTILINE)

Told = dict[str, tuple[str, tuple[str, ...]]]


def told() -> Told:
    text = (ROOT / "docs/observability.md").read_text("utf-8")
    return {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in _ROW.findall(text)}


def declared() -> Told:
    instruments = Instruments()
    instruments.watch(sockets=int, subscriptions=int, events_waiting=int, messages_in=int)
    collectors = instruments.registry._collector_to_names
    labels = {each._name: tuple(each._labelnames) for each in collectors if isinstance(each, MetricWrapperBase)}
    labels |= {each.name: tuple(each.labels) for each in collectors if isinstance(each, Tally)}
    return {
        f"{family.name}_total" if family.type == "counter" else family.name: (family.type, labels.get(family.name, ()))
        for family in instruments.registry.collect()
        if not family.name.startswith("educonnect_process_")
    }


def test_every_metric_is_told_as_it_is() -> None:
    assert told() == declared()
    assert len(told()) > 15
