"""How fast somebody may go: token buckets, in the memory of one process."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

MOST_CALLERS = 50_000
"""Buckets kept; the caller who was silent longest loses theirs first and starts with a full one."""


class RateLimiter:
    """Each caller has `burst` tokens, refilled at `per_second`.

    Args:
        clock: seconds; set back, it stands still until it has caught up.
    """

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def wait(self, caller: Hashable) -> int:
        """Takes a token and returns 0; with none left, the whole seconds until there is one."""
        now = self._clock()
        tokens, at = self._buckets.pop(caller, (self._burst, now))
        if now > at:
            tokens += (now - at) * self._per_second
            if tokens > self._burst:
                tokens = self._burst
        allowed = tokens >= 1
        self._buckets[caller] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)
        return 0 if allowed else math.ceil((1 - tokens) / self._per_second)

    def give_back(self, caller: Hashable) -> None:
        """The last token was taken for nothing."""
        if caller in self._buckets:
            tokens, at = self._buckets[caller]
            self._buckets[caller] = (min(self._burst, tokens + 1), at)

    def __len__(self) -> int:
        return len(self._buckets)
