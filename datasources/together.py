"""Waiting for several things at once, with no more tasks than it takes: each costs as much as a small read."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")
U = TypeVar("U")


async def both(first: Coroutine[Any, Any, T], second: Coroutine[Any, Any, U]) -> tuple[T, U]:
    """As `together`, of two things of different kinds."""
    calls: list[Coroutine[Any, Any, Any]] = [first, second]
    one, other = await together(calls)
    return one, other


async def together(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results in order. The first call runs in the caller's own task.

    When a call fails, or the caller is cancelled, the others are cancelled and have ended before that comes out.
    That another than the first has failed is noticed when the first has ended, so each bounds its own time.
    """
    waiting = list(calls)
    if not waiting:
        return []
    others = [asyncio.create_task(call) for call in waiting[1:]]
    try:
        first = await waiting[0]
        return [first, *[await task for task in others]]
    except BaseException:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        raise
