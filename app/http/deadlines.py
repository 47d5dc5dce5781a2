"""One clock for all connections: a timer for each, set anew with every request, is dear."""

import asyncio
import math
from typing import Protocol

NEVER = math.inf
_LOOKS = 4
"""How often the clock is looked at in the shortest time that it is asked to keep."""
_MOST_SECONDS = 1.0


class Watched(Protocol):
    """Whose time may run out. `due` and `unread_due` are points in time of the event loop, or NEVER."""

    due: float
    unread_due: float

    def late(self, now: float) -> None:
        """Called soon after `due`. Sets it anew, or ends the connection; must not raise."""
        ...

    def left_unread(self) -> None:
        """Called soon after `unread_due`; must not raise."""
        ...


class Deadlines:
    """Calls back whoever's time is over: late by a second at most, and by a quarter of the shortest time."""

    def __init__(self, shortest_seconds: float) -> None:
        self._seconds = min(_MOST_SECONDS, shortest_seconds / _LOOKS)
        self._watched: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, watched: Watched) -> None:
        self._watched.add(watched)
        if self._timer is None:
            self._set(asyncio.get_running_loop())

    def discard(self, watched: Watched) -> None:
        self._watched.discard(watched)
        if not self._watched and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self._seconds, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for each in [each for each in self._watched if each.due <= now]:
            each.late(now)
        for each in [each for each in self._watched if each.unread_due <= now]:
            each.left_unread()
        self._set(loop)
