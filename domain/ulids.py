"""ULIDs, as https://github.com/ulid/spec has them: 26 characters that sort by the millisecond of their making."""

import os
import re
import time
from collections.abc import Iterator

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(first + second for first in _DIGITS for second in _DIGITS)
_TO_PYTHONS = str.maketrans(_DIGITS, "0123456789ABCDEFGHIJKLMNOPQRSTUV")
_SHAPE = re.compile(rf"[0-7][{_DIGITS}]{{25}}")
_BITS = 128
_RANDOM_BITS = 80
_CHANCE_BYTES = _RANDOM_BITS // 8
_AT_ONCE = 256


def ulid(milliseconds: int, randomness: bytes) -> str:
    """Of a moment since 1970 and ten bytes."""
    return _written(milliseconds << _RANDOM_BITS | int.from_bytes(randomness))


def new_ulid() -> str:
    """Of now, and nobody can guess it."""
    return ulid(_now(), _chance())


def rising_ulids() -> Iterator[str]:
    """Each of the moment when it is asked for, and above the one before."""
    number = 0
    chances: Iterator[bytes] = iter(())
    while True:
        milliseconds = _now()
        if milliseconds <= number >> _RANDOM_BITS:
            number += 1
        else:
            chance = next(chances, None)
            if chance is None:
                chances = _chances()
                chance = next(chances)
            number = milliseconds << _RANDOM_BITS | int.from_bytes(chance)
        yield _written(number)


def milliseconds_of(text: str) -> int:
    """When it was made. Raises ValueError for what is no ULID in capitals."""
    if not _SHAPE.fullmatch(text):
        raise ValueError("no ULID")
    return int(text.translate(_TO_PYTHONS), 32) >> _RANDOM_BITS


def _written(number: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(_BITS - 8, -1, -10)])


def _now() -> int:
    return time.time_ns() // 1_000_000


def _chance() -> bytes:
    return os.urandom(_CHANCE_BYTES)


def _chances() -> Iterator[bytes]:
    """Drawn at once: asking the kernel gives Python's lock away, which a busy thread returns after milliseconds."""
    block = os.urandom(_CHANCE_BYTES * _AT_ONCE)
    return iter([block[start : start + _CHANCE_BYTES] for start in range(0, len(block), _CHANCE_BYTES)])
