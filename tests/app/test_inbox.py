"""Changes that come through a queue: each step's writes once, whatever comes twice, and nothing held up for ever."""

from collections.abc import Awaitable, Callable, Sequence

import pytest

from app.inbox import Inbox, InboxReader
from app.worker_steps import FeedStep
from datasources import counts
from datasources.local.sqlite import SQLiteStore
from datasources.ports import Arrival, FeedEvent, RecordStore, Write
from datasources.set_aside import SetAsides
from datasources.tables import COURSES, ENROLLMENTS
from domain.errors import DomainError, dependency_failed, throttled
from domain.times import Timestamp
from tests.datasources.test_enrollments import enroll
from tests.learning import NOW, crowd, published_course
from tests.races import at_once

MOST_TRIES = 3


def now() -> Timestamp:
    return NOW


async def arrivals_of(store: RecordStore, step: str = "counts", tries: int = 1) -> list[Arrival]:
    """Every change of enrollments, for a step."""
    page = await store.changes(ENROLLMENTS, None)
    return [Arrival(f"{step} {event.event_id}", step, event, tries) for event in page.events]


async def course_of(store: RecordStore, learners: int) -> str:
    course = await published_course(store)
    for number in range(learners):
        await enroll(store, course.id, f"user-{number}")
    return course.id


async def enrolled(store: RecordStore, course_id: str) -> int:
    item = await store.get(COURSES, {"courseId": course_id, "sk": "COUNTS"})
    return 0 if item is None else int(item["enrolledCount"])


async def count(events: Sequence[FeedEvent]) -> Sequence[Write]:
    return counts.count(events)


def inbox(store: RecordStore, handle: Callable[[Sequence[FeedEvent]], Awaitable[Sequence[Write]]] = count) -> Inbox:
    return Inbox(store, [FeedStep("counts", ENROLLMENTS, handle)], now)


async def test_a_change_that_comes_many_times_counts_once(store: RecordStore) -> None:
    learners = len(crowd(store, 30))
    course_id = await course_of(store, learners)
    arrivals = await arrivals_of(store)

    async def deliver(some: Sequence[Arrival]) -> list[Arrival]:
        return await inbox(store).handle(some, MOST_TRIES)

    assert await deliver(arrivals[:3]) == []
    assert await deliver(arrivals) == []
    await at_once([lambda: deliver(arrivals), lambda: deliver(arrivals[::-1])])

    assert await enrolled(store, course_id) == learners


class Choking:
    """Cannot handle one user's changes; notes whose it handled."""

    def __init__(self, user_id: str) -> None:
        self.handled: list[str] = []
        self._user_id = user_id

    async def __call__(self, events: Sequence[FeedEvent]) -> Sequence[Write]:
        users = [event.key["userId"] for event in events]
        if self._user_id in users:
            raise ValueError(f"a secret of {self._user_id}")
        self.handled += users
        return counts.count(events)


async def test_what_a_step_cannot_handle_comes_again_alone_and_then_is_set_aside(sqlite_store: SQLiteStore) -> None:
    course_id = await course_of(sqlite_store, 4)
    choking = Choking("user-1")
    arrivals = await arrivals_of(sqlite_store)

    undone = await inbox(sqlite_store, choking).handle(arrivals, MOST_TRIES)
    assert undone == [arrivals[1]]
    assert await SetAsides(sqlite_store).dead(most=10) == []

    last = [Arrival(arrival.receipt, arrival.step, arrival.event, MOST_TRIES) for arrival in undone]
    assert await inbox(sqlite_store, choking).handle(last, MOST_TRIES) == last
    [row] = await SetAsides(sqlite_store).dead(most=10)
    assert (row.step, row.event, row.error) == ("counts", arrivals[1].event, "ValueError")
    assert "secret" not in str(row)
    assert await enrolled(sqlite_store, course_id) == 3


