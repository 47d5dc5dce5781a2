"""The server's clock."""

from datetime import UTC, datetime

from domain.times import Timestamp, timestamp


def now() -> Timestamp:
    return timestamp(datetime.now(UTC))
