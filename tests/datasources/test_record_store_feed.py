"""The change feed: every change of a table, at least once, each item's in order. On both engines."""

import asyncio

import pytest

from datasources.conditions import exists, not_exists
from datasources.ports import ConditionFailed, FeedEvent, Put, RecordStore, TransactionFailed
from datasources.tables import COURSES, SETTINGS, USERS
from datasources.updates import Add, Set

ADA = {"userId": "ada"}


async def drained(store: RecordStore, position: str | None = None, limit: int = 100) -> tuple[list[FeedEvent], str]:
    """All events behind a position, read page by page."""
    events: list[FeedEvent] = []
    while True:
        page = await store.changes(USERS, position, limit=limit)
        assert len(page.events) <= limit
        position = page.position
        events += page.events
        if not page.events:
            return events, position


async def test_every_change_is_told_with_what_was_and_what_is(store: RecordStore) -> None:
    await store.put(USERS, ADA | {"n": 1})
    await store.update(USERS, ADA, [Add("n", 1)])
    await store.delete(USERS, ADA)
    events, _ = await drained(store)
    assert [(event.kind, event.old, event.new) for event in events] == [
        ("INSERT", None, ADA | {"n": 1}),
        ("MODIFY", ADA | {"n": 1}, ADA | {"n": 2}),
        ("REMOVE", ADA | {"n": 2}, None),
    ]
    assert {event.table for event in events} == {"Users"}
    assert all(event.key == ADA for event in events)
    assert len({event.event_id for event in events}) == 3


async def test_what_is_private_is_not_told(store: RecordStore) -> None:
    secret = {"email": "ada@example.org", "displayName": "Ada"}
    await store.put(USERS, ADA | secret | {"n": 1})
    await store.update(USERS, ADA, [Set("email", "lovelace@example.org"), Add("n", 1)])
    await store.delete(USERS, ADA)

    events, _ = await drained(store)

    assert [(event.old, event.new) for event in events] == [
        (None, ADA | {"n": 1}),
        (ADA | {"n": 1}, ADA | {"n": 2}),
        (ADA | {"n": 2}, None),
    ]


async def test_every_kind_of_write_is_told(store: RecordStore) -> None:
    await store.batch_write(USERS, puts=[{"userId": "a"}, {"userId": "b"}])
    await store.transact([Put(USERS, {"userId": "c"}), Put(USERS, {"userId": "d"})])
    events, _ = await drained(store)
    assert sorted(event.key["userId"] for event in events) == ["a", "b", "c", "d"]


async def test_what_was_not_written_is_not_told(store: RecordStore) -> None:
    await store.put(USERS, ADA)
    with pytest.raises(ConditionFailed):
        await store.put(USERS, ADA | {"n": 1}, condition=not_exists("userId"))
    with pytest.raises(TransactionFailed):
        await store.transact([Put(USERS, {"userId": "x"}), Put(USERS, {"userId": "y"}, exists("userId"))])
    await store.delete(USERS, {"userId": "nobody"})
    await store.put(COURSES, {"courseId": "c1", "sk": "META"})
    events, _ = await drained(store)
    assert len(events) == 1


async def test_a_position_resumes_where_it_was_and_replays_the_same_events(store: RecordStore) -> None:
    for number in range(7):
        await store.put(USERS, {"userId": f"u{number}"})
    first = await store.changes(USERS, None, limit=3)
    rest, end = await drained(store, first.position, limit=2)
    assert [event.key["userId"] for event in first.events + rest] == [f"u{number}" for number in range(7)]
    again, _ = await drained(store, first.position)
    assert [event.event_id for event in again] == [event.event_id for event in rest]
    await store.put(USERS, {"userId": "later"})
    news, _ = await drained(store, end)
    assert [event.key["userId"] for event in news] == ["later"]


async def test_an_empty_feed_has_a_position_too(store: RecordStore) -> None:
    page = await store.changes(USERS, None)
    assert page.events == []
    await store.put(USERS, ADA)
    assert [event.key for event in (await store.changes(USERS, page.position)).events] == [ADA]


async def test_changes_of_one_item_come_in_commit_order(store: RecordStore) -> None:
    async def bump(name: str) -> None:
        await store.put(USERS, {"userId": name, "n": 0})
        for _ in range(5):
            await store.update(USERS, {"userId": name}, [Add("n", 1)])

    await asyncio.gather(*(bump(f"u{number}") for number in range(4)))
    events, _ = await drained(store)
    for number in range(4):
        seen = [event.new and event.new["n"] for event in events if event.key["userId"] == f"u{number}"]
        assert seen == [0, 1, 2, 3, 4, 5]


async def test_tables_without_a_feed_say_so(store: RecordStore) -> None:
    with pytest.raises(ValueError, match="no change feed"):
        await store.changes(SETTINGS, None)
    with pytest.raises(ValueError, match="no change feed"):
        await store.wait_for_change(SETTINGS, None, seconds=0)


async def test_waiting_ends_by_itself(store: RecordStore) -> None:
    page = await store.changes(USERS, None)
    await store.wait_for_change(USERS, page.position, seconds=0.01)


async def test_the_store_is_ready(store: RecordStore) -> None:
    await store.ready()
