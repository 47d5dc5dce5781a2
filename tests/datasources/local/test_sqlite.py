"""What only the embedded engine promises: one file, durable groups, lookups, upkeep."""

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from datasources.conditions import exists, not_exists
from datasources.local import sqlite_group
from datasources.local.search import SQLiteSearch
from datasources.local.sqlite import FEED_SECONDS, SQLiteStore
from datasources.local.sqlite_feed import NEWEST
from datasources.local.sqlite_queries import Statement
from datasources.local.sqlite_schema import SCHEMA_VERSION, Layout
from datasources.local.sqlite_writes import TOKEN_SECONDS
from datasources.ports import Change, ConditionFailed, Indexed, Put, SortRange, TransactionFailed, Write
from datasources.tables import ALL, COURSES, IDEMPOTENCY, ROOM_LOG, SETTINGS, USERS, Index, Table
from datasources.updates import Add, Remove
from domain.errors import Code, DomainError
from domain.records import Record
from tests.waiting import PATIENCE_SECONDS, ManualClock

ADA = {"userId": "ada"}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def timed_store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SQLiteStore]:
    """A store whose clock the test moves; it sweeps only when told to."""
    async with SQLiteStore.open(tmp_path / "records.db", now=clock, sweep_seconds=3600) as store:
        yield store


# Pages


class Named(Record, frozen=True):
    name: str


async def test_a_page_is_what_is_in_the_file_now_whoever_wrote_it(tmp_path: Path) -> None:
    def row(sk: str, name: str) -> Put:
        return Put(COURSES, {"courseId": "c", "sk": sk, "name": name})

    path = tmp_path / "records.db"
    async with SQLiteStore.open(path) as store, SQLiteStore.open(path) as other_process:
        await store.transact([row("a", "Ada"), row("b", "Ben"), row("c", "Cem")])
        before = await store.query(COURSES, "c", limit=2)
        assert [each.name for each in before.records(Named)] == ["Ada", "Ben"]
        await other_process.put(COURSES, row("b", "Bea\0\xe9").item)
        after = await store.query(COURSES, "c", limit=2)
        assert [each.name for each in after.records(Named)] == ["Ada", "Bea\0\xe9"]
        assert [each.name for each in before.records(Named)] == ["Ada", "Ben"]
        assert before.last_key == after.last_key == {"courseId": "c", "sk": "b"}
        whole = await store.query(COURSES, "c")
        assert [item["name"] for item in whole.items] == ["Ada", "Bea\0\xe9", "Cem"]


# The file


