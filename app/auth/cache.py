"""The two helpers that keep checks cheap: a bounded memory, and one call shared by all who need it."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ExpiringCache(Generic[K, V]):
    """At most `size` values, each until its own time; the one unused longest makes room."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[K, tuple[V, float]] = OrderedDict()

    def get(self, key: K, now: float) -> V | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, until = entry
        if now >= until:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V, *, until: float) -> None:
        self._entries[key] = (value, until)
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def clear(self) -> None:
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


class SharedCall(Generic[V]):
    """Runs a call at most once at a time; all who ask meanwhile get the one result, or its error.

    One who stops waiting does not stop the call for the others.
    """

    def __init__(self, call: Callable[[], Awaitable[V]]) -> None:
        self._call = call
        self._running: asyncio.Task[V] | None = None

    @property
    def running(self) -> bool:
        return self._running is not None and not self._running.done()

    def start(self) -> "asyncio.Task[V]":
        """The running call, begun if there was none."""
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._run())
            self._running.add_done_callback(_retrieve)
        return self._running

    async def result(self) -> V:
        return await asyncio.shield(self.start())

    async def _run(self) -> V:
        return await self._call()


def _retrieve(task: "asyncio.Task[V]") -> None:
    """Nobody may be left to look at the error; asyncio would complain about that."""
    if not task.cancelled():
        task.exception()
