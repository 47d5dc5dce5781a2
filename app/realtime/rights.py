"""Whether those who listen and are connected still may: asked when something changes, and now and then of everybody."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import uuid4

from app.errors import refusal
from app.realtime.connected import Connected
from app.realtime.live import LiveSubscriptions, Subscription
from domain.callers import Caller
from domain.errors import RETRYABLE, DomainError, account_suspended
from subscriptions.hub import Hub

SWEEP_SECONDS = 25.0
"""Between two looks at one user's rights; a look reads everything anew, so all are seen within 30 seconds."""
MOST_AT_ONCE = 16
MOST_TO_RECHECK = 10_000

log = logging.getLogger(__name__)


class Gate(Protocol):
    """Who may be here at all."""

    async def admit(self, caller: Caller) -> Caller:
        """The caller as they are admitted. Raises DomainError. May be answered from memory, at most 30 seconds old."""
        ...

    async def readmit(self, caller: Caller) -> Caller:
        """As `admit`, read anew; also of callers whose credential was taken back since it was checked."""
        ...

    def forget(self, caller: Caller) -> None:
        """Answer nothing more about them from memory."""
        ...


class Rights:
    """One a process."""

    def __init__(self, live: LiveSubscriptions, connected: Connected, hub: Hub, gate: Gate) -> None:
        self._live = live
        self._connected = connected
        self._hub = hub
        self._gate = gate
        self._to_recheck: dict[str, None] = {}
        self._recheck_came = asyncio.Event()

    async def recheck(self, user_id: str, *, after_seconds: float = 0) -> None:
        """See resolvers.context.Recheck."""
        if after_seconds:
            asyncio.get_running_loop().call_later(after_seconds, self._recheck_everywhere_soon, user_id)
            return
        self._hub.recheck(user_id)
        await self._recheck_here(user_id)

    def _recheck_everywhere_soon(self, user_id: str) -> None:
        self._hub.recheck(user_id)
        self.recheck_soon(user_id)

    def recheck_soon(self, user_id: str) -> None:
        """Another process has changed what this user may hear."""
        if user_id not in self._live and user_id not in self._connected:
            return
        if len(self._to_recheck) >= MOST_TO_RECHECK:
            log.error("%d users wait for their rights to be looked at: too many", len(self._to_recheck))
            self._hub.lose_continuity()
            return
        self._to_recheck[user_id] = None
        self._recheck_came.set()

    async def run(self) -> None:
        """Keeps looking at rights until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._recheck_on())
            tasks.create_task(self._sweep_on())

    async def _recheck_on(self) -> None:
        while True:
            await self._recheck_came.wait()
            self._recheck_came.clear()
            while self._to_recheck:
                user_id = next(iter(self._to_recheck))
                del self._to_recheck[user_id]
                await self._recheck_here(user_id)

    async def _recheck_here(self, user_id: str) -> None:
        for subscription in self._live.of(user_id):
            self._gate.forget(subscription.caller)
            subscription.outdated = True
        await self._look_at(user_id, unsure=self._live.interrupt)

    async def _sweep_on(self) -> None:
        """Spread over most of the time, so that many are no burst; some at once, who share their way to the store."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_SECONDS / 5)
            users = list(dict.fromkeys((*self._live.users(), *self._connected.users())))
            waiting, began = iter(enumerate(users)), loop.time()
            pause = SWEEP_SECONDS * 4 / 5 / max(1, len(users) / MOST_AT_ONCE)

            async def look() -> None:
                for number, user_id in waiting:  # noqa: B023 - all of a round are done within it
                    due = began + number // MOST_AT_ONCE * pause  # noqa: B023 - the same
                    await asyncio.sleep(max(0.0, due - loop.time()))
                    await self._look_at(user_id, unsure=_next_time)

            await asyncio.gather(*(look() for _ in range(MOST_AT_ONCE)))

    async def _look_at(self, user_id: str | None, unsure: Callable[[Subscription], None]) -> None:
        """Args: unsure: what becomes of a subscription whose rights cannot be read at the moment."""
        admissions = _Admissions(self._gate.readmit)
        subscriptions = self._live.of(user_id)
        waiting = iter(subscriptions)

        async def look() -> None:
            for subscription in waiting:
                if not await self._live.may_go_on(subscription, admissions.of):
                    unsure(subscription)

        if len(subscriptions) == 1:
            await look()
        else:
            await asyncio.gather(*(look() for _ in subscriptions[:MOST_AT_ONCE]))
        for connection, caller in self._connected.of(user_id):
            try:
                if (await admissions.of(caller)).suspended:
                    connection.expel(account_suspended())
            except DomainError as error:
                if error.code not in RETRYABLE:
                    connection.expel(error)


class _Admissions:
    """One look's answers of the account gate: read anew, once for each caller."""

    def __init__(self, readmit: Callable[[Caller], Awaitable[Caller]]) -> None:
        self._readmit = readmit
        self._asked: dict[Caller, asyncio.Future[Caller]] = {}

    async def of(self, caller: Caller) -> Caller:
        """Raises DomainError."""
        asked = self._asked.get(caller)
        if asked is None:
            asked = self._asked[caller] = asyncio.get_running_loop().create_future()
            try:
                asked.set_result(await self._readmit(caller))
            except asyncio.CancelledError:
                asked.cancel()
                raise
            except Exception as error:
                asked.set_exception(refusal(error, str(uuid4())))
        return await asked


def _next_time(subscription: Subscription) -> None:
    """The next look will tell."""