async def test_records_outlive_the_process_in_one_private_file(tmp_path: Path) -> None:
    path = tmp_path / "made" / "records.db"
    async with SQLiteStore.open(path) as store:
        await store.put(USERS, ADA | {"n": 1})
    assert [file.name for file in path.parent.iterdir()] == ["records.db"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    async with SQLiteStore.open(path) as store:
        assert await store.get(USERS, ADA) == ADA | {"n": 1}


async def test_every_commit_is_synced(sqlite_store: SQLiteStore) -> None:
    def settings(connection: sqlite3.Connection) -> tuple[str, int]:
        (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
        (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
        return journal, synchronous

    assert await sqlite_store._writer.submit(settings) == ("wal", 2)  # 2 is FULL


async def test_a_file_of_a_newer_release_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    async with SQLiteStore.open(path) as store:
        await store.put(USERS, ADA)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(RuntimeError, match="newer"):
        async with SQLiteStore.open(path):
            pass
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 1,)


async def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE precious (x)")
    with pytest.raises(RuntimeError, match="another program"):
        async with SQLiteStore.open(path):
            pass


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        async with SQLiteStore.open(path):
            pass
    assert path.read_text() == "not a database" * 100


async def test_releases_may_add_change_and_drop_indexes_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    colour = Index("ThingIndex", "colour", "size", "N")
    shape = Index("ThingIndex", "shape", "id")
    old, new, changed = (
        Table("Things", "id", indexes=indexes, ttl=ttl)
        for indexes, ttl in (((), False), ((colour,), True), ((shape,), False))
    )

    async def found(table: Table, partition: str) -> list[str]:
        async with SQLiteStore.open(path, [table]) as store:
            page = await store.query(table, partition, index="ThingIndex")
            return [item["id"] for item in page.items]

    async def put(table: Table, number: int) -> None:
        async with SQLiteStore.open(path, [table]) as store:
            await store.put(table, {"id": str(number), "colour": "red", "size": 10 - number, "shape": "round"})

    await put(old, 1)
    assert await found(new, "red") == ["1"]
    await put(new, 2)
    await put(old, 3)  # an older release writes once more, without the index
    assert await found(new, "red") == ["3", "2", "1"]
    assert await found(changed, "round") == ["1", "2", "3"]


async def test_opening_again_leaves_the_schema_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "records.db"

    async def schema_version() -> int:
        """Rises with each table or index that is made or dropped."""
        async with SQLiteStore.open(path) as store:
            return await store.read_with(lambda connection: connection.execute("PRAGMA schema_version").fetchone()[0])

    assert await schema_version() == await schema_version()


async def test_two_stores_may_share_the_file(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    async with SQLiteStore.open(path) as one, SQLiteStore.open(path) as other:

        async def count(store: SQLiteStore) -> None:
            await store.update(USERS, ADA, [Add("n", 1)])

        await asyncio.gather(*(count(store) for _ in range(25) for store in (one, other)))
        assert await one.get(USERS, ADA) == await other.get(USERS, ADA) == ADA | {"n": 50}


# Lookups


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
async def test_every_query_is_a_search_in_an_index(sqlite_store: SQLiteStore, table: Table) -> None:
    """No scan and no sorting, for any declared index, in either direction, from any position."""
    layout = Layout(table)
    for index in (None, *table.indexes):
        has_sort = bool(table.sort if index is None else index.sort)
        bound = 1 if index is not None and index.sort_type == "N" else "m"
        for sort in (None, SortRange(after=bound)) if has_sort else (None,):
            after = dict.fromkeys([*layout.columns], "x")
            for position in (None, after):
                for descending in (False, True):
                    statement = Statement(layout, index, "p").within(sort).behind(position, descending=descending)
                    sql, *values = statement.items(10, descending=descending)
                    plan = await sqlite_store._readers.submit(
                        lambda connection, sql=sql, values=values: [
                            row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)
                        ]
                    )
                    _, search, _ = plan  # the items, one after the other, become one value
                    assert plan == ["CO-ROUTINE (subquery-1)", search, "SCAN (subquery-1)"]
                    assert search.startswith(f"SEARCH {table.name} USING INDEX"), plan
                    assert f" {table.name}.{index.name} " in search if index else "sqlite_autoindex" in search


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
async def test_many_keys_are_looked_up_one_by_one(sqlite_store: SQLiteStore, table: Table) -> None:
    sql = Layout(table).array_of_many(100)
    values = ["x"] * 100 * len(table.key_names)
    plan = await sqlite_store.read_with(
        lambda connection: [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    )
    lookup = next(step for step in plan if "kept" in step)
    assert lookup.startswith("SEARCH kept USING INDEX sqlite_autoindex")


async def test_points_and_upkeep_are_searches_too(sqlite_store: SQLiteStore) -> None:
    layout = Layout(IDEMPOTENCY)
    statements = [
        (NEWEST, 1),
        (layout.select, 1),
        (layout.delete, 1),
        ('SELECT 1 FROM "Idempotency" INDEXED BY "Idempotency._ttl" WHERE _ttl <= ? LIMIT 1', 1),
        ("SELECT 1 FROM _changes INDEXED BY _changes_of_table WHERE name = ? AND sequence > ? ORDER BY sequence", 2),
        ("SELECT digest FROM _tokens WHERE token = ?", 1),
    ]
    for sql, parameters in statements:
        plan = await sqlite_store._readers.submit(
            lambda connection, sql=sql, parameters=parameters: [
                row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", [1] * parameters)
            ]
        )
        assert plan[0].startswith("SEARCH"), plan
        assert plan[1:] in ([], ["USE TEMP B-TREE FOR GROUP BY"]), plan


# Group commit


async def test_a_refused_write_does_not_disturb_its_group(sqlite_store: SQLiteStore) -> None:
    """All of these queue up while the first one is committed, so that they share a transaction."""
    await sqlite_store.put(USERS, ADA | {"n": 0})
    outcomes = await asyncio.gather(
        *(sqlite_store.update(USERS, ADA, [Add("n", 1)], condition=exists("userId")) for _ in range(20)),
        *(sqlite_store.put(USERS, ADA, condition=not_exists("userId")) for _ in range(20)),
        sqlite_store.transact([Put(USERS, {"userId": "x"}), Put(USERS, ADA, not_exists("userId"))]),
        sqlite_store.update(USERS, ADA | {}, [Add("userName", 1)]),
        *(sqlite_store.put(SETTINGS, {"userId": f"u{number}", "name": "S"}) for number in range(20)),
        return_exceptions=True,
    )
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds.count(ConditionFailed) == 20
    assert kinds.count(TransactionFailed) == 1
    assert sum(issubclass(kind, Exception) for kind in kinds) == 21
    assert await sqlite_store.get(USERS, ADA) == ADA | {"n": 20, "userName": 1}
    assert await sqlite_store.get(USERS, {"userId": "x"}) is None
    assert await sqlite_store.get(SETTINGS, {"userId": "u19", "name": "S"}) is not None


async def test_writes_of_one_group_see_each_other(sqlite_store: SQLiteStore) -> None:
    results = await asyncio.gather(*(sqlite_store.update(USERS, ADA, [Add("n", 1)]) for _ in range(30)))
    assert sorted(result["n"] for result in results) == list(range(1, 31))


async def test_a_unit_of_work_with_a_bug_fails_alone(sqlite_store: SQLiteStore) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        Layout(USERS).upsert.run(connection, [Layout(USERS).row({"userId": "half"}, b"")])
        raise KeyError("bug")

    outcomes = await asyncio.gather(
        sqlite_store.put(USERS, ADA),
        sqlite_store._writer.submit(broken),
        sqlite_store.put(USERS, {"userId": "eve"}),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), KeyError, type(None)]
    found = await sqlite_store.batch_get(USERS, [ADA, {"userId": "eve"}, {"userId": "half"}])
    assert found == [ADA, {"userId": "eve"}, None]


async def test_a_unit_of_any_kind_sees_what_the_group_has_changed_before(sqlite_store: SQLiteStore) -> None:
    """Records are written at the group's end; statements of other kinds come between."""

    def counted(connection: sqlite3.Connection) -> int:
        (number,) = connection.execute('SELECT COUNT(*) FROM "Users"').fetchone()
        return int(number)

    await sqlite_store.put(USERS, {"userId": "bob", "n": 1})
    outcomes = await asyncio.gather(
        sqlite_store.put(USERS, ADA),
        sqlite_store.delete(USERS, ADA),
        sqlite_store.put(USERS, {"userId": "eve"}),
        sqlite_store.write_with(counted),
        sqlite_store.update(USERS, {"userId": "bob"}, [Add("n", 1)]),
        sqlite_store.batch_write(USERS, puts=[ADA | {"n": 2}], deletes=[{"userId": "eve"}]),
        sqlite_store.write_with(counted),
    )
    assert outcomes == [None, ADA, None, 2, {"userId": "bob", "n": 2}, None, 2]
    kinds = [(event.kind, event.key["userId"]) for event in (await sqlite_store.changes(USERS, None)).events]
    assert kinds == [
        ("INSERT", "bob"),
        ("INSERT", "ada"),
        ("REMOVE", "ada"),
        ("INSERT", "eve"),
        ("MODIFY", "bob"),
        ("INSERT", "ada"),
        ("REMOVE", "eve"),
    ]


async def test_a_large_group_is_written_in_between(sqlite_store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_group, "MOST_UNWRITTEN_BYTES", 100)
    keys = [{"userId": f"u{number}"} for number in range(40)]
    writes = [Change(USERS, key, [Add("n", 1)]) for key in keys]
    await asyncio.gather(*(sqlite_store.transact(writes) for _ in range(5)))
    assert await sqlite_store.batch_get(USERS, keys) == [key | {"n": 5} for key in keys]


async def test_a_damaged_item_fails_those_who_ask_for_it(sqlite_store: SQLiteStore, tmp_path: Path) -> None:
    await sqlite_store.put(USERS, {"userId": "damaged"})
    with closing(sqlite3.connect(tmp_path / "records.db", isolation_level=None)) as connection:
        connection.execute("UPDATE Users SET _item = x'ff00'")
    outcomes = await asyncio.gather(
        sqlite_store.put(USERS, ADA),
        sqlite_store.update(USERS, {"userId": "damaged"}, [Add("n", 1)]),
        sqlite_store.put(USERS, {"userId": "eve"}),
        return_exceptions=True,
    )
    assert [isinstance(outcome, Exception) for outcome in outcomes] == [False, True, False]
    assert await sqlite_store.batch_get(USERS, [ADA, {"userId": "eve"}]) == [ADA, {"userId": "eve"}]


async def test_a_failing_disk_fails_the_group_and_nothing_is_half_written(sqlite_store: SQLiteStore) -> None:
    def full(connection: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    outcomes = await asyncio.gather(
        sqlite_store.put(USERS, ADA),
        sqlite_store._writer.submit(full),
        sqlite_store.put(USERS, {"userId": "eve"}),
        return_exceptions=True,
    )
    failed = [outcome for outcome in outcomes if outcome is not None]
    assert failed
    for outcome in failed:
        assert isinstance(outcome, DomainError)
        assert outcome.code == Code.DEPENDENCY_FAILED
    for name, outcome in zip(("ada", "eve"), (outcomes[0], outcomes[2]), strict=True):
        stored = await sqlite_store.get(USERS, {"userId": name})
        assert (stored is None) == (outcome is not None)
    await sqlite_store.put(USERS, {"userId": "after"})


async def test_what_another_store_commits_counts_for_records_that_were_written_here(tmp_path: Path) -> None:
    """One writer remembers what it wrote, until somebody else writes."""
    path = tmp_path / "records.db"
    async with SQLiteStore.open(path) as store, SQLiteStore.open(path) as other:
        await store.put(USERS, ADA | {"n": 1})
        for number in range(3):
            await other.update(USERS, ADA, [Add("n", 10)])
            assert await store.update(USERS, ADA, [Add("n", 1)]) == ADA | {"n": 12 + 11 * number}
        await other.delete(USERS, ADA)
        await store.put(USERS, ADA, condition=not_exists("userId"))


async def test_what_was_not_committed_is_not_remembered(sqlite_store: SQLiteStore) -> None:
    def full(connection: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async def fail() -> None:
        await sqlite_store.write_with(full)

    await sqlite_store.put(USERS, ADA | {"n": 1})
    failed = await asyncio.gather(
        sqlite_store.update(USERS, ADA, [Add("n", 1)]),
        sqlite_store.put(USERS, {"userId": "eve"}),
        fail(),
        return_exceptions=True,
    )
    assert all(isinstance(each, DomainError) for each in failed)
    assert await sqlite_store.update(USERS, ADA, [Add("n", 1)]) == ADA | {"n": 2}
    await sqlite_store.put(USERS, {"userId": "eve"}, condition=not_exists("userId"))


async def test_a_caller_may_change_what_it_was_given(sqlite_store: SQLiteStore) -> None:
    await sqlite_store.put(USERS, ADA | {"tags": ["a"], "empty": []})
    updated = await sqlite_store.update(USERS, ADA, [Add("n", 1)])
    updated["tags"].append("b")
    with pytest.raises(ConditionFailed) as refused:
        await sqlite_store.update(USERS, ADA, [Add("n", 1)], condition=not_exists("userId"))
    assert refused.value.item is not None
    refused.value.item["empty"].append("c")
    assert await sqlite_store.delete(USERS, ADA) == ADA | {"tags": ["a"], "empty": [], "n": 1}


async def test_a_document_that_is_put_twice_at_once_is_found_by_its_latest_words(sqlite_store: SQLiteStore) -> None:
    search = await SQLiteSearch.over(sqlite_store)
    words = ("first", "second", "third")
    first, second, third = (Indexed("ROOM", "a", {"body": word}, number) for number, word in enumerate(words))
    await search.put_all([first, third, second])
    await search.put_all([Indexed("ROOM", "b", {"body": "third"}, 1), Indexed("ROOM", "b", {}, 2)])
    found = {word: await search.search("ROOM", word, limit=10) for word in words}
    assert {word: [hit.document_id for hit in hits] for word, hits in found.items()} == {
        "first": [],
        "second": [],
        "third": ["a"],
    }


async def test_a_cancelled_caller_breaks_nobody_else(sqlite_store: SQLiteStore) -> None:
    tasks = [asyncio.create_task(sqlite_store.update(USERS, ADA, [Add("n", 1)])) for _ in range(40)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    done = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert len(done) == 20
    item = await sqlite_store.update(USERS, ADA, [Add("n", 0)])
    assert 20 <= item["n"] <= 40


async def test_closing_finishes_what_was_taken_in_and_refuses_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    async with SQLiteStore.open(path) as store:
        tasks = [asyncio.create_task(store.put(USERS, {"userId": f"u{number}"})) for number in range(50)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*tasks) == [None] * 50
    with pytest.raises(DomainError) as refused:
        await store.put(USERS, ADA)
    assert refused.value.code == Code.DEPENDENCY_FAILED
    async with SQLiteStore.open(path) as store:
        keys = [{"userId": f"u{number}"} for number in range(50)]
        assert await store.batch_get(USERS, keys) == keys


async def test_a_full_queue_throttles(sqlite_store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_store._writer, "_capacity", 10)
    outcomes = await asyncio.gather(
        *(sqlite_store.put(USERS, {"userId": f"u{number}"}) for number in range(500)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert refused
    for outcome in refused:
        assert isinstance(outcome, DomainError)
        assert outcome.code == Code.THROTTLED
    for number, outcome in enumerate(outcomes):
        assert (await sqlite_store.get(USERS, {"userId": f"u{number}"}) is None) == (outcome is not None)


async def test_the_loop_is_not_blocked_by_a_slow_disk(sqlite_store: SQLiteStore) -> None:
    """While the writer is stuck in a commit, reads are answered."""
    stuck = asyncio.Event()
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(connection: sqlite3.Connection) -> None:
        loop.call_soon_threadsafe(stuck.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

    await sqlite_store.put(USERS, ADA)
    writing = sqlite_store._writer.submit(slow)
    await stuck.wait()
    assert await sqlite_store.get(USERS, ADA) == ADA
    release.set()
    await writing


# Tokens, expiry, feed


async def test_a_transaction_with_a_known_token_changes_nothing(timed_store: SQLiteStore, clock: ManualClock) -> None:
    writes: list[Write] = [Change(USERS, ADA, [Add("n", 1)]), Put(USERS, {"userId": "eve", "map": {"a": 1, "b": 2}})]
    same: list[Write] = [Change(USERS, ADA, [Add("n", 1)]), Put(USERS, {"map": {"b": 2, "a": 1}, "userId": "eve"})]
    for repeat in (writes, same, writes):
        await timed_store.transact(repeat, token="t1")
    await timed_store.transact([Change(USERS, ADA, [Add("n", 10)])], token="t2")
    assert await timed_store.get(USERS, ADA) == ADA | {"n": 11}
    for other in (
        [Change(USERS, ADA, [Add("n", 2)])],
        [Change(USERS, ADA, [Add("n", 1)], exists("userId")), writes[1]],
        [Change(USERS, ADA, [Add("n", 1)], not_exists("userId")), writes[1]],
        writes[:1],
    ):
        with pytest.raises(ValueError, match="token"):
            await timed_store.transact(other, token="t1")
    clock.now += TOKEN_SECONDS + 1
    await timed_store.transact(writes, token="t1")
    assert await timed_store.get(USERS, ADA) == ADA | {"n": 12}


async def test_a_failed_transaction_does_not_use_up_its_token(timed_store: SQLiteStore) -> None:
    writes = [Change(USERS, ADA, [Add("n", 1)], exists("userId"))]
    with pytest.raises(TransactionFailed):
        await timed_store.transact(writes, token="t1")
    await timed_store.put(USERS, ADA | {"n": 1})
    await timed_store.transact(writes, token="t1")
    assert await timed_store.get(USERS, ADA) == ADA | {"n": 2}


async def test_the_sweep_removes_what_has_expired_and_nothing_else(
    timed_store: SQLiteStore, clock: ManualClock
) -> None:
    soon, late = int(clock.now) + 10, int(clock.now) + 1000
    for number in range(130):
        await timed_store.put(IDEMPOTENCY, {"id": f"soon{number}", "ttl": soon})
    await timed_store.put(IDEMPOTENCY, {"id": "late", "ttl": late})
    await timed_store.put(IDEMPOTENCY, {"id": "never"})
    assert await timed_store.sweep() == 0
    clock.now = soon
    assert await timed_store.get(IDEMPOTENCY, {"id": "soon0"}) is None
    assert await timed_store.sweep() == 130
    await timed_store.put(IDEMPOTENCY, {"id": "soon0"}, condition=not_exists("id"))
    found = await timed_store.batch_get(IDEMPOTENCY, [{"id": "late"}, {"id": "never"}])
    assert None not in found


async def test_an_expired_item_leaves_through_the_feed(tmp_path: Path, clock: ManualClock) -> None:
    table = Table("Presence", "userId", ttl=True, feed=True)
    async with SQLiteStore.open(tmp_path / "records.db", [table], now=clock, sweep_seconds=3600) as store:
        item = ADA | {"ttl": int(clock.now) + 5}
        await store.put(table, item)
        clock.now += 6
        await store.sweep()
        inserted, removed = (await store.changes(table, None)).events
        assert (inserted.kind, removed.kind) == ("INSERT", "REMOVE")
        assert (removed.key, removed.old, removed.new) == (ADA, item, None)


async def test_the_background_sweeps_by_itself(tmp_path: Path, clock: ManualClock) -> None:
    async with SQLiteStore.open(tmp_path / "records.db", now=clock, sweep_seconds=0.01) as store:
        await store.put(IDEMPOTENCY, {"id": "x", "ttl": int(clock.now) - 1})
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    await store.put(IDEMPOTENCY, {"id": "x"}, condition=not_exists("id"))
                    return
                except ConditionFailed:
                    await asyncio.sleep(0.01)


async def test_changes_are_kept_for_a_day_and_then_pruned(timed_store: SQLiteStore, clock: ManualClock) -> None:
    await timed_store.put(USERS, ADA)
    clock.now += 24 * 3600
    await timed_store.put(USERS, {"userId": "eve"})
    await timed_store.sweep()
    page = await timed_store.changes(USERS, None)
    assert [event.key["userId"] for event in page.events] == ["ada", "eve"]
    clock.now += FEED_SECONDS - 24 * 3600 + 1
    await timed_store.sweep()
    assert [event.key["userId"] for event in (await timed_store.changes(USERS, None)).events] == ["eve"]
    clock.now += FEED_SECONDS
    await timed_store.sweep()
    await timed_store.put(USERS, {"userId": "bob"})
    news = await timed_store.changes(USERS, page.position)
    assert [event.key["userId"] for event in news.events] == ["bob"]


async def test_a_write_that_changes_nothing_is_not_told(sqlite_store: SQLiteStore) -> None:
    await sqlite_store.put(USERS, ADA | {"n": 1})
    await sqlite_store.put(USERS, ADA | {"n": 1})
    await sqlite_store.put(USERS, ADA | {"n": True})
    assert [event.kind for event in (await sqlite_store.changes(USERS, None)).events] == ["INSERT", "MODIFY"]


async def test_changes_that_nobody_follows_are_not_kept(sqlite_store: SQLiteStore) -> None:
    rows = [{"roomId": "r", "sk": sk} for sk in ("COUNTER", "S#000000000001", "C#000000000001")]
    await sqlite_store.transact([Put(ROOM_LOG, row) for row in rows])
    await sqlite_store.update(ROOM_LOG, rows[0], [Add("lastSequence", 1)])
    await sqlite_store.delete(ROOM_LOG, rows[2])

    events = (await sqlite_store.changes(ROOM_LOG, None)).events

    assert [(event.kind, event.key["sk"]) for event in events] == [
        ("INSERT", "C#000000000001"),
        ("REMOVE", "C#000000000001"),
    ]


async def test_a_waiting_worker_is_woken_by_a_change(sqlite_store: SQLiteStore) -> None:
    page = await sqlite_store.changes(USERS, None)
    waiting = asyncio.create_task(sqlite_store.wait_for_change(USERS, page.position, seconds=60))
    await asyncio.sleep(0)
    await sqlite_store.put(SETTINGS, {"userId": "ada", "name": "S"})
    assert not waiting.done()
    await sqlite_store.put(USERS, ADA)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await waiting


async def test_all_who_wait_are_woken_and_the_store_lives_on(sqlite_store: SQLiteStore) -> None:
    position: str | None = None
    for number in range(20):
        waiting = [asyncio.create_task(sqlite_store.wait_for_change(USERS, position, seconds=60)) for _ in range(50)]
        await asyncio.sleep(0)
        await sqlite_store.put(USERS, {"userId": f"u{number}"})
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*waiting)
        position = (await sqlite_store.changes(USERS, position)).position


async def test_a_change_before_the_wait_is_not_missed(sqlite_store: SQLiteStore) -> None:
    page = await sqlite_store.changes(USERS, None)
    await sqlite_store.put(USERS, ADA)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await sqlite_store.wait_for_change(USERS, page.position, seconds=60)
    assert not sqlite_store._signal._waiters


async def test_a_position_that_is_none_of_ours_is_refused(sqlite_store: SQLiteStore) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await sqlite_store.changes(USERS, "{}")


async def test_removing_attributes_of_an_absent_item_creates_nothing(sqlite_store: SQLiteStore) -> None:
    """As on AWS; the emulator creates an item of its key alone."""
    assert await sqlite_store.update(USERS, ADA, [Remove("n")]) == {}
    assert await sqlite_store.get(USERS, ADA) is None


async def test_a_table_that_was_not_opened_is_refused(sqlite_store: SQLiteStore) -> None:
    with pytest.raises(ValueError, match="no table"):
        await sqlite_store.get(Table("Elsewhere", "id"), {"id": "x"})
