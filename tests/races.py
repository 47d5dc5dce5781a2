"""Races: calls that all start behind one barrier."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from domain.errors import Code, DomainError

T = TypeVar("T")


async def at_once(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T | DomainError]:
    """What each call returned, or the refusal that it met, in order. Any other exception is raised."""
    barrier = asyncio.Barrier(len(calls))

    async def run(call: Callable[[], Awaitable[T]]) -> T | DomainError:
        await barrier.wait()
        try:
            return await call()
        except DomainError as refusal:
            return refusal

    return list(await asyncio.gather(*map(run, calls)))


def successes(results: Sequence[T | DomainError]) -> list[T]:
    return [result for result in results if not isinstance(result, DomainError)]


def codes(results: Sequence[T | DomainError]) -> list[Code]:
    """Of the refusals."""
    return [result.code for result in results if isinstance(result, DomainError)]
