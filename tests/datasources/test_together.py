"""Several calls at once: all or nothing, and nothing left running."""

import asyncio

import pytest

from datasources.together import both, together


class Broken(Exception):
    pass


class Calls:
    """Calls of which none goes on before `count` have begun."""

    def __init__(self, count: int) -> None:
        self._barrier = asyncio.Barrier(count)
        self.cancelled = 0

    async def number(self, number: int) -> int:
        await self._barrier.wait()
        return number

    async def broken(self) -> int:
        await self._barrier.wait()
        raise Broken

    async def endless(self, begun: asyncio.Event | None = None) -> int:
        try:
            await self._barrier.wait()
            if begun is not None:
                begun.set()
            return await asyncio.Future[int]()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def test_results_come_in_order() -> None:
    calls = Calls(3)
    assert await together(calls.number(number) for number in range(3)) == [0, 1, 2]
    assert await both(Calls(1).number(1), asyncio.sleep(0, "two")) == (1, "two")
    assert await together([]) == []


@pytest.mark.parametrize("place", [0, 1])
async def test_a_failure_ends_the_others(place: int) -> None:
    calls = Calls(4)
    waiting = [calls.number(7), calls.endless(), calls.endless()]
    waiting.insert(place, calls.broken())
    with pytest.raises(Broken):
        await together(waiting)
    assert calls.cancelled == 2


async def test_who_is_cancelled_leaves_nothing_behind() -> None:
    calls, begun = Calls(3), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(together([calls.endless(begun), calls.endless(), calls.endless()]))
        await begun.wait()
        task.cancel()
    assert task.cancelled()
    assert calls.cancelled == 3
