"""A time limit that many tasks share."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Any, TypeVar

from app.shared_timer import SharedTimer

T = TypeVar("T")


class TimeLimit:
    """What `asyncio.timeout(seconds)` is to one await. Work that never waits costs nothing: nothing could end it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._timer = SharedTimer(seconds)

    async def hold(self, work: Coroutine[Any, Any, T]) -> T:
        """The work's result. Raises TimeoutError when the time is over first; the work is cancelled then."""
        try:
            awaited = work.send(None)
        except StopIteration as done:
            result: T = done.value
            return result
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit holds inside a task only")
        run = _Run(task)
        waiting = self._timer.call_later(run.end)
        try:
            return await _rest(work, awaited)
        except asyncio.CancelledError:
            if run.ended and task.uncancel() <= run.cancelling:
                raise TimeoutError from None
            raise
        finally:
            waiting.cancel()


@coroutine
def _rest(work: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """What `await work` does once the work has begun, and waits for `awaited`."""
    while True:
        try:
            value = yield awaited
        except GeneratorExit:
            work.close()
            raise
        except BaseException as error:
            step: Callable[[], Any] = partial(work.throw, error)
        else:
            step = partial(work.send, value)
        try:
            awaited = step()
        except StopIteration as done:
            result: T = done.value
            return result


class _Run:
    """One await: the task, and whether it was cancelled because its time was over."""

    __slots__ = ("_task", "cancelling", "ended")

    def __init__(self, task: "asyncio.Task[object]") -> None:
        self._task = task
        self.ended = False
        self.cancelling = task.cancelling()

    def end(self) -> None:
        self.ended = True
        self._task.cancel()
