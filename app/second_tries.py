"""Tries again, on an operator's word, what a step could not handle. One more step for the workers."""

import logging
from collections.abc import Callable, Sequence

from app.inbox import UnknownStep
from app.supervision import passes
from app.worker_steps import NOWHERE, FeedStep, TimedStep
from datasources import handled_changes
from datasources.handled_changes import HandledBefore
from datasources.ports import RecordStore, TransactionFailed
from datasources.set_aside import SetAside, SetAsides, set_aside, tried_again
from domain.times import Timestamp

SECONDS = 5.0
AT_ONCE = 20

_log = logging.getLogger("educonnect.workers")


def second_tries(store: RecordStore, steps: Sequence[FeedStep], now: Callable[[], Timestamp]) -> TimedStep:
    by_name = {step.name: step for step in steps}
    set_asides = SetAsides(store)

    async def handle(row: SetAside) -> None:
        if row.step not in by_name:
            raise UnknownStep(row.step)
        writes = await by_name[row.step].handle([row.event])
        try:
            await handled_changes.commit(store, row.step, [row.event], [*writes, tried_again(row)], now())
        except HandledBefore:  # it was among the dead letters too, and somebody had it sent again
            await store.transact([tried_again(row)])

    async def run(_: str | None) -> str:
        for row in await set_asides.due(most=AT_ONCE):
            try:
                await handle(row)
            except TransactionFailed:
                _log.info("another process was faster")
            except Exception as error:
                if passes(error):
                    raise
                _log.warning("%s failed again on event %s of %s", row.step, row.event_id, row.table, exc_info=error)
                await store.transact([set_aside(row.step, row.event, error, now())])
        return NOWHERE

    return TimedStep("second-tries", SECONDS, run)
