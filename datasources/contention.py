"""Writes that rest on what was just read: when somebody else was faster, read and try again, a few times."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from domain.errors import throttled

T = TypeVar("T")

ATTEMPTS = 10
_FIRST_WAIT_SECONDS = 0.01
_LONGEST_WAIT_SECONDS = 0.5


class LostRace(Exception):
    """What was read is no longer so; nothing was written."""


async def settle(attempt: Callable[[], Awaitable[T]], what: str) -> T:
    """The result of `attempt`, called anew with full jitter while it raises `LostRace`.

    Args:
        what: names the contended thing in the error, e.g. "The course".

    Raises:
        DomainError: THROTTLED after 10 lost races.
    """
    for number in range(ATTEMPTS):
        if number:
            longest = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2**number)
            await asyncio.sleep(random.uniform(0, longest))  # noqa: S311 - spreads retries, protects nothing
        try:
            return await attempt()
        except LostRace:
            continue
    raise throttled(what)
