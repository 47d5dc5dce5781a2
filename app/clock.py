"""The server's clock."""

import time
from datetime import UTC, datetime
from functools import lru_cache

from domain.times import Timestamp


def now() -> Timestamp:
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1_000)
    return Timestamp(f"{_second(seconds)}.{milliseconds:03}Z")


@lru_cache(maxsize=1)
def _second(epoch: int) -> str:
    """Written once a second, though every request asks for the time."""
    return datetime.fromtimestamp(epoch, UTC).isoformat()[: len("2026-11-21T12:00:00")]
