"""A timer that many share."""

import asyncio
from collections.abc import Callable


class SharedTimer:
    """`loop.call_later(seconds, ...)` with one timer of the loop for all that wait: a timer for each is dear.

    All have the same time, so that the oldest is the first to be due.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._waiting: dict[Waiting, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def call_later(self, callback: Callable[[], object]) -> "Waiting":
        """Calls back after the time, which must not raise."""
        loop = asyncio.get_running_loop()
        waiting = Waiting(self._waiting, callback, loop.time() + self.seconds)
        self._waiting[waiting] = None
        if self._timer is None:
            self._timer = loop.call_at(waiting.due, self._ring, loop)
        return waiting

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        now, due = loop.time(), list[Waiting]()
        self._timer = None
        for waiting in self._waiting:
            if waiting.due > now:
                self._timer = loop.call_at(waiting.due, self._ring, loop)
                break
            due.append(waiting)
        for waiting in due:
            if waiting.cancel():  # not if one that was called before has done so
                waiting.callback()


class Waiting:
    """Somebody who will be called."""

    __slots__ = ("_all", "callback", "due")

    def __init__(self, everybody: "dict[Waiting, None]", callback: Callable[[], object], due: float) -> None:
        self._all = everybody
        self.callback = callback
        self.due = due

    def cancel(self) -> bool:
        """Call nobody. False: that was so already."""
        return self._all.pop(self, self) is None
