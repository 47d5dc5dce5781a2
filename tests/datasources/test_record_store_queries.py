"""Queries: one partition of a table or an index, in order, page by page. On both engines."""

import logging
from typing import Any

import msgspec
import pytest

from datasources.conditions import equals, exists, less
from datasources.ports import Item, RecordStore, SortRange
from datasources.tables import COURSES, ENROLLMENTS, MESSAGES, USER_ITEMS, USERS
from datasources.updates import Remove, Set
from domain.records import Record

LESSONS = ["LESSON#1", "LESSON#2", "LESSON#3", "META", "MODULE#1", "MODULE#2", "SEATS"]


class Row(Record, frozen=True):
    sk: str
    n: float
    title_text: str = "untitled"
    tags: tuple[str, ...] = ()


@pytest.fixture
async def course(store: RecordStore) -> None:
    """One course's rows, put in no order, between those of two other courses."""
    for course_id in ("c0", "c1", "c2"):
        rows = [{"courseId": course_id, "sk": sk, "n": int(sk[-1]) if sk[-1].isdigit() else 0} for sk in LESSONS]
        await store.batch_write(COURSES, puts=rows[::-1])


async def sort_keys(store: RecordStore, sort: SortRange | None = None, **more: Any) -> list[str]:
    return [item["sk"] for item in (await store.query(COURSES, "c1", sort=sort, **more)).items]


@pytest.mark.usefixtures("course")
async def test_a_partition_comes_in_order(store: RecordStore) -> None:
    assert await sort_keys(store) == LESSONS
    assert await sort_keys(store, descending=True) == LESSONS[::-1]
    assert (await store.query(COURSES, "c9")).items == []


@pytest.mark.usefixtures("course")
async def test_a_page_is_read_as_records(store: RecordStore) -> None:
    await store.update(COURSES, {"courseId": "c1", "sk": "META"}, [Set("titleText", "Bees"), Set("tags", ["a", "b"])])
    page = await store.query(COURSES, "c1", limit=4)
    assert page.records(Row)[2:] == [Row("LESSON#3", 3.0), Row("META", 0.0, "Bees", ("a", "b"))]
    assert [msgspec.convert(item, Row) for item in page.items] == page.records(Row)
    filtered = await store.query(COURSES, "c1", where=equals("n", 2))
    assert [row.sk for row in filtered.records(Row)] == ["LESSON#2", "MODULE#2"]


@pytest.mark.usefixtures("course")
async def test_a_page_is_decoded_anew_once_it_has_changed(store: RecordStore) -> None:
    async def records() -> list[Row]:
        return (await store.query(COURSES, "c1", sort=SortRange(prefix="LESSON#"))).records(Row)

    first = await records()
    first.pop()
    same = await records()
    assert [row.sk for row in same] == LESSONS[:3]
    assert same[0] is first[0]
    await store.update(COURSES, {"courseId": "c1", "sk": "LESSON#2"}, [Set("titleText", "Bees")])
    assert [row.title_text for row in await records()] == ["untitled", "Bees", "untitled"]
    await store.delete(COURSES, {"courseId": "c1", "sk": "LESSON#1"})
    assert [row.sk for row in await records()] == LESSONS[1:3]


@pytest.mark.usefixtures("course")
async def test_what_is_no_such_record_is_told_and_left_out(
    store: RecordStore, caplog: pytest.LogCaptureFixture
) -> None:
    await store.update(COURSES, {"courseId": "c1", "sk": "LESSON#2"}, [Set("n", "a private word")])
    await store.update(COURSES, {"courseId": "c1", "sk": "META"}, [Set("n", 10**30)])
    with caplog.at_level(logging.ERROR):
        records = (await store.query(COURSES, "c1", limit=4)).records(Row)
    assert [(row.sk, row.n) for row in records] == [("LESSON#1", 1), ("LESSON#3", 3), ("META", 1e30)]
    assert "LESSON#2" in caplog.text
    assert "a private word" not in caplog.text


