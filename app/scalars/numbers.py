"""Int, Float and AWSTimestamp.

Int and Float restate graphql-core's, which lets the literal 1e999 pass as infinity.
"""

from math import isfinite
from typing import Any

_INT = 2**31
_LONG = 2**63
_EXACT = 2**53
"""From here on a double skips whole numbers."""


def parse_int(value: Any) -> int:
    number = _whole(value)
    if not -_INT <= number < _INT:
        raise ValueError("it must fit into 32 bits")
    return number


def serialise_int(value: Any) -> int:
    return parse_int(value)


def parse_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number is expected")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("it must be finite") from None
    if not isfinite(number):
        raise ValueError("it must be finite")
    if isinstance(value, int) and int(number) != value:
        raise ValueError("a double cannot hold it exactly")
    return number


def serialise_float(value: Any) -> float:
    return parse_float(value)


def parse_seconds(value: Any) -> int:
    """An AWSTimestamp. The same in both directions."""
    number = _whole(value)
    if not -_LONG <= number < _LONG:
        raise ValueError("it must fit into 64 bits")
    return number


def read_int(digits: str) -> int:
    """An integer as the lexer found it; of one beyond all doubles no more is kept than that it is."""
    return int(digits) if len(digits) <= 400 else 10**400


def _whole(value: Any) -> int:
    """A JSON number without a fraction: 5 and 5.0, but neither true nor "5"."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a whole number is expected")
    if isinstance(value, int):
        return value
    if not value.is_integer() or abs(value) > _EXACT:
        raise ValueError("a whole number is expected")
    return int(value)
