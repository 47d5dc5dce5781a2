"""Subscribers of tests: they keep what they are given, and can be waited for."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson

from subscriptions.filters import Filter
from subscriptions.hub import Topic

PATIENCE_SECONDS = 60
"""How long a test waits for what must come; nothing is concluded from less."""


class Listener:
    def __init__(self) -> None:
        self.live = True
        self.events: list[Any] = []
        self.gaps = 0

    def deliver(self, payload: bytes) -> None:
        self.events.append(orjson.loads(payload))

    def lose_continuity(self) -> None:
        self.gaps += 1


def topic(field: str = "onTodo", *, filter: Filter | None = None, group: str = "all", **arguments: Any) -> Topic:
    return Topic(field, tuple(sorted(arguments.items())), filter, group, orjson.dumps)


async def until(condition: Callable[[], bool], what: str = "it") -> None:
    """Returns when the condition holds; fails when it never does."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event to wait on
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"{what} did not come") from None
