"""A time limit that many tasks share."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class TimeLimit:
    """What `asyncio.timeout(seconds)` is to one await, with one timer for all: a timer for each is dear.

    All have the same time, so that the oldest is the first to be due. Work that never waits needs no limit at all:
    nothing could end it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._running: dict[_Run, None] = {}
        self._timer: asyncio.TimerHandle | None = None

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
        loop = task.get_loop()
        run = _Run(task, loop.time() + self.seconds)
        self._running[run] = None
        if self._timer is None:
            self._timer = loop.call_at(run.due, self._end, loop)
        try:
            return await _rest(work, awaited)
        except asyncio.CancelledError:
            if run.ended and task.uncancel() <= run.cancelling:
                raise TimeoutError from None
            raise
        finally:
            del self._running[run]

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for run in self._running:
            if run.due > now:
                self._timer = loop.call_at(run.due, self._end, loop)
                return
            if not run.ended:
                run.ended = True
                run.task.cancel()


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
    """One await: the task, when its time is over, and whether it was cancelled for that."""

    __slots__ = ("cancelling", "due", "ended", "task")

    def __init__(self, task: "asyncio.Task[object]", due: float) -> None:
        self.task = task
        self.due = due
        self.ended = False
        self.cancelling = task.cancelling()
