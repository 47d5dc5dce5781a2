"""One clock for many connections."""

import asyncio

from app.http.deadlines import NEVER, Deadlines
from tests.waiting import PATIENCE_SECONDS


class Guest:
    def __init__(self, due: float = NEVER, unread_due: float = NEVER) -> None:
        self.due, self.unread_due = due, unread_due
        self.told = asyncio.Queue[str]()

    def late(self, now: float) -> None:
        assert now >= self.due
        self.due = NEVER
        self.told.put_nowait("late")

    def left_unread(self) -> None:
        self.unread_due = NEVER
        self.told.put_nowait("unread")


async def test_whose_time_is_over_is_told_once() -> None:
    now = asyncio.get_running_loop().time()
    deadlines, late, deaf, patient = Deadlines(0.02), Guest(due=now), Guest(unread_due=now), Guest(due=now + 1000)
    for guest in (late, deaf, patient):
        deadlines.add(guest)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await late.told.get() == "late"
        assert await deaf.told.get() == "unread"
        late.due = now  # set anew, it counts anew
        assert await late.told.get() == "late"
    assert patient.told.empty()
    assert late.told.empty()
    for guest in (late, deaf, patient):
        deadlines.discard(guest)


async def test_who_has_gone_is_told_nothing() -> None:
    loop = asyncio.get_running_loop()
    deadlines, gone, last = Deadlines(0.02), Guest(due=loop.time()), Guest(due=loop.time())
    deadlines.add(gone)
    deadlines.discard(gone)
    deadlines.add(last)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await last.told.get()
    assert gone.told.empty()
    deadlines.discard(last)
