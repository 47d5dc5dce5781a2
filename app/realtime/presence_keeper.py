"""Keeps the store told of who has a socket open in this process: presence without heartbeats.

Sockets are counted in memory. The store hears of a user's first socket and, after a pause in which they may come
back, of the end of the last one; besides, the process says every 20 seconds that it lives. When it dies, its users
are taken away once that was not said for a minute (app/presence_steps.py).
"""

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import islice

from datasources.connections import LEASE_SECONDS, MOST_AT_ONCE, ROW_SECONDS, Connections
from datasources.presence import Presences
from domain.cancellation import heed_cancellation
from domain.errors import DomainError
from domain.times import Timestamp, later

GRACE_SECONDS = 15.0
"""For clients to come back: Amplify does so after five seconds."""
LIFE_SECONDS = LEASE_SECONDS / 3
RENEW_SECONDS = ROW_SECONDS / 2
_PAUSE_SECONDS = 1.0
"""After the store did not answer."""
_LAST_WORD_SECONDS = 1.0

log = logging.getLogger(__name__)


class PresenceKeeper:
    """One a process.

    Args:
        tell: sends the presence of users to their subscribers.
        now: the server's clock.
        new_node: a name that no process ever had.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        connections: Connections,
        presences: Presences,
        tell: Callable[[Sequence[str]], Awaitable[None]],
        now: Callable[[], Timestamp],
        new_node: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connections = connections
        self._presences = presences
        self._tell = tell
        self._now = now
        self._new_node = new_node
        self._clock = clock
        self._open: Counter[str] = Counter()
        self._entering: dict[str, None] = {}
        self._entered: OrderedDict[str, float] = OrderedDict()
        """Users that the store knows of, by when their rows have to be renewed."""
        self._leaving: OrderedDict[str, float] = OrderedDict()
        """Those of them who have no socket left, by when that becomes known."""
        self._node: str | None = None
        self._lives_until = 0.0
        self._changed = asyncio.Event()

    # For the sockets: neither waits nor fails

    def opened(self, user_id: str) -> None:
        self._open[user_id] += 1
        if self._open[user_id] == 1:
            self._leaving.pop(user_id, None)
            if user_id not in self._entered:
                self._entering[user_id] = None
            self._changed.set()

    def closed(self, user_id: str) -> None:
        self._open[user_id] -= 1
        if self._open[user_id] > 0:
            return
        del self._open[user_id]
        self._entering.pop(user_id, None)
        if user_id in self._entered:
            self._leave_later(user_id)
        self._changed.set()

    # For the process

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The store is kept told until the context ends; then whoever is connected has the pause to come back."""
        task = asyncio.create_task(self._run(), name="presence")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._end()

    async def turn(self) -> bool:
        """Tell the store some of what is due; whether there is more. Raises DomainError when it does not answer."""
        await self._live()
        await self._enter(list(islice(self._entering, MOST_AT_ONCE)))
        await self._leave(self._due(self._leaving))
        await self._enter(self._due(self._entered))
        return bool(self._entering or self._due(self._leaving) or self._due(self._entered))

    async def _run(self) -> None:
        while True:
            try:
                if not await self.turn():
                    await self._until_due()
            except Exception as error:
                heed_cancellation()
                log.warning("presence is not up to date", exc_info=None if isinstance(error, DomainError) else error)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _until_due(self) -> None:
        next_times = [next(iter(times.values())) for times in (self._leaving, self._entered) if times]
        if self._node is not None:
            next_times.append(self._lives_until)
        self._changed.clear()
        try:
            async with asyncio.timeout(min(next_times) - self._clock() if next_times else None):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _live(self) -> None:
        """Say that this process lives. Raises DomainError."""
        if self._node is None or self._clock() < self._lives_until:
            return
        if await self._connections.believe_until(self._node, later(self._now(), seconds=LEASE_SECONDS)):
            self._lives_until = self._clock() + LIFE_SECONDS
            return
        log.warning("this process was taken for dead; its users are entered anew")
        self._node = None
        self._entered.clear()
        self._leaving.clear()
        self._entering = dict.fromkeys(self._open)

    async def _enter(self, user_ids: Sequence[str]) -> None:
        if not user_ids:
            return
        if self._node is None:
            node = self._new_node()
            await self._connections.begin(node, self._now())
            self._node, self._lives_until = node, self._clock() + LIFE_SECONDS
        node, now = self._node, self._now()
        for user_id in user_ids:
            self._entering.pop(user_id, None)
        try:
            await self._connections.enter(node, user_ids, now)
            is_news = await asyncio.gather(*(self._presences.came(user_id, node, now) for user_id in user_ids))
        except BaseException:
            self._entering.update((user_id, None) for user_id in user_ids if user_id in self._open)
            raise
        for user_id in user_ids:
            self._entered[user_id] = self._clock() + RENEW_SECONDS
            self._entered.move_to_end(user_id)
            if user_id not in self._open and user_id not in self._leaving:
                self._leave_later(user_id)
        await self._tell_of(user_ids, is_news)

    async def _leave(self, user_ids: Sequence[str]) -> None:
        if not user_ids or self._node is None:
            return
        node, now = self._node, self._now()
        for user_id in user_ids:
            del self._leaving[user_id], self._entered[user_id]
        try:
            is_news = await asyncio.gather(*(self._presences.went(user_id, node, now) for user_id in user_ids))
            await self._connections.leave(node, user_ids)
        except BaseException:
            for user_id in user_ids:
                if user_id not in self._open:
                    self._entered[user_id] = self._clock() + RENEW_SECONDS
                    self._leave_later(user_id)
            raise
        await self._tell_of(user_ids, is_news)

    async def _tell_of(self, user_ids: Sequence[str], is_news: Sequence[bool]) -> None:
        news = [user_id for user_id, is_one in zip(user_ids, is_news, strict=True) if is_one]
        if news:
            await self._tell(news)

    async def _end(self) -> None:
        if self._node is None:
            return
        try:
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                await self._connections.believe_until(self._node, later(self._now(), seconds=GRACE_SECONDS))
        except (DomainError, TimeoutError):
            log.warning("the end of this process was not told; its users stay online for a minute")

    def _leave_later(self, user_id: str) -> None:
        self._leaving[user_id] = self._clock() + GRACE_SECONDS

    def _due(self, times: OrderedDict[str, float]) -> list[str]:
        """Some of those whose time has come. All wait equally long, so they stand in order."""
        now = self._clock()
        return [user_id for user_id, at in islice(times.items(), MOST_AT_ONCE) if at <= now]
