"""The loop that runs the workers' steps: supervised, woken by changes, in one process at a time.

A step that fails is tried again after a growing pause. When an event cannot be handled, the batch is taken
apart to find it; after some tries it is logged, set aside and left behind, so that it does not stop what
follows. Errors that pass, such as a store that throttles, never count against an event.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from app.supervision import passes, supervise
from app.worker_steps import FeedStep, Step, TimedStep
from datasources import worker_rows
from datasources.ports import FeedPage, RecordStore, TransactionFailed, Write
from datasources.set_aside import set_aside
from domain.cancellation import heed_cancellation
from domain.errors import DomainError
from domain.times import Timestamp, moment

LEASE_SECONDS = 30.0
RENEW_SECONDS = 10.0
POLL_SECONDS = 1.0
GATHER_SECONDS = 0.1
"""What comes so soon behind a change is handled together with it."""
BUSY_SECONDS = 0.5
"""As GATHER_SECONDS, behind a batch of many: in a busy chat one of hundreds costs little more than one of dozens."""
_MANY = 20
TRIES = 5
_MOST_TURNS = 100_000

_log = logging.getLogger("educonnect.workers")


class Watcher(Protocol):
    """Is told of what steps do, by their names."""

    def handled(self, step: str, changes: int, lag_seconds: float) -> None:
        """So many changes, the last of which was committed so long ago."""
        ...

    def set_aside(self, step: str) -> None:
        """A change was given up."""
        ...

    def stumbled(self, step: str) -> None:
        """A round failed and is tried again."""
        ...


class Nobody:
    """A watcher for those who want none."""

    def handled(self, step: str, changes: int, lag_seconds: float) -> None: ...

    def set_aside(self, step: str) -> None: ...

    def stumbled(self, step: str) -> None: ...


class _Follower:
    """Runs a step that follows a feed."""

    def __init__(self, store: RecordStore, step: FeedStep, now: Callable[[], Timestamp], watcher: Watcher) -> None:
        self.name = step.name
        self.is_led = step.is_led
        self._store = store
        self._step = step
        self._now = now
        self._watcher = watcher
        self._position: str | None = None
        self._tries = 0
        self._singly = 0
        """How many events are still taken one by one, after a batch that failed."""

    async def cycle(self) -> None:
        handled = await self.turn()
        if not handled:
            await self._store.wait_for_change(self._step.table, self._position, seconds=POLL_SECONDS)
        if handled < self._size():
            await asyncio.sleep(BUSY_SECONDS if handled > _MANY else GATHER_SECONDS)

    def _size(self) -> int:
        return 1 if self._singly else self._step.batch

    async def turn(self) -> int:
        """Handle one batch; how many changes it had."""
        before = await worker_rows.position(self._store, self.name)
        page = await self._store.changes(self._step.table, before, limit=self._size())
        self._position = page.position
        if page.position == before:
            self._watcher.handled(self.name, 0, 0.0)
            return 0
        try:
            writes = await self._step.handle(page.events)
            await self._commit(before, page.position, writes)
        except Exception as error:
            if passes(error):
                raise
            await self._blame(page, before, error)
        else:
            self._tries = 0
            self._singly = max(0, self._singly - 1)
            self._tell(page)
        return len(page.events)

    def _tell(self, page: FeedPage) -> None:
        committed_at = page.events[-1].at if page.events else None
        lag = 0.0 if committed_at is None else (moment(self._now()) - moment(committed_at)).total_seconds()
        self._watcher.handled(self.name, len(page.events), max(0.0, lag))

    async def _blame(self, page: FeedPage, before: str | None, error: Exception) -> None:
        """Find the event that cannot be handled, and leave it behind once that was tried often enough."""
        if len(page.events) == 1:
            self._tries += 1
        else:
            self._singly = self._step.batch
        if self._tries < TRIES:
            raise error
        event = page.events[0]
        _log.error("%s gives up on event %s of %s", self.name, event.event_id, event.table, exc_info=error)
        await self._commit(before, page.position, [set_aside(self.name, event, error, self._now())])
        self._watcher.set_aside(self.name)
        self._tries = 0

    async def _commit(self, before: str | None, after: str, writes: Sequence[Write]) -> None:
        try:
            await self._store.transact([worker_rows.moved(self.name, before, after), *writes])
        except TransactionFailed:
            _log.info("%s: another process was faster", self.name)


class _Repeater:
    """Runs a step again and again."""

    def __init__(self, store: RecordStore, step: TimedStep) -> None:
        self.name = step.name
        self.is_led = False
        self._store = store
        self._step = step

    async def cycle(self) -> None:
        await self.turn()
        await asyncio.sleep(self._step.seconds)

    async def turn(self) -> int:
        """Run it once; 0, for it leaves nothing to be done at once."""
        before = await worker_rows.position(self._store, self.name)
        after = await self._step.run(before)
        if after != before:
            with suppress(TransactionFailed):  # another process came as far
                await self._store.transact([worker_rows.moved(self.name, before, after)])
        return 0


_Runner = _Follower | _Repeater


async def _any_turn(runners: Sequence[_Runner]) -> bool:
    """One turn of each; whether any of them did something."""
    return any([await runner.turn() for runner in runners])


class Workers:
    """The workers of one process.

    Args:
        holder: names this process, unlike every other.
        lease: which processes share the work: those with a lease of the same name.
        watcher: is told of what is done.
    """

    def __init__(
        self,
        store: RecordStore,
        steps: Sequence[Step],
        now: Callable[[], Timestamp],
        holder: str,
        lease: str = worker_rows.LEASE,
        watcher: Watcher | None = None,
    ) -> None:
        self._store = store
        self._lease = lease
        self._watcher = watcher or Nobody()
        self._runners = [
            _Follower(store, step, now, self._watcher) if isinstance(step, FeedStep) else _Repeater(store, step)
            for step in steps
        ]
        self._now = now
        self._holder = holder

    async def run(self) -> None:
        """Run the steps whenever this process has the lease, until cancelled."""
        try:
            while True:
                if await self._lead():
                    await self._work()
                await asyncio.sleep(RENEW_SECONDS)
        finally:
            await self._resign()

    async def drain(self) -> None:
        """Run all steps until nothing is left to do. Errors come out.

        Led ones come when the others have nothing left: a repair waits some seconds for the latest of its changes.
        """
        led = [runner for runner in self._runners if runner.is_led]
        others = [runner for runner in self._runners if not runner.is_led]
        for _ in range(_MOST_TURNS):
            if not await _any_turn(others) and not await _any_turn(led):
                return
        raise RuntimeError("the workers find no end")

    async def once(self) -> None:
        """Run each step once, at the same time, unless another process has the lease. A step that fails is told to
        the log, and is run again with the next call."""
        if not await self._lead():
            return
        running = {asyncio.create_task(_once(runner), name=runner.name) for runner in self._runners}
        try:
            while running:
                _, running = await asyncio.wait(running, timeout=RENEW_SECONDS)
                if running and not await self._lead():
                    return
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await self._resign()

    async def _work(self) -> None:
        """Run the steps until the lease is lost."""
        tasks = [
            asyncio.create_task(supervise(runner, self._watcher.stumbled), name=runner.name) for runner in self._runners
        ]
        try:
            while True:
                await asyncio.sleep(RENEW_SECONDS)
                if not await self._lead():
                    return
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _lead(self) -> bool:
        try:
            return await worker_rows.lead(
                self._store, self._holder, self._now(), seconds=LEASE_SECONDS, lease=self._lease
            )
        except Exception as error:
            heed_cancellation()
            _log.warning("no lease", exc_info=None if passes(error) else error)
            return False

    async def _resign(self) -> None:
        try:
            async with asyncio.timeout(1):
                await worker_rows.resign(self._store, self._holder, lease=self._lease)
        except (DomainError, TimeoutError):
            _log.warning("the lease was not given back; it ends by itself")


async def _once(runner: _Runner) -> None:
    try:
        await runner.turn()
    except Exception as error:
        _log.warning("%s failed", runner.name, exc_info=None if passes(error) else error)