@pytest.mark.usefixtures("course")
async def test_several_partitions_are_asked_at_once(store: RecordStore) -> None:
    starts = {"c1": None, "c9": None, "c0": {"courseId": "c0", "sk": "LESSON#2"}}
    ours, nothing, other = await store.query_each(COURSES, starts, sort=SortRange(prefix="LESSON#"), limit=2)
    assert [item["sk"] for item in ours.items] == LESSONS[:2]
    assert ours.last_key == {"courseId": "c1", "sk": "LESSON#2"}
    assert (nothing.items, nothing.last_key) == ([], None)
    assert [(item["courseId"], item["sk"]) for item in other.items] == [("c0", "LESSON#3")]
    assert other.last_key is None
    backwards = await store.query_each(COURSES, {"c1": None, "c2": None}, descending=True, where=equals("n", 2))
    assert [[item["sk"] for item in page.items] for page in backwards] == [["MODULE#2", "LESSON#2"]] * 2
    assert await store.query_each(COURSES, {}) == []
    with pytest.raises(ValueError, match="100 partitions"):
        await store.query_each(COURSES, dict.fromkeys(map(str, range(101))))
    with pytest.raises(ValueError, match="another partition"):
        await store.query_each(COURSES, {"c1": None, "c2": {"courseId": "c1", "sk": "META"}})


@pytest.mark.usefixtures("course")
async def test_bounds_of_the_sort_key(store: RecordStore) -> None:
    assert await sort_keys(store, SortRange(prefix="LESSON#")) == LESSONS[:3]
    assert await sort_keys(store, SortRange(prefix="LESSON#"), descending=True) == LESSONS[2::-1]
    assert await sort_keys(store, SortRange(equal="META")) == ["META"]
    assert await sort_keys(store, SortRange(after="META")) == LESSONS[4:]
    assert await sort_keys(store, SortRange(at_least="META")) == LESSONS[3:]
    assert await sort_keys(store, SortRange(before="META")) == LESSONS[:3]
    assert await sort_keys(store, SortRange(at_most="META")) == LESSONS[:4]
    assert await sort_keys(store, SortRange(at_least="LESSON#2", at_most="META")) == LESSONS[1:4]
    assert await sort_keys(store, SortRange(after="LESSON#2", at_most="META")) == LESSONS[2:4]
    assert await sort_keys(store, SortRange(at_least="LESSON#2", before="META")) == LESSONS[1:3]
    assert await sort_keys(store, SortRange(after="LESSON#1", before="META")) == LESSONS[1:3]
    assert await sort_keys(store, SortRange(after="LESSON#1", before="META"), descending=True) == LESSONS[2:0:-1]
    assert await sort_keys(store, SortRange(at_least="X", at_most="A")) == []
    assert await sort_keys(store, SortRange()) == LESSONS


