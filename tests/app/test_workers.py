"""The workers' loop: everything once, whoever runs it, whatever fails."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import pytest

from app import supervision, workers
from app.worker_steps import BATCH, FeedStep, TimedStep
from app.workers import TRIES, Workers
from datasources import counts, worker_rows
from datasources.courses import CourseCounts, Courses
from datasources.local.sqlite import SQLiteStore
from datasources.ports import FeedEvent, RecordStore, Write
from datasources.set_aside import SetAsides
from datasources.tables import COUNTERS, ENROLLMENTS
from datasources.updates import Add
from domain.errors import throttled
from domain.times import Timestamp, later
from tests.datasources.test_enrollments import drop, enroll
from tests.learning import NOW, crowd, published_course, set_capacity
from tests.races import at_once, codes
from tests.school import School
from tests.waiting import PATIENCE_SECONDS, until

Handle = Callable[[Sequence[FeedEvent]], Awaitable[Sequence[Write]]]


def now() -> Timestamp:
    return NOW


async def counting(events: Sequence[FeedEvent]) -> Sequence[Write]:
    return counts.count(events)


def followers(store: RecordStore, handle: Handle, holder: str = "one") -> Workers:
    return Workers(store, [FeedStep("test", ENROLLMENTS, handle)], now, holder)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses worth waiting for."""
    for name in ("POLL_SECONDS", "RENEW_SECONDS"):
        monkeypatch.setattr(workers, name, 0.01)
    for name in ("_FIRST_PAUSE_SECONDS", "_LONGEST_PAUSE_SECONDS"):
        monkeypatch.setattr(supervision, name, 0.01)


async def test_counts_follow_the_enrollments_exactly_once(store: RecordStore) -> None:
    course = await published_course(store, capacity=4)
    for number in crowd(store, 60):
        await enroll(store, course.id, f"user-{number}", wait=True)
    await drop(store, course.id, "user-0")

    results = await at_once([followers(store, counting, str(number)).drain for number in range(4)])

    assert codes(results) == []
    assert await Courses(store).counts([course.id]) == [CourseCounts(3, len(crowd(store, 60)) - 4)]


async def test_a_step_that_fails_after_its_work_repeats_the_work_but_not_the_count(sqlite_store: SQLiteStore) -> None:
    course = await published_course(sqlite_store)
    for number in range(3):
        await enroll(sqlite_store, course.id, f"user-{number}")
    calls: list[int] = []

    async def fails_first(events: Sequence[FeedEvent]) -> Sequence[Write]:
        calls.append(len(events))
        if len(calls) == 1:
            raise ConnectionError("gone")
        return counts.count(events)

    worker = followers(sqlite_store, fails_first)
    with pytest.raises(ConnectionError):
        await worker.drain()
    await worker.drain()

    assert calls == [3, 1, 1, 1]
    assert await Courses(sqlite_store).counts([course.id]) == [CourseCounts(3, 0)]


@pytest.mark.usefixtures("impatient")
async def test_one_poisonous_event_is_recorded_and_left_behind(
    sqlite_store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    course = await published_course(sqlite_store)
    for number in range(5):
        await enroll(sqlite_store, course.id, f"user-{number}")
    handled: list[str] = []

    async def choking(events: Sequence[FeedEvent]) -> Sequence[Write]:
        users = [event.key["userId"] for event in events]
        if "user-2" in users:
            raise ValueError("a secret of user-2")
        handled.extend(users)
        return ()

    worker = followers(sqlite_store, choking)
    running = asyncio.create_task(worker.run())

    async def all_handled() -> bool:
        return "user-4" in handled

    await until(all_handled)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert handled == ["user-0", "user-1", "user-3", "user-4"]
    page = await sqlite_store.changes(ENROLLMENTS, None)
    poison = next(event for event in page.events if event.key["userId"] == "user-2")
    [row] = await SetAsides(sqlite_store).dead(most=10)
    assert (row.step, row.event, row.error) == ("test", poison, "ValueError")
    assert "secret" not in str(row)
    assert sum("gives up" in line.getMessage() for line in caplog.records) == 1


@pytest.mark.usefixtures("impatient")
async def test_a_store_that_throttles_makes_no_event_poisonous(sqlite_store: SQLiteStore) -> None:
    course = await published_course(sqlite_store)
    await enroll(sqlite_store, course.id, "ben")
    tries: list[int] = []

    async def throttles_for_long(events: Sequence[FeedEvent]) -> Sequence[Write]:
        tries.append(len(events))
        if len(tries) < 3 * TRIES:
            raise throttled("The store")
        return counts.count(events)

    running = asyncio.create_task(followers(sqlite_store, throttles_for_long).run())

    async def counted() -> bool:
        return await Courses(sqlite_store).counts([course.id]) == [CourseCounts(1, 0)]

    await until(counted)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(tries) == 3 * TRIES


async def test_long_feeds_are_read_in_batches(sqlite_store: SQLiteStore) -> None:
    course = await published_course(sqlite_store)
    for number in range(BATCH + 5):
        await enroll(sqlite_store, course.id, f"user-{number}")
    sizes: list[int] = []

    async def measure(events: Sequence[FeedEvent]) -> Sequence[Write]:
        sizes.append(len(events))
        return ()

    await followers(sqlite_store, measure).drain()
    await followers(sqlite_store, measure).drain()

    assert sizes == [BATCH, 5]


async def test_one_process_leads_and_another_follows_when_it_ends(store: RecordStore) -> None:
    assert await worker_rows.lead(store, "one", NOW, seconds=30)
    assert not await worker_rows.lead(store, "two", later(NOW, seconds=29), seconds=30)
    assert await worker_rows.lead(store, "one", later(NOW, seconds=29), seconds=30)
    assert not await worker_rows.lead(store, "two", later(NOW, seconds=31), seconds=30)
    assert await worker_rows.lead(store, "two", later(NOW, seconds=59), seconds=30)
    await worker_rows.resign(store, "one")
    assert not await worker_rows.lead(store, "one", later(NOW, seconds=60), seconds=30)
    await worker_rows.resign(store, "two")
    assert await worker_rows.lead(store, "one", later(NOW, seconds=60), seconds=30)


@pytest.mark.usefixtures("impatient")
async def test_only_one_process_works_at_a_time_and_the_next_takes_over(sqlite_store: SQLiteStore) -> None:
    course = await published_course(sqlite_store)
    seen: list[str] = []

    def worker(holder: str) -> Workers:
        async def note(events: Sequence[FeedEvent]) -> Sequence[Write]:
            seen.append(holder)
            return ()

        return followers(sqlite_store, note, holder)

    tasks = {holder: asyncio.create_task(worker(holder).run()) for holder in ("one", "two")}

    async def handled(count: int) -> bool:
        return len(seen) == count

    await enroll(sqlite_store, course.id, "ben")
    await until(partial(handled, 1))
    leader = seen[0]
    tasks.pop(leader).cancel()
    await enroll(sqlite_store, course.id, "eve")
    await until(partial(handled, 2))
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)

    assert seen[1] != leader


