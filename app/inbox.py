"""Runs the steps that follow feeds on changes that come through a queue, in as many processes as there are.

A change comes at least once, and each step's writes are made once. One that a step cannot handle comes again
a few times and is then set aside, while others go on; those of the same item wait for it as long.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence

from app.supervision import passes, supervise
from app.worker_steps import FeedStep
from datasources import handled_changes
from datasources.handled_changes import HandledBefore
from datasources.ports import HANDLING_SECONDS, Arrival, ChangeQueue, FeedEvent, RecordStore
from datasources.set_aside import set_aside
from domain.times import Timestamp

READERS = 4
"""Of one process; each handles ten changes at a time."""
WAIT_SECONDS = 20

_log = logging.getLogger("educonnect.workers")


class UnknownStep(Exception):
    """A change for a step that this release does not have."""


class Inbox:
    def __init__(self, store: RecordStore, steps: Sequence[FeedStep], now: Callable[[], Timestamp]) -> None:
        self._store = store
        self._steps = {step.name: step for step in steps}
        self._now = now

    async def handle(self, arrivals: Sequence[Arrival], most_tries: int) -> list[Arrival]:
        """Those that are not done. They have to come again, or to go where the dead letters are if they came
        `most_tries` times: those are set aside.

        Raises:
            DomainError: the store is in trouble; all have to come again.
        """
        of_step: dict[str, list[Arrival]] = defaultdict(list)
        for arrival in arrivals:
            of_step[arrival.step].append(arrival)
        undone: list[Arrival] = []
        for name, some in of_step.items():
            undone += await self._handle_all(name, some, most_tries)
        return undone

    async def _handle_all(self, step: str, arrivals: Sequence[Arrival], most_tries: int) -> Sequence[Arrival]:
        try:
            await self._handle(step, [arrival.event for arrival in arrivals])
        except Exception as error:
            if passes(error):
                raise
            return await self._handle_each(step, arrivals, most_tries)
        return ()

    async def _handle_each(self, step: str, arrivals: Sequence[Arrival], most_tries: int) -> Sequence[Arrival]:
        """One by one, to find those that cannot be handled."""
        undone: list[Arrival] = []
        held_up: list[object] = []
        for arrival in arrivals:
            event = arrival.event
            if (event.table, event.key) in held_up:
                undone.append(arrival)
                continue
            try:
                await self._handle(step, [event])
            except HandledBefore:
                continue
            except Exception as error:
                if passes(error):
                    raise
                undone.append(arrival)
                if arrival.tries < most_tries:
                    held_up.append((event.table, event.key))
                    _log.warning("%s failed on event %s of %s", step, event.event_id, event.table, exc_info=error)
                else:
                    _log.error("%s gives up on event %s of %s", step, event.event_id, event.table, exc_info=error)
                    await self._store.transact([set_aside(step, event, error, self._now())])
        return undone

    async def _handle(self, name: str, events: Sequence[FeedEvent]) -> None:
        step = self._steps.get(name)
        if step is None:
            raise UnknownStep(name)
        writes = await step.handle(events)
        if writes:
            await handled_changes.commit(self._store, name, events, writes, self._now())


class InboxReader:
    """Empties a queue into an inbox, until cancelled."""

    name = "changes"

    def __init__(self, store: RecordStore, queue: ChangeQueue, inbox: Inbox) -> None:
        self._store = store
        self._queue = queue
        self._inbox = inbox
        self._is_in_trouble = False

    async def run(self) -> None:
        async with asyncio.TaskGroup() as readers:
            for _ in range(READERS):
                readers.create_task(supervise(self))

    async def cycle(self) -> None:
        if self._is_in_trouble:  # a change that comes while the store cannot be used has come in vain, and that counts
            await self._store.ready()
            self._is_in_trouble = False
        most_tries = await self._queue.most_tries()
        arrivals = await self._queue.receive(seconds=WAIT_SECONDS)
        if not arrivals:
            return
        try:
            async with asyncio.timeout(HANDLING_SECONDS - 20):
                undone = await self._inbox.handle(arrivals, most_tries)
        except Exception:
            self._is_in_trouble = True
            await self._queue.give_back(arrivals)
            raise
        receipts = {arrival.receipt for arrival in undone}
        await self._queue.done([arrival for arrival in arrivals if arrival.receipt not in receipts])
        await self._queue.give_back(undone)
