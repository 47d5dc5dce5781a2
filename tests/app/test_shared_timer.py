"""One timer of the loop for many who wait equally long."""

import asyncio

from app.shared_timer import SharedTimer


async def test_all_are_called_in_the_order_in_which_they_began_to_wait() -> None:
    timer, called = SharedTimer(0.01), list[int]()
    done = asyncio.Event()
    for number in range(3):
        timer.call_later(lambda number=number: called.append(number))
    await asyncio.sleep(0)
    timer.call_later(done.set)

    await done.wait()

    assert called == [0, 1, 2]


async def test_who_cancelled_is_not_called_and_the_others_are() -> None:
    timer, called = SharedTimer(0.01), list[str]()
    done = asyncio.Event()
    first = timer.call_later(lambda: called.append("first"))
    timer.call_later(lambda: called.append("second"))
    assert first.cancel()
    assert not first.cancel()
    timer.call_later(done.set)

    await done.wait()

    assert called == ["second"]


async def test_one_that_is_called_may_cancel_another_that_is_due() -> None:
    timer, called = SharedTimer(0.01), list[str]()
    done = asyncio.Event()

    def stop_the_second() -> None:
        second.cancel()

    timer.call_later(stop_the_second)
    second = timer.call_later(lambda: called.append("second"))
    timer.call_later(done.set)

    await done.wait()

    assert called == []


async def test_it_serves_on_after_it_rang() -> None:
    timer = SharedTimer(0.01)
    for _ in range(2):
        done = asyncio.Event()
        timer.call_later(done.set)
        await done.wait()
