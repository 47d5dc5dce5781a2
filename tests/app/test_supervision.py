"""What is kept going on ends all the same when it is told to."""

import asyncio

import pytest

from app.supervision import supervise
from tests.waiting import PATIENCE_SECONDS


class Round:
    """A cycle whose part fails in the moment in which the cycle is cancelled."""

    name = "test"

    def __init__(self) -> None:
        self.began = asyncio.Event()

    async def cycle(self) -> None:
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._part())

    async def _part(self) -> None:
        try:
            self.began.set()
            await asyncio.Event().wait()
        finally:
            raise OSError("the connection broke")


async def test_a_round_that_fails_as_it_is_cancelled_is_the_last() -> None:
    work = Round()
    task = asyncio.create_task(supervise(work))
    await work.began.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.shield(task)
    assert task.cancelled()
