"""The end of held seats and of access by the clock."""

import asyncio
from datetime import date, timedelta

from datasources import seats
from datasources.contention import LostRace, settle
from datasources.enrollment_rows import EXPIRY_SHARDS, day_of, expiry_partition, key, of, step
from datasources.ports import RecordStore, SortRange
from datasources.tables import ENROLLMENTS
from datasources.transactions import commit
from domain.enrollments import Enrollment, lapse
from domain.times import Timestamp, later

_FIRST_DAYS = 7
_MOST_DAYS = 60
_LAG_SECONDS = 3600


async def lapsed(store: RecordStore, row: Enrollment) -> Enrollment:
    """A row that has lapsed, written as such, its seat freed. Raises LostRace."""
    after = lapse(row)
    await commit(store, [(step(row, after), LostRace()), (seats.freed(row.course_id), LostRace())])
    return after


async def sweep(store: RecordStore, since: str | None, now: Timestamp) -> str:
    """End everything that has lapsed, day by day from `since` on.

    Args:
        since: a day, YYYY-MM-DD; None at the first sweep ever, which begins a week back.

    Returns:
        The day that the next sweep begins with: today's, or a day not reached, for one sweep does 60 days.
        An index may lag behind, so that a day is over an hour later.
    """
    day = date.fromisoformat(since or day_of(later(now, days=-_FIRST_DAYS)))
    settled = date.fromisoformat(day_of(later(now, seconds=-_LAG_SECONDS)))
    today = date.fromisoformat(day_of(now))
    for _ in range(_MOST_DAYS):
        partitions = [expiry_partition(day.isoformat(), number) for number in range(EXPIRY_SHARDS)]
        await asyncio.gather(*(_sweep_partition(store, partition, now) for partition in partitions))
        if day >= today:
            return settled.isoformat()
        day += timedelta(days=1)
    return min(day, settled).isoformat()


async def _sweep_partition(store: RecordStore, partition: str, now: Timestamp) -> None:
    after = None
    while True:
        page = await store.query(ENROLLMENTS, partition, index="ExpiryIndex", sort=SortRange(at_most=now), after=after)
        for item in page.items:
            await _end(store, item["courseId"], item["userId"], now)
        after = page.last_key
        if after is None:
            return


async def _end(store: RecordStore, course_id: str, user_id: str, now: Timestamp) -> None:
    """The row decides, not the index's copy of it."""

    async def attempt() -> None:
        stored = await store.get(ENROLLMENTS, key(course_id, user_id))
        if stored is not None and of(stored).has_lapsed(now):
            await lapsed(store, of(stored))

    await settle(attempt, "The course")
