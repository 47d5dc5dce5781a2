"""All open sockets of the process: how many there may be, whose they are, and how they end together."""

import asyncio
import random
from collections import Counter
from collections.abc import Hashable
from typing import Protocol

import msgspec

from app.shared_timer import SharedTimer

KEEP_ALIVE_SECONDS = 60.0
GOING_AWAY = (1012, "going away")
LONGEST_SPREAD_SECONDS = 5.0
"""Over which the sockets of a process that ends are closed, so that clients do not all come back at once."""


class SocketLimits(msgspec.Struct, frozen=True):
    """What one process, one caller and one socket may take.

    Attributes:
        sockets: open ones of the process.
        sockets_of_caller: open ones, streams over plain HTTP included.
        subscriptions: on one socket.
        frame_bytes: of one message from a client.
        unsent_bytes: that wait for a client to read them; beyond, it is cut off.
        all_unsent_bytes: the same for all clients together.
        unread_seconds: how long a client may not read while something waits for it.
        init_seconds: from the handshake to the first frame that says who is there.
        age_seconds: of a socket.
    """

    sockets: int = 20_000
    sockets_of_caller: int = 50
    subscriptions: int = 200
    frame_bytes: int = 256 * 1024
    unsent_bytes: int = 4 * 1024 * 1024
    all_unsent_bytes: int = 256 * 1024 * 1024
    unread_seconds: float = 20.0
    init_seconds: float = 10.0
    age_seconds: float = 24 * 3600.0


class Closable(Protocol):
    """A socket, or a stream over plain HTTP."""

    def close(self, code: int, reason: str) -> None: ...


class Sockets:
    """One a process.

    Attributes:
        first_words: waits for those who have not said who they are.
        keep_alives: waits for when a socket is to be kept alive.
        ages: waits for when a socket is too old.
    """

    def __init__(self, limits: SocketLimits) -> None:
        self.limits = limits
        self.first_words = SharedTimer(limits.init_seconds)
        self.keep_alives = SharedTimer(KEEP_ALIVE_SECONDS)
        self.ages = SharedTimer(limits.age_seconds)
        self.draining = False
        self.unsent_bytes = 0
        self.received = 0
        """Messages of clients since the start."""
        self._open: set[Closable] = set()
        self._of_caller: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    @property
    def is_full(self) -> bool:
        return len(self._open) >= self.limits.sockets

    def add(self, socket: Closable) -> None:
        self._open.add(socket)

    def remove(self, socket: Closable) -> None:
        self._open.discard(socket)

    def admit(self, caller: Hashable) -> bool:
        """Counts one more socket of this caller; False when there are too many."""
        if self._of_caller[caller] >= self.limits.sockets_of_caller:
            return False
        self._of_caller[caller] += 1
        return True

    def dismiss(self, caller: Hashable) -> None:
        self._of_caller[caller] -= 1
        if self._of_caller[caller] <= 0:
            del self._of_caller[caller]

    async def drain(self, seconds: float) -> None:
        """Refuse new sockets and close the open ones, spread over some of these seconds."""
        self.draining = True
        waiting = list(self._open)
        random.shuffle(waiting)
        spread = min(LONGEST_SPREAD_SECONDS, seconds / 2, len(waiting) / 100)
        for number, socket in enumerate(waiting):
            socket.close(*GOING_AWAY)
            if number % 20 == 19:
                await asyncio.sleep(spread * 20 / len(waiting))
