"""The end of holds and of access by the clock."""

import pytest

from datasources.expiry import sweep
from datasources.ports import RecordStore
from domain.access import course_access
from domain.times import later
from tests.datasources.test_enrollments import PRICE, all_rows, enroll, grant, require_true_seats
from tests.learning import NOW, published_course
from tests.races import at_once, codes


async def test_a_hold_ends_once_and_frees_its_seat_once(store: RecordStore) -> None:
    course = await published_course(store, access_model="PAID", price=PRICE, capacity=3)
    await enroll(store, course.id, "ben")
    await enroll(store, course.id, "eve", now=later(NOW, seconds=60))

    in_time = later(NOW, seconds=1799)
    await sweep(store, NOW[:10], in_time)
    assert (await require_true_seats(store, course.id)).seats_taken == 2

    too_late = later(NOW, seconds=1800)
    results = await at_once([lambda: sweep(store, NOW[:10], too_late)] * 4)

    assert codes(results) == []
    [ended] = await all_rows(store, course.id, "DROPPED")
    assert (ended.user_id, ended.last_change, ended.hold_expires_at) == ("ben", "HOLD_EXPIRED", None)
    assert (await require_true_seats(store, course.id)).seats_taken == 1


async def test_access_ends_and_the_clock_ends_it_before_the_row_does(store: RecordStore) -> None:
    course = await published_course(store, access_days=40)
    row = await enroll(store, course.id, "ben")
    await grant(store, course.id, "ada")
    end = later(NOW, days=40)
    assert course_access(course, row, is_staff=False, now=later(end, seconds=-1)).granted
    access = course_access(course, row, is_staff=False, now=end)
    assert (access.granted, access.reason, access.expires_at) == (False, "EXPIRED", end)

    since = await sweep(store, NOW[:10], later(NOW, days=1))
    await sweep(store, since, end)

    [ended] = await all_rows(store, course.id, "EXPIRED")
    assert (ended.user_id, ended.last_change, ended.expires_at) == ("ben", "ACCESS_EXPIRED", end)
    assert [row.user_id for row in await all_rows(store, course.id, "ACTIVE")] == ["ada"]


async def test_a_long_sleep_is_caught_up_with_in_steps(sqlite_store: RecordStore) -> None:
    course = await published_course(sqlite_store, access_days=100)
    await enroll(sqlite_store, course.id, "ben")
    now = later(NOW, days=130)

    since = await sweep(sqlite_store, NOW[:10], now)
    assert since < now[:10]
    assert await all_rows(sqlite_store, course.id, "EXPIRED") == []
    while since < now[:10]:
        since = await sweep(sqlite_store, since, now)

    assert len(await all_rows(sqlite_store, course.id, "EXPIRED")) == 1


async def test_the_first_sweep_ever_begins_a_week_back(sqlite_store: RecordStore) -> None:
    course = await published_course(sqlite_store, access_days=1)
    await enroll(sqlite_store, course.id, "ben")

    assert await sweep(sqlite_store, None, later(NOW, days=6)) == later(NOW, days=6)[:10]
    assert len(await all_rows(sqlite_store, course.id, "EXPIRED")) == 1


@pytest.mark.parametrize(("minutes", "day"), [(30, "2036-09-01"), (90, "2036-09-02")])
async def test_a_day_is_over_an_hour_after_midnight(sqlite_store: RecordStore, minutes: int, day: str) -> None:
    midnight = later(NOW, seconds=16 * 3600)

    assert await sweep(sqlite_store, "2036-09-01", later(midnight, seconds=60 * minutes)) == day
