"""One call shared by all who need its result at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

V = TypeVar("V")


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
