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
        # Of each what is left, and when that was.
        self._buckets: OrderedDict[Hashable, list[float]] = OrderedDict()

    def wait(self, caller: Hashable, now: float | None = None) -> int:
        """Takes a token and returns 0; with none left, the whole seconds until there is one.

        Args:
            now: of the limiter's clock, where it was just read.
        """
        if now is None:
            now = self._clock()
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = [self._burst, now]
            if len(self._buckets) > MOST_CALLERS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(caller)
        tokens, at = bucket
        bucket[1] = now
        if now > at:
            tokens += (now - at) * self._per_second
            if tokens > self._burst:
                tokens = self._burst
        if tokens >= 1:
            bucket[0] = tokens - 1
            return 0
        bucket[0] = tokens
        return math.ceil((1 - tokens) / self._per_second)

    def give_back(self, caller: Hashable) -> None:
        """The last token was taken for nothing."""
        bucket = self._buckets.get(caller)
        if bucket is not None:
            bucket[0] = min(self._burst, bucket[0] + 1)

    def __len__(self) -> int:
        return len(self._buckets)
