"""Waiting in tests: for what must come, however long it takes, and never for time to pass."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable

PATIENCE_SECONDS = 60
"""When a test gives up; nothing is concluded from less."""


class ManualClock:
    """Seconds that pass when a test says so."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


async def until(condition: Callable[[], bool | Awaitable[bool]], what: str = "it") -> None:
    """Returns when the condition holds; fails when it never does."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await _holds(condition):  # noqa: ASYNC110 - what is waited for has no event to wait on
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"{what} did not come") from None


async def _holds(condition: Callable[[], bool | Awaitable[bool]]) -> bool:
    answer = condition()
    return await answer if isawaitable(answer) else answer
