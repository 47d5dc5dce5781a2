"""docs/observability.md names every metric with its type and labels, and no other."""

import re

from prometheus_client.metrics import MetricWrapperBase

from app.telemetry.instruments import Instruments
from tests.server_process import ROOT

_ROW = re.compile(r"^\| `(educonnect_\w+)` \| (\w+) \| ([^|]*)\|", re.MULTILINE)

Told = dict[str, tuple[str, tuple[str, ...]]]


def told() -> Told:
    text = (ROOT / "docs/observability.md").read_text("utf-8")
    return {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in _ROW.findall(text)}


def declared() -> Told:
    instruments = Instruments()
    instruments.watch(sockets=int, subscriptions=int, events_waiting=int, messages_in=int)
    collectors = [each for each in instruments.registry._collector_to_names if isinstance(each, MetricWrapperBase)]
    return {_name(each): (each._type, tuple(each._labelnames)) for each in collectors}


def _name(metric: MetricWrapperBase) -> str:
    return f"{metric._name}_total" if metric._type == "counter" else metric._name


def test_every_metric_is_told_as_it_is() -> None:
    assert told() == declared()
    assert len(told()) > 15