async def test_a_change_wakes_its_follower_at_once_and_the_end_is_quick(
    sqlite_store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "POLL_SECONDS", 3600.0)
    course = await published_course(sqlite_store)
    woken = asyncio.Event()

    async def wake(events: Sequence[FeedEvent]) -> Sequence[Write]:
        woken.set()
        return ()

    running = asyncio.create_task(followers(sqlite_store, wake).run())
    await asyncio.sleep(0)
    await enroll(sqlite_store, course.id, "ben")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await woken.wait()

    running.cancel()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(running, return_exceptions=True)
    assert await worker_rows.lead(sqlite_store, "two", NOW, seconds=30)


async def test_a_timed_step_goes_on_where_it_came_to(sqlite_store: SQLiteStore) -> None:
    begun: list[str | None] = []

    async def step(since: str | None) -> str:
        begun.append(since)
        await sqlite_store.update(COUNTERS, {"name": "runs"}, [Add("n", 1)])
        return str(len(begun))

    for _ in range(3):
        await Workers(sqlite_store, [TimedStep("timed", 5, step)], now, "one").drain()

    assert begun == [None, "1", "2"]


async def test_once_runs_each_step_once_whatever_becomes_of_the_others(
    sqlite_store: SQLiteStore, impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[str] = []
    goes_on = asyncio.Event()

    async def slow(_: str | None) -> str:
        ran.append("slow")
        await goes_on.wait()
        return "there"

    async def bad(_: str | None) -> str:
        ran.append("bad")
        raise ValueError("a bone")

    steps = [TimedStep("slow", 5, slow), TimedStep("bad", 5, bad)]
    first = asyncio.create_task(Workers(sqlite_store, steps, now, "one").once())
    await until(lambda: len(ran) == 2, "the first process's work")
    await Workers(sqlite_store, steps, now, "two").once()
    assert sorted(ran) == ["bad", "slow"], "another process has the lease"

    goes_on.set()
    await asyncio.wait_for(first, PATIENCE_SECONDS)
    assert await worker_rows.position(sqlite_store, "slow") == "there"
    assert "bad failed" in caplog.text
    await Workers(sqlite_store, steps, now, "two").once()
    assert sorted(ran) == ["bad", "bad", "slow", "slow"], "the lease was given back"


async def test_freed_seats_and_more_room_reach_the_waiting_list_through_the_feed(school: School) -> None:
    course = await published_course(school.store, capacity=2)
    for number in range(6):
        await enroll(school.store, course.id, f"user-{number}", wait=True)
    await school.drain()
    assert await Courses(school.store).counts([course.id]) == [CourseCounts(2, 4)]

    await drop(school.store, course.id, "user-0")
    await school.drain()
    assert await Courses(school.store).counts([course.id]) == [CourseCounts(2, 3)]

    await set_capacity(school.store, course.id, 4)
    await school.drain()
    assert await Courses(school.store).counts([course.id]) == [CourseCounts(4, 1)]

    await set_capacity(school.store, course.id, None)
    await school.drain()
    assert await Courses(school.store).counts([course.id]) == [CourseCounts(5, 0)]
