"""AWSDate, AWSTime and AWSDateTime: ISO 8601 as AppSync reads it.

An offset is `Z` or `±hh:mm`, and may have seconds. Seconds and fractions of a second may be missing; a
fraction has at most 9 digits and may be empty, as in AppSync's own example `12:00:34.`.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from domain.times import Timestamp, timestamp

_LONGEST = 40
_DATE = r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{0,9}))?)?"
_OFFSET = r"(?P<offset>Z|(?P<sign>[+-])(?P<oh>[0-9]{2}):(?P<om>[0-9]{2})(?::(?P<os>[0-9]{2}))?)"

_A_DATE = re.compile(f"{_DATE}{_OFFSET}?")
_A_TIME = re.compile(f"{_TIME}{_OFFSET}?")
_A_MOMENT = re.compile(f"{_DATE}T{_TIME}{_OFFSET}?")
_CANONICAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")

_FARTHEST = timedelta(hours=18)
"""Offsets end here in Java's time library, which AppSync is built on."""


def check_date(text: str) -> None:
    found = _found(_A_DATE, text, "YYYY-MM-DD is expected")
    _date(found)
    _offset(found)


def check_time(text: str) -> None:
    found = _found(_A_TIME, text, "hh:mm:ss is expected")
    _time(found)
    _offset(found)


def parse_moment(value: Any) -> Timestamp:
    """An AWSDateTime as the one spelling of its instant, cut to milliseconds."""
    if not isinstance(value, str):
        raise ValueError("a string is expected")
    found = _found(_A_MOMENT, value, "YYYY-MM-DDThh:mm:ss with an offset is expected")
    if found["offset"] is None:
        raise ValueError("the offset is missing, Z or ±hh:mm")
    local = datetime.combine(_date(found), _time(found), UTC)
    try:
        return timestamp(local - _offset(found))
    except OverflowError:
        raise ValueError("the year must be 0001 to 9999 in UTC") from None


def serialise_moment(value: Any) -> str:
    """A Timestamp as it is."""
    if not isinstance(value, str) or not _CANONICAL.fullmatch(value):
        raise ValueError("a Timestamp is expected")
    return value


def _found(pattern: re.Pattern[str], text: str, expected: str) -> re.Match[str]:
    found = pattern.fullmatch(text) if len(text) <= _LONGEST else None
    if not found:
        raise ValueError(expected)
    return found


def _date(found: re.Match[str]) -> date:
    try:
        return date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        raise ValueError("there is no such day") from None


def _time(found: re.Match[str]) -> time:
    milliseconds = int((found["fraction"] or "")[:3].ljust(3, "0"))
    try:
        return time(int(found["hour"]), int(found["minute"]), int(found["second"] or 0), milliseconds * 1000)
    except ValueError:
        raise ValueError("there is no such time of day") from None


def _offset(found: re.Match[str]) -> timedelta:
    if found["sign"] is None:
        return timedelta()
    hours, minutes, seconds = int(found["oh"]), int(found["om"]), int(found["os"] or 0)
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if minutes > 59 or seconds > 59 or offset > _FARTHEST:
        raise ValueError("there is no such offset")
    return -offset if found["sign"] == "-" else offset
