"""Points in time as the API shows and the stores sort them: UTC text with milliseconds.

`2026-11-21T12:00:00.000Z` has one spelling for each instant, so text order is time order in an index,
and a record needs no conversion between store, resolver and client.
"""

from datetime import UTC, datetime, timedelta
from typing import NewType

Timestamp = NewType("Timestamp", str)


def timestamp(moment: datetime) -> Timestamp:
    """An aware datetime, cut to milliseconds."""
    return Timestamp(moment.astimezone(UTC).isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z")


def from_epoch(seconds: float) -> Timestamp:
    return timestamp(datetime.fromtimestamp(seconds, UTC))


def moment(at: Timestamp) -> datetime:
    return datetime.fromisoformat(at)


def later(at: Timestamp, *, seconds: float = 0, days: float = 0) -> Timestamp:
    return timestamp(moment(at) + timedelta(seconds=seconds, days=days))


def epoch_seconds(at: Timestamp) -> int:
    return int(moment(at).timestamp())
