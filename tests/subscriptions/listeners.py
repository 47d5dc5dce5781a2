"""Subscribers of tests: they keep what they are given, and can be waited for."""

from typing import Any

import orjson

from subscriptions.filters import Filter
from subscriptions.hub import Topic


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
