"""Transactions: all or nothing, with the reasons of each write that did not hold. On both engines."""

import asyncio

import pytest

from datasources.conditions import equals, exists, greater, less, not_exists
from datasources.ports import Change, Check, Delete, Put, Reason, RecordStore, TransactionFailed, Write
from datasources.tables import COUNTERS, COURSES, ENROLLMENTS, SETTINGS, USERS
from datasources.updates import Add, Set
from domain.errors import Code, DomainError

ADA, EVE, BOB = {"userId": "ada"}, {"userId": "eve"}, {"userId": "bob"}


async def test_all_writes_of_a_transaction_are_done(store: RecordStore) -> None:
    await store.put(USERS, EVE | {"n": 1})
    await store.put(USERS, BOB)
    course = {"courseId": "c1", "sk": "META"}
    await store.transact(
        [
            Put(COURSES, course | {"title": "T"}, not_exists("courseId")),
            Change(USERS, EVE, [Add("n", 1)], exists("userId")),
            Delete(USERS, BOB),
            Check(USERS, ADA, not_exists("userId")),
        ]
    )
    assert await store.get(COURSES, course) == course | {"title": "T"}
    assert await store.get(USERS, EVE) == EVE | {"n": 2}
    assert await store.get(USERS, BOB) is None
    assert await store.get(USERS, ADA) is None


async def test_one_failed_condition_undoes_all_and_is_named(store: RecordStore) -> None:
    await store.put(USERS, EVE | {"n": 1})
    with pytest.raises(TransactionFailed) as failed:
        await store.transact(
            [
                Put(USERS, ADA),
                Change(USERS, EVE, [Add("n", 1)], greater("n", 1)),
                Delete(SETTINGS, {"userId": "eve", "name": "X"}),
                Check(USERS, BOB, exists("userId")),
            ]
        )
    assert failed.value.reasons == (None, Reason(EVE | {"n": 1}), None, Reason(None))
    assert failed.value.at(0) is None
    assert await store.get(USERS, ADA) is None
    assert await store.get(USERS, EVE) == EVE | {"n": 1}


async def test_every_kind_of_write_is_undone(store: RecordStore) -> None:
    await store.put(USERS, EVE | {"n": 1, "list": ["a"]})
    await store.put(USERS, BOB | {"n": 2})
    with pytest.raises(TransactionFailed):
        await store.transact(
            [
                Put(USERS, BOB | {"n": 3}),
                Change(USERS, EVE, [Add("n", 1), Set("list", ["b"])]),
                Change(USERS, {"userId": "new"}, [Set("n", 1)]),
                Delete(COURSES, {"courseId": "c1", "sk": "META"}),
                Put(COURSES, {"courseId": "c1", "sk": "SEATS"}),
                Check(USERS, ADA, exists("userId")),
            ]
        )
    assert await store.get(USERS, BOB) == BOB | {"n": 2}
    assert await store.get(USERS, EVE) == EVE | {"n": 1, "list": ["a"]}
    assert await store.get(USERS, {"userId": "new"}) is None
    assert (await store.query(COURSES, "c1")).items == []


async def test_a_failed_transaction_leaves_later_ones_alone(store: RecordStore) -> None:
    writes: list[Write] = [Put(USERS, ADA), Check(USERS, BOB, exists("userId"))]
    with pytest.raises(TransactionFailed):
        await store.transact(writes)
    await store.put(USERS, BOB)
    await store.transact(writes)
    assert await store.get(USERS, ADA) == ADA


async def test_two_writes_of_one_item_are_refused(store: RecordStore) -> None:
    with pytest.raises(ValueError, match="twice"):
        await store.transact([Put(USERS, ADA), Delete(USERS, ADA)])
    with pytest.raises(ValueError, match="twice"):
        await store.transact([Check(USERS, ADA, exists("userId")), Change(USERS, ADA, [Set("n", 1)])])
    await store.transact([Put(SETTINGS, ADA | {"name": "A"}), Put(SETTINGS, ADA | {"name": "B"}), Put(USERS, ADA)])


async def test_a_transaction_has_1_to_100_writes(store: RecordStore) -> None:
    writes = [Put(USERS, {"userId": f"u{number}"}) for number in range(101)]
    for wrong in ([], writes):
        with pytest.raises(ValueError, match="100"):
            await store.transact(wrong)
    await store.transact(writes[:100])
    assert await store.get(USERS, {"userId": "u99"}) is not None


async def test_invalid_writes_are_refused_before_anything_is_written(store: RecordStore) -> None:
    for wrong in (
        Put(USERS, {"name": "no key"}),
        Put(USERS, EVE | {"status": ""}),
        Change(USERS, EVE, []),
        Delete(USERS, {"userId": ""}),
        Check(USERS, EVE, less("n", None)),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - what it says is not the point
            await store.transact([Put(USERS, ADA), wrong])
    with pytest.raises(DomainError) as refused:
        await store.transact([Put(USERS, ADA), Put(USERS, EVE | {"text": "x" * 500_000})])
    assert refused.value.code == Code.LIMIT_EXCEEDED
    assert await store.get(USERS, ADA) is None


async def test_a_transaction_has_at_most_4_mb(store: RecordStore) -> None:
    rows = [Put(USERS, {"userId": f"u{number}", "text": "x" * 390_000}) for number in range(11)]
    with pytest.raises(ValueError, match="4 MB"):
        await store.transact(rows)


async def test_a_token_has_1_to_36_characters(store: RecordStore) -> None:
    for token in ("", "x" * 37):
        with pytest.raises(ValueError, match="36"):
            await store.transact([Put(USERS, ADA)], token=token)
    await store.transact([Put(USERS, ADA)], token="x" * 36)


async def test_the_last_seats_go_to_as_many_as_there_are(store: RecordStore) -> None:
    seats = {"courseId": "c1", "sk": "SEATS"}
    await store.put(COURSES, seats | {"taken": 0, "capacity": 5})
    barrier = asyncio.Barrier(20)

    async def enroll(number: int) -> bool:
        row = {"userId": f"u{number}", "courseId": "c1"}
        await barrier.wait()
        try:
            await store.transact(
                [
                    Change(COURSES, seats, [Add("taken", 1)], less("taken", 5)),
                    Put(ENROLLMENTS, row, not_exists("userId")),
                ]
            )
        except TransactionFailed as failed:
            return failed.at(0) is None
        return True

    assert sum(await asyncio.gather(*map(enroll, range(20)))) == 5
    row = await store.get(COURSES, seats)
    assert row is not None
    assert row["taken"] == 5
    enrolled = await store.batch_get(ENROLLMENTS, [{"userId": f"u{n}", "courseId": "c1"} for n in range(20)])
    assert sum(item is not None for item in enrolled) == 5


async def test_transactions_move_what_they_move_exactly_once(store: RecordStore) -> None:
    await store.put(COUNTERS, {"name": "A", "n": 100})
    await store.put(COUNTERS, {"name": "B", "n": 0})

    async def move() -> None:
        await store.transact(
            [
                Change(COUNTERS, {"name": "A"}, [Add("n", -1)], greater("n", 0)),
                Change(COUNTERS, {"name": "B"}, [Add("n", 1)], exists("name")),
            ]
        )

    await asyncio.gather(*(move() for _ in range(30)))
    a, b = await store.batch_get(COUNTERS, [{"name": "A"}, {"name": "B"}])
    assert (a, b) == ({"name": "A", "n": 70}, {"name": "B", "n": 30})
    assert await store.update(COUNTERS, {"name": "A"}, [Set("n", 0)], condition=equals("n", 70))
