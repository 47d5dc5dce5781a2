"""One process's real time, put together: what mutations tell, who hears it, and the tasks that keep it going."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

from graphql import GraphQLSchema

from app.execution import Executor
from app.plans.cache import Plans
from app.realtime.connected import Connected
from app.realtime.direct_events import DirectEvents
from app.realtime.live import LiveSubscriptions
from app.realtime.publishing import Publisher
from app.realtime.rights import Gate, Rights
from domain.callers import Caller, Mode
from domain.times import Timestamp
from resolvers.context import Context
from subscriptions.aws_subscribe import woken_by
from subscriptions.bus import Bus
from subscriptions.hub import Hub
from subscriptions.ledger import Ledger, Mark
from subscriptions.projection_code import ShowCodes

log = logging.getLogger(__name__)


class RealTime:
    """Made before the executor, whose mutations it is told of, and connected to it afterwards.

    Args:
        schema: bound.
        bus_url: `memory://`, or Redis' for many processes.
        marks: by which it is remembered what subscribers heard, by subscription field.
        plans: for reading what is published; None: graphql-core reads it, and no code is made for subscribers either.
        handed_out: see Hub.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        user_modes: frozenset[Mode],
        bus_url: str,
        marks: Mapping[str, Mark] = MappingProxyType({}),
        plans: Plans | None = None,
        handed_out: Callable[[float, int], None] = lambda _seconds, _listeners: None,
    ) -> None:
        woken = woken_by(schema)
        self.ledger = Ledger(marks)
        self.hub = Hub(Bus(bus_url), self._rechecked, self.ledger, handed_out)
        self.mutated = DirectEvents(woken, self.hub)
        self.connected = Connected()
        self.live: LiveSubscriptions
        self.rights: Rights
        self._publisher = Publisher(schema, woken, self.hub, user_modes, plans)
        self._user_modes = user_modes
        self._codes = None if plans is None else ShowCodes()
        self._context: Callable[[Caller], Context]

    def connect(
        self,
        executor: Executor,
        context: Callable[[Caller], Context],
        gate: Gate,
        now: Callable[[], Timestamp],
    ) -> None:
        """Args: see LiveSubscriptions."""
        self._context = context
        self.live = LiveSubscriptions(executor, self.hub, self._user_modes, context, gate.admit, now, self._codes)
        self.rights = Rights(self.live, self.connected, self.hub, gate)

    async def publish(self, mutation: str, /, **key: Any) -> None:
        await self._publisher.publish(mutation, **key)

    async def publish_and_wait(self, mutation: str, /, **key: Any) -> None:
        await self._publisher.publish_and_wait(mutation, **key)

    async def recheck(self, user_id: str, *, after_seconds: float = 0) -> None:
        await self.rights.recheck(user_id, after_seconds=after_seconds)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Events are delivered until the context ends."""
        async with self.hub:
            tasks = [
                asyncio.create_task(self._publisher.run(self._context), name="publisher"),
                asyncio.create_task(self.rights.run(), name="rights of subscriptions"),
            ]
            for task in tasks:
                task.add_done_callback(_tell_of_end)
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _rechecked(self, user_id: str) -> None:
        self.rights.recheck_soon(user_id)


def _tell_of_end(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("%s has ended", task.get_name(), exc_info=task.exception())