async def test_what_follows_a_failure_of_the_same_item_waits_until_that_is_given_up(sqlite_store: SQLiteStore) -> None:
    await course_of(sqlite_store, 2)
    [his, hers] = [arrival.event for arrival in await arrivals_of(sqlite_store)]
    handled: list[str] = []

    async def chokes_once(events: Sequence[FeedEvent]) -> Sequence[Write]:
        if any(event.event_id == his.event_id for event in events):
            raise ValueError
        handled.extend(event.event_id for event in events)
        return ()

    later = FeedEvent("later", his.table, "MODIFY", his.key, his.new, his.new)

    async def deliver(tries: int) -> list[str]:
        arrivals = [Arrival(event.event_id, "counts", event, tries) for event in (his, later, hers)]
        return [arrival.receipt for arrival in await inbox(sqlite_store, chokes_once).handle(arrivals, MOST_TRIES)]

    assert await deliver(1) == [his.event_id, "later"]
    assert handled == [hers.event_id]
    assert await deliver(MOST_TRIES) == [his.event_id]
    assert handled == [hers.event_id, "later", hers.event_id]


async def test_a_step_that_fails_keeps_no_other_from_its_work(sqlite_store: SQLiteStore) -> None:
    course_id = await course_of(sqlite_store, 3)

    async def fail(events: Sequence[FeedEvent]) -> Sequence[Write]:
        raise ValueError

    steps = [FeedStep("failing", ENROLLMENTS, fail), FeedStep("counts", ENROLLMENTS, count)]
    failing = await arrivals_of(sqlite_store, "failing")
    arrivals = [*failing, *await arrivals_of(sqlite_store)]

    assert await Inbox(sqlite_store, steps, now).handle(arrivals, MOST_TRIES) == failing
    assert await enrolled(sqlite_store, course_id) == 3


async def test_a_change_for_a_step_of_another_release_is_left_to_others(sqlite_store: SQLiteStore) -> None:
    await course_of(sqlite_store, 1)
    arrivals = await arrivals_of(sqlite_store, "not-yet", MOST_TRIES)

    assert await inbox(sqlite_store).handle(arrivals, MOST_TRIES) == arrivals

    [row] = await SetAsides(sqlite_store).dead(most=10)
    assert (row.step, row.error) == ("not-yet", "UnknownStep")


async def test_a_store_in_trouble_is_no_change_s_fault(sqlite_store: SQLiteStore) -> None:
    await course_of(sqlite_store, 2)

    async def throttles(events: Sequence[FeedEvent]) -> Sequence[Write]:
        raise throttled("The store")

    with pytest.raises(DomainError):
        await inbox(sqlite_store, throttles).handle(await arrivals_of(sqlite_store, tries=MOST_TRIES), MOST_TRIES)

    assert await SetAsides(sqlite_store).dead(most=10) == []


class Queue:
    """In memory; gives the same arrivals until they are done."""

    def __init__(self, arrivals: Sequence[Arrival]) -> None:
        self.left = list(arrivals)
        self.received = 0
        self.given_back: list[Arrival] = []

    async def most_tries(self) -> int:
        return MOST_TRIES

    async def receive(self, *, seconds: int) -> list[Arrival]:
        self.received += 1
        return list(self.left)

    async def done(self, arrivals: Sequence[Arrival]) -> None:
        self.left = [arrival for arrival in self.left if arrival not in arrivals]

    async def give_back(self, arrivals: Sequence[Arrival]) -> None:
        self.given_back += arrivals


async def test_a_reader_deletes_what_is_done_and_gives_the_rest_back(sqlite_store: SQLiteStore) -> None:
    await course_of(sqlite_store, 3)
    queue = Queue(await arrivals_of(sqlite_store))

    await InboxReader(sqlite_store, queue, inbox(sqlite_store, Choking("user-1"))).cycle()

    assert [arrival.event.key["userId"] for arrival in queue.left] == ["user-1"]
    assert queue.given_back == queue.left


async def test_while_the_store_is_in_trouble_nothing_more_is_received(
    sqlite_store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    course_id = await course_of(sqlite_store, 3)
    is_up = False

    async def ready() -> None:
        if not is_up:
            raise dependency_failed("The store")

    async def in_trouble(events: Sequence[FeedEvent]) -> Sequence[Write]:
        await ready()
        return counts.count(events)

    monkeypatch.setattr(sqlite_store, "ready", ready)
    queue = Queue(await arrivals_of(sqlite_store))
    reader = InboxReader(sqlite_store, queue, inbox(sqlite_store, in_trouble))
    for _ in range(3):
        with pytest.raises(DomainError):
            await reader.cycle()
    assert queue.received == 1
    assert len(queue.given_back) == 3

    is_up = True
    await reader.cycle()
    assert queue.left == []
    assert await enrolled(sqlite_store, course_id) == 3
