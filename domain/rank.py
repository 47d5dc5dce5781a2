"""Ranks: texts whose byte order is the order of a list, with room between any two of them.

A rank is a fraction between 0 and 1 written in base 62. It never ends with the lowest digit, so that each
fraction has one spelling and something fits before it. Appending and prepending take small steps and keep
ranks short; only a new place between two neighbours makes a rank longer, by one digit in about six times.
"""

from collections.abc import Sequence

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LONGEST = 64
"""Beyond this a list is ranked anew."""

_BASE = len(DIGITS)
_STEP_DIGITS = 6  # appending adds 62^-6: room for billions of steps on either side of the first rank
_FIRST = "V"
_VALUES = {digit: value for value, digit in enumerate(DIGITS)}


def between(before: str | None, after: str | None) -> str:
    """A rank behind `before` and ahead of `after`; None is the end of the list on that side.

    Raises:
        ValueError: `before` is not less than `after`.
    """
    if before is not None and after is not None:
        return _middle(before, after)
    if before is not None:
        step = _number(before, _STEP_DIGITS) + 1
        return _text(step, _STEP_DIGITS) if step < _BASE**_STEP_DIGITS else _middle(before, None)
    if after is not None:
        step = _number(after, _STEP_DIGITS) - 1
        return _text(step, _STEP_DIGITS) if step > 0 else _middle("", after)
    return _FIRST


def behind(ranks: Sequence[str]) -> list[str]:
    """As many short ranks, rising, all of them behind all of `ranks` (which rise too)."""
    fresh: list[str] = []
    last = ranks[-1] if ranks else None
    for _ in ranks:
        last = between(last, None)
        fresh.append(last)
    return fresh


def _middle(low: str, high: str | None) -> str:
    """The shortest rank between two, in the middle of those of its length."""
    if high is not None and low >= high:
        raise ValueError("ranks do not rise")
    for length in range(1, max(len(low), len(high or "")) + 2):
        first = _number(low, length) + 1
        last = _BASE**length - 1 if high is None else _number(high, length) - (len(high) <= length)
        if first <= last:
            return _text((first + last) // 2, length)
    raise AssertionError("one digit more always has room")


def _number(rank: str, length: int) -> int:
    """The first `length` digits as a number."""
    number = 0
    for digit in rank[:length].ljust(length, DIGITS[0]):
        number = number * _BASE + _VALUES[digit]
    return number


def _text(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, value = divmod(number, _BASE)
        digits.append(DIGITS[value])
    return "".join(reversed(digits)).rstrip(DIGITS[0])
