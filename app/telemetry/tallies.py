"""Counters and histograms of what every request counts: plain numbers, without the locks and checks of
prometheus_client's own, which would take longer than many a thing that they measure.

Only the event loop's thread counts. Whoever reads from another thread may see a sum that is a moment older than its
count.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


class Counts(Collector):
    """How often, by the values of its labels: `counts.by[("a value", "another")] += 1`."""

    def __init__(self, name: str, words: str, labels: Sequence[str]) -> None:
        self.name = name
        self._words = words
        self.labels = labels
        self.by: defaultdict[tuple[str, ...], int] = defaultdict(int)

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(self.name, self._words, labels=self.labels)
        for values, count in list(self.by.items()):
            family.add_metric(values, count)
        yield family


class Times(Collector):
    """How many seconds, in buckets, by the value of one label.

    Args:
        bounds: upper ones of the buckets, rising; the last bucket has none.
    """

    def __init__(self, name: str, words: str, label: str, bounds: Sequence[float]) -> None:
        self.name = name
        self._words = words
        self.labels = (label,)
        self._bounds = bounds
        self._names = [*map(str, bounds), "+Inf"]
        # Behind the buckets' counts stands the sum.
        self._kept: defaultdict[str, list[float]] = defaultdict(lambda: [0] * (len(self._names) + 1))

    def observe(self, value: str, seconds: float) -> None:
        kept = self._kept[value]
        kept[bisect_left(self._bounds, seconds)] += 1
        kept[-1] += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        family = HistogramMetricFamily(self.name, self._words, labels=self.labels)
        for value, (*buckets, total) in list(self._kept.items()):
            rising = list(zip(self._names, accumulate(buckets), strict=True))
            family.add_metric([value], rising, total)
        yield family
