"""Ranges of time as arguments."""

from domain.errors import bad_request
from resolvers.inputs import TimeRangeInput


def check_range(range: TimeRangeInput | None) -> None:
    """Raises BAD_REQUEST for one that holds no moment."""
    if range is not None and range["to"] <= range["from"]:
        raise bad_request("range.to", "ORDER", "range.to is later than range.from.")