@pytest.mark.usefixtures("course")
async def test_bounds_that_exclude_each_other(store: RecordStore) -> None:
    for sort in (
        SortRange(prefix="A", equal="A"),
        SortRange(prefix="A", before="B"),
        SortRange(after="A", at_least="A"),
        SortRange(before="A", at_most="A"),
        SortRange(prefix=""),
        SortRange(equal=1),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - what it says is not the point
            await store.query(COURSES, "c1", sort=sort)


async def test_a_prefix_is_a_text_not_a_pattern(store: RecordStore) -> None:
    keys = ["a", "a%", "a_", "a*", "b", "aé", "a\U0010ffff", "a\U0010ffffb", "A"]
    await store.batch_write(COURSES, puts=[{"courseId": "c1", "sk": key} for key in keys])
    assert await sort_keys(store, SortRange(prefix="a%")) == ["a%"]
    assert await sort_keys(store, SortRange(prefix="a\U0010ffff")) == ["a\U0010ffff", "a\U0010ffffb"]
    assert await sort_keys(store, SortRange(prefix="a")) == ["a", "a%", "a*", "a_", "aé", "a\U0010ffff", "a\U0010ffffb"]


async def test_texts_are_ordered_by_their_utf_8_bytes(store: RecordStore) -> None:
    keys = ["Z", "a", "z", "é", "\ue000", "\uffff", "🦋"]
    await store.batch_write(COURSES, puts=[{"courseId": "c1", "sk": key} for key in keys[::-1]])
    assert await sort_keys(store) == keys


# Pages


@pytest.mark.usefixtures("course")
@pytest.mark.parametrize("descending", [False, True])
async def test_pages_make_up_the_whole(store: RecordStore, descending: bool) -> None:
    expected = LESSONS[::-1] if descending else LESSONS
    for limit in (1, 3, 7):
        seen: list[str] = []
        after = None
        while True:
            page = await store.query(COURSES, "c1", limit=limit, after=after, descending=descending)
            seen += [item["sk"] for item in page.items]
            after = page.last_key
            if after is None:
                break
            assert len(page.items) == limit
        assert seen == expected


@pytest.mark.usefixtures("course")
async def test_the_last_page_says_that_nothing_follows(store: RecordStore) -> None:
    page = await store.query(COURSES, "c1", limit=len(LESSONS))
    assert len(page.items) == len(LESSONS)
    assert page.last_key is None
    page = await store.query(COURSES, "c1", limit=len(LESSONS) - 1)
    assert page.last_key == {"courseId": "c1", "sk": "MODULE#2"}


@pytest.mark.usefixtures("course")
async def test_a_page_begins_behind_an_item_that_is_gone(store: RecordStore) -> None:
    first = await store.query(COURSES, "c1", limit=3)
    await store.delete(COURSES, {"courseId": "c1", "sk": "LESSON#3"})
    await store.put(COURSES, {"courseId": "c1", "sk": "LESSON#0"})
    assert await sort_keys(store, after=first.last_key) == LESSONS[3:]


@pytest.mark.usefixtures("course")
async def test_a_range_goes_on_from_a_position(store: RecordStore) -> None:
    within = SortRange(after="LESSON#1", before="MODULE#2")
    page = await store.query(COURSES, "c1", sort=within, limit=2)
    assert [item["sk"] for item in page.items] == ["LESSON#2", "LESSON#3"]
    assert await sort_keys(store, within, after=page.last_key) == ["META", "MODULE#1"]


@pytest.mark.usefixtures("course")
async def test_positions_of_other_queries_are_refused(store: RecordStore) -> None:
    for after in ({"courseId": "c2", "sk": "META"}, {"courseId": "c1"}, {"courseId": "c1", "sk": ""}, {"x": "y"}):
        with pytest.raises(ValueError):  # noqa: PT011 - what it says is not the point
            await store.query(COURSES, "c1", after=after)


@pytest.mark.usefixtures("course")
async def test_a_page_has_1_to_1000_items(store: RecordStore) -> None:
    for limit in (0, -1, 1001):
        with pytest.raises(ValueError, match="1000"):
            await store.query(COURSES, "c1", limit=limit)


@pytest.mark.usefixtures("course")
async def test_a_filter_is_applied_to_what_the_limit_read(store: RecordStore) -> None:
    page = await store.query(COURSES, "c1", limit=3, where=equals("n", 2))
    assert [item["sk"] for item in page.items] == ["LESSON#2"]
    assert page.last_key == {"courseId": "c1", "sk": "LESSON#3"}
    page = await store.query(COURSES, "c1", limit=3, where=exists("absent"))
    assert page.items == []
    assert page.last_key is not None
    assert await sort_keys(store, SortRange(prefix="L"), where=less("n", 3)) == LESSONS[:2]


@pytest.mark.usefixtures("course")
async def test_a_filter_cannot_look_at_keys(store: RecordStore) -> None:
    with pytest.raises(ValueError, match="keys"):
        await store.query(COURSES, "c1", where=equals("sk", "META"))


async def test_items_larger_than_one_answer_still_fill_a_page(store: RecordStore) -> None:
    rows = [{"courseId": "c1", "sk": f"{number:02}", "text": "x" * 300_000} for number in range(8)]
    for row in rows:
        await store.put(COURSES, row)
    page = await store.query(COURSES, "c1", limit=7)
    assert page.items == rows[:7]
    assert page.last_key == {"courseId": "c1", "sk": "06"}


# Indexes


def user(name: str, status: str = "ACTIVE", created: str | None = "2026-01-01") -> Item:
    item = {"userId": name, "status": status}
    return item if created is None else item | {"createdAt": created}


async def names(store: RecordStore, **more: Any) -> list[str]:
    return [item["userId"] for item in (await store.query(USERS, "ACTIVE", index="StatusIndex", **more)).items]


async def test_an_index_has_the_items_with_both_its_keys(store: RecordStore) -> None:
    users = [
        user("ada", created="2026-03"),
        user("bob", created="2026-01"),
        user("eve", status="SUSPENDED"),
        user("kay", created=None),
        {"userId": "zoe", "createdAt": "2026-02"},
    ]
    await store.batch_write(USERS, puts=users)
    assert await names(store) == ["bob", "ada"]
    assert await names(store, sort=SortRange(at_least="2026-02")) == ["ada"]
    await store.update(USERS, {"userId": "ada"}, [Remove("createdAt")])
    await store.update(USERS, {"userId": "kay"}, [Set("createdAt", "2026-04")])
    await store.delete(USERS, {"userId": "bob"})
    assert await names(store) == ["kay"]


async def test_an_index_gives_whole_items(store: RecordStore) -> None:
    item = user("ada") | {"profile": {"bio": "x"}}
    await store.put(USERS, item)
    assert (await store.query(USERS, "ACTIVE", index="StatusIndex")).items == [item]


@pytest.mark.parametrize("descending", [False, True])
async def test_pages_of_an_index_with_equal_sort_keys(store: RecordStore, descending: bool) -> None:
    users = [user(f"u{number:02}", created=f"2026-0{number % 3}") for number in range(12)]
    await store.batch_write(USERS, puts=users)
    seen: list[str] = []
    after = None
    while True:
        page = await store.query(USERS, "ACTIVE", index="StatusIndex", limit=5, after=after, descending=descending)
        seen += [item["createdAt"] + item["userId"] for item in page.items]
        after = page.last_key
        if after is None:
            break
        assert set(after) == {"status", "createdAt", "userId"}
    assert len(set(seen)) == len(seen) == 12
    moments = [text[:7] for text in seen]
    assert moments == sorted(moments, reverse=descending)


async def test_number_keys_are_ordered_as_numbers(store: RecordStore) -> None:
    tickets = [10, 9, 2.5, -1, 100]
    for number, ticket in enumerate(tickets):
        row = {"userId": f"u{number}", "courseId": "c1", "waitlistCourseId": "c1", "ticket": ticket}
        await store.put(ENROLLMENTS, row)

    async def found(sort: SortRange | None = None) -> list[float]:
        page = await store.query(ENROLLMENTS, "c1", index="WaitlistIndex", sort=sort)
        return [item["ticket"] for item in page.items]

    assert await found() == sorted(tickets)
    assert await found(SortRange(after=2.5, before=100)) == [9, 10]
    assert await found(SortRange(equal=9)) == [9]
    with pytest.raises(ValueError, match="prefix"):
        await found(SortRange(prefix="1"))
    first = await store.query(ENROLLMENTS, "c1", index="WaitlistIndex", limit=1)
    rest = await store.query(ENROLLMENTS, "c1", index="WaitlistIndex", after=first.last_key)
    assert [item["ticket"] for item in rest.items] == [2.5, 9, 10, 100]


# Time to live, counting


async def test_queries_and_counts_leave_out_what_has_expired(store: RecordStore) -> None:
    rows = [{"userId": "ada", "sk": f"S#{number}", "ttl": 1 if number % 2 else 9_999_999_999} for number in range(6)]
    await store.batch_write(USER_ITEMS, puts=[*rows, {"userId": "ada", "sk": "S#6"}])
    page = await store.query(USER_ITEMS, "ada")
    assert [item["sk"] for item in page.items] == ["S#0", "S#2", "S#4", "S#6"]
    assert await store.count(USER_ITEMS, "ada", most=100) == 4


@pytest.mark.usefixtures("course")
async def test_counting(store: RecordStore) -> None:
    assert await store.count(COURSES, "c1", most=100) == len(LESSONS)
    assert await store.count(COURSES, "c1", most=4) == 4
    assert await store.count(COURSES, "c1", sort=SortRange(prefix="LESSON#"), most=100) == 3
    assert await store.count(COURSES, "c1", sort=SortRange(after="LESSON#1", before="META"), most=100) == 2
    assert await store.count(COURSES, "c1", sort=SortRange(at_least="X", at_most="A"), most=100) == 0
    assert await store.count(COURSES, "c9", most=100) == 0
    await store.put(USERS, user("ada"))
    assert await store.count(USERS, "ACTIVE", index="StatusIndex", most=5) == 1


@pytest.mark.parametrize("descending", [False, True])
async def test_pages_of_an_index_whose_sort_keys_are_distinct(store: RecordStore, descending: bool) -> None:
    """No order by the table's key follows."""
    ids = [f"m{number * 7 % 13:02}" for number in range(13)]
    rows = [{"messageId": each, "roomId": "r", "timestamp": f"2026-11-{day:02}"} for day, each in enumerate(ids, 1)]
    await store.batch_write(MESSAGES, puts=[*rows, {"messageId": "x", "roomId": "s", "timestamp": "2026-11-05"}])
    found: list[str] = []
    after = None
    while True:
        page = await store.query(
            MESSAGES, "r", index="RoomIdTimestampIndex", limit=4, after=after, descending=descending
        )
        found += [item["messageId"] for item in page.items]
        after = page.last_key
        if after is None:
            break
        assert after.keys() == {"messageId", "roomId", "timestamp"}
    assert found == (ids[::-1] if descending else ids)
