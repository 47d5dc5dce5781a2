"""Many sources, one call: what a batch resolver needs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Call = Callable[[list[Any]], Awaitable[Sequence[Any]]]


class Loader:
    """Gathers the sources that one turn of the event loop asks about and answers them with one call.

    One task a batch and a future a source; nothing is remembered from batch to batch.

    Args:
        call: sources to values, one for each and in order; an exception among them is that source's error.
        most: the largest batch; more sources become several calls at the same time.
        tasks: where running batches are kept, so that their owner can cancel them.
    """

    __slots__ = ("_call", "_most", "_name", "_tasks", "_waiting")

    def __init__(self, name: str, call: Call, most: int, tasks: set[asyncio.Task[None]]) -> None:
        self._name = name
        self._call = call
        self._most = most
        self._tasks = tasks
        self._waiting: list[tuple[Any, asyncio.Future[Any]]] = []

    def load(self, source: Any) -> asyncio.Future[Any]:
        """The source's value, or the exception itself as a value: nobody may be left to retrieve a raised one."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._send, loop)
        self._waiting.append((source, future))
        return future

    def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), self._most):
            task = loop.create_task(self._answer(waiting[start : start + self._most]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, batch: list[tuple[Any, asyncio.Future[Any]]]) -> None:
        try:
            values = await self._call([source for source, _ in batch])
            if len(values) != len(batch):
                raise RuntimeError(f"{self._name} answered {len(values)} values for {len(batch)} sources")
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as error:
            values = [error] * len(batch)
        for (_, future), value in zip(batch, values, strict=True):
            if not future.done():
                future.set_result(value)
