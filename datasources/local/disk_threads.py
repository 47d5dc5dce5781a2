"""A few threads for work that waits for the disk, so that the event loop never does."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from domain.errors import throttled

Result = TypeVar("Result")


class DiskThreads:
    """Threads that share one queue.

    Args:
        threads: how many.
        capacity: calls that may wait or be at work; beyond is THROTTLED.
        service: what is busy then.
    """

    def __init__(self, threads: int, *, capacity: int, service: str) -> None:
        self._executor = ThreadPoolExecutor(threads, "disk")
        self._capacity = capacity
        self._service = service
        self._pending = 0

    async def run(self, work: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """What `work` returns or raises. Once begun it goes on, also when the caller is cancelled."""
        if self._pending >= self._capacity:
            raise throttled(self._service)
        return await self.go_on(work, *args, **kwargs)

    async def go_on(self, work: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """The same for what was begun before, and is therefore never refused."""
        self._pending += 1
        future = asyncio.get_running_loop().run_in_executor(self._executor, partial(work, *args, **kwargs))
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def _done(self, _: "asyncio.Future[Any]") -> None:
        self._pending -= 1

    def close(self) -> None:
        """Waits for what is at work."""
        self._executor.shutdown()
