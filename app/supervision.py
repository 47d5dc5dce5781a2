"""Keeps what has to go on going on: a round that fails is tried again after a growing pause."""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Protocol

from domain.cancellation import heed_cancellation
from domain.errors import RETRYABLE, DomainError

_LONGEST_PAUSE_SECONDS = 30.0
_FIRST_PAUSE_SECONDS = 0.25

_log = logging.getLogger("educonnect.workers")


class Cyclic(Protocol):
    @property
    def name(self) -> str: ...

    async def cycle(self) -> None:
        """One round, which waits by itself when there is nothing to do."""
        ...


async def supervise(runner: Cyclic, stumbled: Callable[[str], None] = lambda _: None) -> None:
    """Round after round, until cancelled. `stumbled` is told of each that failed."""
    failures = 0
    while True:
        try:
            await runner.cycle()
        except Exception as error:
            heed_cancellation()
            failures += 1
            stumbled(runner.name)
            _log.warning("%s failed, try %d", runner.name, failures, exc_info=None if passes(error) else error)
            await asyncio.sleep(_pause(failures))
        else:
            failures = 0


def passes(error: Exception) -> bool:
    """Whether it is the trouble of what we depend on, not of what is being handled."""
    return isinstance(error, DomainError) and error.code in RETRYABLE


def _pause(failures: int) -> float:
    longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(failures, 10))
    return random.uniform(longest / 2, longest)  # noqa: S311 - spreads retries, protects nothing
