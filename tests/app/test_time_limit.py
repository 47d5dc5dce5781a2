"""One timer for the time limit of many awaits."""

import asyncio

import pytest

from app.time_limit import TimeLimit


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def test_work_that_ends_in_time_gives_its_result() -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    assert await TimeLimit(30).hold(work()) == "done"


async def test_work_that_takes_too_long_is_cancelled() -> None:
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await _for_ever()
        finally:
            cancelled.set()

    with pytest.raises(TimeoutError):
        await TimeLimit(0.01).hold(work())
    assert cancelled.is_set()


async def test_every_one_of_many_is_ended_and_the_limit_serves_on() -> None:
    limit = TimeLimit(0.01)
    for _ in range(2):
        results = await asyncio.gather(*(limit.hold(_for_ever()) for _ in range(50)), return_exceptions=True)
        assert [type(result) for result in results] == [TimeoutError] * 50
    assert await limit.hold(asyncio.sleep(0, "done")) == "done"


async def test_one_that_ended_in_time_leaves_the_clock_of_the_next_alone() -> None:
    limit = TimeLimit(0.05)
    await limit.hold(asyncio.sleep(0))

    with pytest.raises(TimeoutError):
        await limit.hold(_for_ever())


async def test_a_cancelled_task_is_cancelled_and_not_late() -> None:
    task = asyncio.create_task(TimeLimit(30).hold(_for_ever()))
    await asyncio.sleep(0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_outer_timeout_is_not_taken_for_ours() -> None:
    async def inner() -> None:
        try:
            await TimeLimit(30).hold(_for_ever())
        except TimeoutError:
            pytest.fail("the inner limit was not over")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(inner(), 0.01)
