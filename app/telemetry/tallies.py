"""Counters and histograms of what every request counts: plain numbers, without the locks and checks of
prometheus_client's own, which would take longer than many a thing that they measure.

Only the event loop's thread counts. Whoever reads from another thread may see a sum that is a moment older than its
count.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import add

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


class Tally(Collector):
    """What one metric is read from.

    Attributes:
        name, labels: of the metric.
    """

    def __init__(self, name: str, words: str, labels: Sequence[str]) -> None:
        self.name = name
        self._words = words
        self.labels = labels


class Counts(Tally):
    """How often, by the values of its labels: `counts.by[("a value", "another")] += 1`."""

    def __init__(self, name: str, words: str, labels: Sequence[str]) -> None:
        super().__init__(name, words, labels)
        self.by: defaultdict[tuple[str, ...], int] = defaultdict(int)

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(self.name, self._words, labels=self.labels)
        for values, count in list(self.by.items()):
            family.add_metric(values, count)
        yield family


class Times(Tally):
    """How many seconds, in buckets, by the value of one label.

    Args:
        bounds: upper ones of the buckets, rising; the last bucket has none.
    """

    def __init__(self, name: str, words: str, label: str, bounds: Sequence[float]) -> None:
        super().__init__(name, words, (label,))
        self._bounds = bounds
        self._names = [*map(str, bounds), "+Inf"]
        # Behind the buckets' counts stands the sum.
        self._kept: defaultdict[tuple[str, ...], list[float]] = defaultdict(lambda: [0] * (len(self._names) + 1))

    def observe(self, values: tuple[str, ...], seconds: float) -> None:
        """
        Args:
            values: of the label, and behind it of those by which `TimedCounts` tells more exactly.
        """
        kept = self._kept[values]
        kept[bisect_left(self._bounds, seconds)] += 1
        kept[-1] += seconds

    def counts(self) -> Iterator[tuple[tuple[str, ...], float]]:
        """How often, by all values."""
        for values, kept in list(self._kept.items()):
            yield values, sum(kept[:-1])

    def collect(self) -> Iterator[HistogramMetricFamily]:
        by_label: dict[str, list[float]] = {}
        for values, kept in list(self._kept.items()):
            before = by_label.get(values[0])
            by_label[values[0]] = list(map(add, before, kept)) if before else kept
        family = HistogramMetricFamily(self.name, self._words, labels=self.labels)
        for value, (*buckets, total) in by_label.items():
            rising = list(zip(self._names, accumulate(buckets), strict=True))
            family.add_metric([value], rising, total)
        yield family


class TimedCounts(Tally):
    """How often, of what is timed: nobody has to count it once more."""

    def __init__(self, name: str, words: str, labels: Sequence[str], times: Times) -> None:
        super().__init__(name, words, labels)
        self._times = times

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(self.name, self._words, labels=self.labels)
        for values, count in self._times.counts():
            family.add_metric(values, count)
        yield family
