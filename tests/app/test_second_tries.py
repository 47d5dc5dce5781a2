"""What was set aside is tried again when somebody says so, and its writes are made once."""

from collections.abc import Sequence

import pytest

from app.second_tries import second_tries
from app.worker_steps import FeedStep
from app.workers import Workers
from datasources import counts, handled_changes, set_aside
from datasources.local.sqlite import SQLiteStore
from datasources.ports import FeedEvent, RecordStore, Write
from datasources.set_aside import SetAsides
from datasources.tables import COURSES, ENROLLMENTS
from domain.errors import DomainError, throttled
from domain.times import Timestamp
from tests.app.test_inbox import course_of, enrolled
from tests.learning import NOW
from tests.races import at_once


def now() -> Timestamp:
    return NOW


async def count(events: Sequence[FeedEvent]) -> Sequence[Write]:
    return counts.count(events)


async def fail(events: Sequence[FeedEvent]) -> Sequence[Write]:
    raise ValueError


async def put_aside(store: RecordStore, step: str = "counts") -> tuple[str, FeedEvent]:
    """The change of the one learner of a course, which is the result too."""
    course_id = await course_of(store, 1)
    [event] = (await store.changes(ENROLLMENTS, None)).events
    await store.transact([set_aside.set_aside(step, event, ValueError(), NOW)])
    return course_id, event


async def run(store: RecordStore, handle: object = count) -> None:
    steps = [FeedStep("counts", ENROLLMENTS, handle)]  # type: ignore[arg-type]  # one of the functions above
    await Workers(store, [second_tries(store, steps, now)], now, "one").drain()


async def test_it_waits_until_somebody_asks_and_then_is_gone(store: RecordStore) -> None:
    course_id, event = await put_aside(store)
    rows = SetAsides(store)

    await run(store)
    assert await enrolled(store, course_id) == 0
    [row] = await rows.dead(most=10)
    assert row.event == event

    assert await rows.try_again(row.id)
    assert not await rows.try_again(row.id)
    assert await rows.dead(most=10) == []
    await at_once([lambda: run(store)] * 3)
    await run(store)

    assert await enrolled(store, course_id) == 1
    assert await rows.get(row.id) is None


async def test_what_fails_again_is_set_aside_again(sqlite_store: SQLiteStore) -> None:
    course_id, _ = await put_aside(sqlite_store)
    rows = SetAsides(sqlite_store)
    [row] = await rows.dead(most=10)

    await rows.try_again(row.id)
    await run(sqlite_store, fail)
    [again] = await rows.dead(most=10)
    assert again.id == row.id

    await rows.try_again(row.id)
    await run(sqlite_store)
    assert await enrolled(sqlite_store, course_id) == 1


async def test_a_step_that_is_gone_leaves_it_there(sqlite_store: SQLiteStore) -> None:
    await put_aside(sqlite_store, "of an older release")
    rows = SetAsides(sqlite_store)
    [row] = await rows.dead(most=10)

    await rows.try_again(row.id)
    await run(sqlite_store)

    assert [row.error for row in await rows.dead(most=10)] == ["UnknownStep"]


async def test_a_store_in_trouble_leaves_it_waiting_for_its_turn(sqlite_store: SQLiteStore) -> None:
    course_id, _ = await put_aside(sqlite_store)
    [row] = await SetAsides(sqlite_store).dead(most=10)
    await SetAsides(sqlite_store).try_again(row.id)

    async def throttle(events: Sequence[FeedEvent]) -> Sequence[Write]:
        raise throttled("The store")

    with pytest.raises(DomainError):
        await run(sqlite_store, throttle)
    await run(sqlite_store)

    assert await enrolled(sqlite_store, course_id) == 1


async def test_one_that_was_sent_again_from_the_dead_letters_counts_once(sqlite_store: SQLiteStore) -> None:
    course_id, event = await put_aside(sqlite_store)
    [row] = await SetAsides(sqlite_store).dead(most=10)
    await handled_changes.commit(sqlite_store, "counts", [event], counts.count([event]), NOW)

    await SetAsides(sqlite_store).try_again(row.id)
    await run(sqlite_store)

    assert await enrolled(sqlite_store, course_id) == 1
    assert await SetAsides(sqlite_store).get(row.id) is None


async def test_a_change_that_is_too_large_to_be_kept_says_so(sqlite_store: SQLiteStore) -> None:
    key = {"courseId": "c1", "sk": "META"}
    old, new = ({**key, "text": letter * 200_000} for letter in "xy")
    large = FeedEvent("event", COURSES.name, "MODIFY", key, old, new)

    await sqlite_store.transact([set_aside.set_aside("search", large, ValueError(), NOW)])

    [row] = await SetAsides(sqlite_store).dead(most=10)
    assert (row.is_whole, row.old, row.new, row.key) == (False, None, None, key)
