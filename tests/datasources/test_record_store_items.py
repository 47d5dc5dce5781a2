"""Single items: what is stored comes back, conditions guard writes. On both engines."""

import asyncio
import math
from typing import Any

import pytest

from datasources.conditions import (
    Condition,
    all_of,
    any_of,
    at_least,
    at_most,
    attribute,
    begins_with,
    contains,
    differs,
    equals,
    exists,
    greater,
    less,
    negate,
    not_exists,
    one_of,
)
from datasources.ports import MAX_ITEM_BYTES, ConditionFailed, RecordStore
from datasources.tables import COURSES, ENROLLMENTS, IDEMPOTENCY, SETTINGS, USERS
from datasources.updates import Add, Remove, Set, SetIfMissing, Update
from domain.errors import Code, DomainError

ADA = {"userId": "ada"}


async def test_what_is_put_comes_back(store: RecordStore) -> None:
    item = ADA | {
        "name": "Ada Lovelace 🦋",
        "empty": "",
        "active": True,
        "nothing": None,
        "key": b"\x00\xff",
        "tags": ["a", ["b"], {}],
        "nested": {"one": {"two": [1, None, False]}, "kosher #n0 :v0": "x"},
    }
    await store.put(USERS, item)
    assert await store.get(USERS, ADA) == item


async def test_absent_items_are_none(store: RecordStore) -> None:
    assert await store.get(USERS, ADA) is None
    assert await store.delete(USERS, ADA) is None


async def test_numbers_are_exact(store: RecordStore) -> None:
    whole = [0, -1, 5497558138880, 2**53, 2**53 + 1, 2**63, -(2**64), 10**37 + 1, 10**40]
    broken = [0.1, -2.5, 1e-7, 1 / 3, 1e-130]
    await store.put(USERS, ADA | {"whole": whole, "broken": broken, "size": 5497558138880})
    item = await store.get(USERS, ADA)
    assert item == ADA | {"whole": whole, "broken": broken, "size": 5497558138880}
    assert {type(number) for number in item["whole"]} == {int}
    assert {type(number) for number in item["broken"]} == {float}


async def test_integral_numbers_come_back_as_int(store: RecordStore) -> None:
    await store.put(USERS, ADA | {"whole": 1.0, "minus": -0.0, "large": 1e21})
    item = await store.get(USERS, ADA)
    assert item is not None
    assert [item["whole"], item["minus"], item["large"]] == [1, 0, 10**21]
    assert {type(item[name]) for name in ("whole", "minus", "large")} == {int}


async def test_true_is_not_1(store: RecordStore) -> None:
    await store.put(USERS, ADA | {"flag": True, "number": 1})
    item = await store.get(USERS, ADA)
    assert item is not None
    assert item["flag"] is True
    assert type(item["number"]) is int


async def test_values_that_dynamodb_cannot_hold_are_refused(store: RecordStore) -> None:
    for value in (math.nan, math.inf, 10**38 + 1, 1e126, 1e-131, {1, 2}, object(), "\ud800", {"": 1}):
        with pytest.raises(ValueError):  # noqa: PT011 - what it says is not the point
            await store.put(USERS, ADA | {"value": value})
    assert await store.get(USERS, ADA) is None


async def test_values_nest_32_levels_deep_and_no_deeper(store: RecordStore) -> None:
    deep: Any = "core"
    for _ in range(31):
        deep = [deep]
    await store.put(USERS, ADA | {"deep": deep})
    assert await store.get(USERS, ADA) == ADA | {"deep": deep}
    with pytest.raises(ValueError, match="nest"):
        await store.put(USERS, ADA | {"deep": [deep]})


async def test_a_put_replaces_the_whole_item(store: RecordStore) -> None:
    await store.put(USERS, ADA | {"a": 1, "b": 2})
    await store.put(USERS, ADA | {"b": 3})
    assert await store.get(USERS, ADA) == ADA | {"b": 3}


async def test_delete_returns_what_was(store: RecordStore) -> None:
    await store.put(USERS, ADA | {"a": 1})
    assert await store.delete(USERS, ADA) == ADA | {"a": 1}
    assert await store.get(USERS, ADA) is None


# Updates


async def test_an_update_returns_the_item_as_it_is_after(store: RecordStore) -> None:
    await store.put(USERS, ADA | {"n": 1, "old": "x", "kept": [1]})
    updates: list[Update] = [Set("name", "Ada"), Add("n", 2), Remove("old"), SetIfMissing("since", "2026")]
    after = await store.update(USERS, ADA, updates)
    assert after == ADA | {"n": 3, "name": "Ada", "kept": [1], "since": "2026"}
    assert await store.get(USERS, ADA) == after


async def test_an_update_creates_what_is_absent(store: RecordStore) -> None:
    key = {"courseId": "c1", "sk": "COUNTS"}
    assert await store.update(COURSES, key, [Add("lessons", 1)]) == key | {"lessons": 1}


async def test_set_if_missing_keeps_what_is_there(store: RecordStore) -> None:
    await store.put(USERS, ADA | {"a": None})
    assert await store.update(USERS, ADA, [SetIfMissing("a", 1), SetIfMissing("b", 2)]) == ADA | {"a": None, "b": 2}


async def test_decimal_fractions_add_up(store: RecordStore) -> None:
    await store.put(USERS, ADA | {"sum": 0.1})
    assert (await store.update(USERS, ADA, [Add("sum", 0.2)]))["sum"] == 0.3
    assert type((await store.update(USERS, ADA, [Add("sum", -0.3)]))["sum"]) is int


async def test_a_number_is_not_added_to_a_text(store: RecordStore) -> None:
    await store.put(USERS, ADA | {"name": "Ada"})
    with pytest.raises(ValueError):  # noqa: PT011 - each engine says it its own way
        await store.update(USERS, ADA, [Add("name", 1)])
    assert await store.get(USERS, ADA) == ADA | {"name": "Ada"}


async def test_updates_that_break_a_rule_change_nothing(store: RecordStore) -> None:
    broken: list[list[Update]] = [
        [],
        [Set("userId", "eve")],
        [Remove("userId")],
        [Set("a", 1), Remove("a")],
        [Add("a", True)],
        [Add("a", math.nan)],
        [Set("a", math.inf)],
        [Set("status", "")],
        [Set("status", 1)],
        [Add("status", 1)],
    ]
    await store.put(USERS, ADA)
    for updates in broken:
        with pytest.raises(ValueError):  # noqa: PT011 - what it says is not the point
            await store.update(USERS, ADA, updates)
    assert await store.get(USERS, ADA) == ADA


# Conditions

STORED = ADA | {
    "n": 5,
    "m": 7,
    "name": "Ada",
    "flag": True,
    "tags": ["math", 1],
    "nested": {"a": [1]},
    "bytes": b"abc",
}


HOLDING: list[Condition] = [
    equals("n", 5),
    equals("n", 5.0),
    equals("nested", {"a": [1]}),
    equals("tags", ["math", 1]),
    equals("flag", True),
    equals("bytes", b"abc"),
    differs("n", 6),
    differs("n", "5"),
    differs("absent", 1),
    less("n", 6),
    at_most("n", 5),
    greater("name", "AdA"),
    at_least("bytes", b"abb"),
    less("n", attribute("m")),
    differs("n", attribute("absent")),
    exists("n"),
    not_exists("absent"),
    one_of("name", "Grace", "Ada"),
    begins_with("name", "Ad"),
    contains("name", "da"),
    contains("tags", "math"),
    contains("tags", 1),
    all_of(exists("n"), negate(exists("absent"))),
    any_of(equals("n", 1), all_of(equals("n", 5), equals("m", 7))),
    negate(any_of(equals("n", 1), equals("n", 2))),
    negate(less("absent", 1)),
]
FAILING: list[Condition] = [
    equals("n", 6),
    equals("n", "5"),
    equals("absent", 1),
    equals("nested", {"a": [2]}),
    differs("n", 5),
    less("n", 5),
    less("absent", 1),
    at_least("absent", attribute("n")),
    greater("n", attribute("m")),
    exists("absent"),
    not_exists("n"),
    one_of("n", 1, 2),
    begins_with("name", "da"),
    begins_with("n", "5"),
    contains("name", "x"),
    contains("tags", "mat"),
    contains("absent", "x"),
    all_of(exists("n"), exists("absent")),
    any_of(equals("n", 1), equals("n", 2)),
    negate(exists("n")),
]


async def test_conditions_that_hold(store: RecordStore) -> None:
    await store.put(USERS, STORED)
    for written, condition in enumerate(HOLDING):
        item = await store.update(USERS, ADA, [Set("written", written)], condition=condition)
        assert item == STORED | {"written": written}


async def test_conditions_that_do_not_hold(store: RecordStore) -> None:
    await store.put(USERS, STORED)
    for condition in FAILING:
        with pytest.raises(ConditionFailed) as failed:
            await store.update(USERS, ADA, [Set("n", 1)], condition=condition)
        assert failed.value.item == STORED, condition
    assert await store.get(USERS, ADA) == STORED


async def test_every_write_may_have_a_condition(store: RecordStore) -> None:
    condition = equals("n", 6)
    await store.put(USERS, STORED)
    with pytest.raises(ConditionFailed) as failed:
        await store.put(USERS, ADA, condition=condition)
    assert failed.value.item == STORED
    with pytest.raises(ConditionFailed) as failed:
        await store.update(USERS, ADA, [Set("n", 1)], condition=condition)
    assert failed.value.item == STORED
    with pytest.raises(ConditionFailed) as failed:
        await store.delete(USERS, ADA, condition=condition)
    assert failed.value.item == STORED
    assert await store.delete(USERS, ADA, condition=equals("n", 5)) == STORED


async def test_a_condition_on_an_absent_item_fails_with_no_item(store: RecordStore) -> None:
    with pytest.raises(ConditionFailed) as failed:
        await store.update(USERS, ADA, [Set("n", 1)], condition=exists("userId"))
    assert failed.value.item is None
    assert await store.get(USERS, ADA) is None


async def test_conditions_that_dynamodb_refuses(store: RecordStore) -> None:
    for condition in (less("n", True), greater("n", [1]), one_of("n"), all_of(), any_of(), equals("n", math.nan)):
        with pytest.raises(ValueError):  # noqa: PT011 - what it says is not the point
            await store.put(USERS, ADA, condition=condition)


async def test_reserved_words_and_odd_names_are_ordinary_attributes(store: RecordStore) -> None:
    item = ADA | {"name": 1, "size": 2, "a.b": 3, "#n0": 4, ":v0": 5, "x y": 6, "AND": 7}
    await store.put(USERS, item)
    condition = all_of(equals("name", 1), equals("a.b", 3), equals("#n0", 4), equals(":v0", 5), equals("AND", 7))
    after = await store.update(USERS, ADA, [Set("a.b", "AND #n0 = :v0"), Remove("x y")], condition=condition)
    assert after["a.b"] == "AND #n0 = :v0"
    assert "x y" not in after


# Keys and sizes


async def test_keys_that_break_a_rule(store: RecordStore) -> None:
    broken: list[dict[str, Any]] = [{}, {"userId": ""}, {"userId": 1}, {"userId": None}, {"userId": "a", "x": "b"}]
    for key in broken:
        for call in (store.get(USERS, key), store.delete(USERS, key), store.update(USERS, key, [Set("n", 1)])):
            with pytest.raises(ValueError):  # noqa: PT011 - what it says is not the point
                await call


async def test_index_keys_that_break_a_rule(store: RecordStore) -> None:
    for name, value in (("status", ""), ("status", None), ("createdAt", 5), ("emailPk", "x" * 2049)):
        with pytest.raises(ValueError, match=name):
            await store.put(USERS, ADA | {name: value})
    with pytest.raises(ValueError, match="createdAt"):
        await store.put(USERS, ADA | {"createdAt": "x" * 1025})


async def test_a_number_key_is_a_number(store: RecordStore) -> None:
    row = {"userId": "ada", "courseId": "c1", "waitlistCourseId": "c1"}
    with pytest.raises(ValueError, match="ticket"):
        await store.put(ENROLLMENTS, row | {"ticket": "1"})
    await store.put(ENROLLMENTS, row | {"ticket": 1})


async def test_keys_may_have_any_characters(store: RecordStore) -> None:
    key = {"userId": "a#b'\";--\x00é🦋", "name": "PROFILE"}
    await store.put(SETTINGS, key | {"n": 1})
    assert await store.get(SETTINGS, key) == key | {"n": 1}


async def test_an_item_of_400_kb_is_the_largest(store: RecordStore) -> None:
    most = MAX_ITEM_BYTES - len("userId") - len("ada") - len("text")
    await store.put(USERS, ADA | {"text": "x" * 400_000})  # the emulator's own limit lies a little below
    with pytest.raises(DomainError) as refused:
        await store.put(USERS, ADA | {"text": "x" * (most + 1)})
    assert refused.value.code == Code.LIMIT_EXCEEDED
    assert refused.value.info["limit"] == MAX_ITEM_BYTES
    with pytest.raises(DomainError) as refused:
        await store.put(USERS, ADA | {"text": "é" * (most // 2 + 1)})
    assert refused.value.code == Code.LIMIT_EXCEEDED


async def test_an_update_does_not_grow_an_item_beyond_400_kb(store: RecordStore) -> None:
    await store.put(USERS, ADA | {"text": "x" * 300_000})
    with pytest.raises(DomainError) as refused:
        await store.update(USERS, ADA, [Set("more", "x" * 150_000)])
    assert refused.value.code == Code.LIMIT_EXCEEDED
    item = await store.get(USERS, ADA)
    assert item is not None
    assert "more" not in item


# Time to live


async def test_reads_never_see_what_has_expired_but_conditions_do(store: RecordStore) -> None:
    key = {"id": "ada#enroll#1"}
    await store.put(IDEMPOTENCY, key | {"ttl": 1})
    assert await store.get(IDEMPOTENCY, key) is None
    assert await store.batch_get(IDEMPOTENCY, [key]) == [None]
    with pytest.raises(ConditionFailed) as failed:
        await store.put(IDEMPOTENCY, key, condition=not_exists("id"))
    assert failed.value.item == key | {"ttl": 1}
    no_live_item = any_of(not_exists("id"), at_most("ttl", 1_700_000_000))
    await store.put(IDEMPOTENCY, key | {"ttl": 9_999_999_999}, condition=no_live_item)
    assert await store.get(IDEMPOTENCY, key) is not None


async def test_ttl_is_in_whole_seconds(store: RecordStore) -> None:
    for value in ("soon", 1.5, None):
        with pytest.raises(ValueError, match="ttl"):
            await store.put(IDEMPOTENCY, {"id": "x", "ttl": value})


# Races


async def test_of_many_conditional_writers_one_wins(store: RecordStore) -> None:
    barrier = asyncio.Barrier(50)

    async def claim(name: str) -> bool:
        await barrier.wait()
        try:
            await store.put(USERS, ADA | {"owner": name}, condition=not_exists("userId"))
        except ConditionFailed:
            return False
        return True

    names = [f"writer-{number}" for number in range(50)]
    won = await asyncio.gather(*map(claim, names))
    assert sum(won) == 1
    assert await store.get(USERS, ADA) == ADA | {"owner": names[won.index(True)]}


async def test_no_increment_is_lost(store: RecordStore) -> None:
    barrier = asyncio.Barrier(50)

    async def count() -> int:
        await barrier.wait()
        number: int = (await store.update(USERS, ADA, [Add("n", 1)]))["n"]
        return number

    assert sorted(await asyncio.gather(*(count() for _ in range(50)))) == list(range(1, 51))


# Batches


async def test_batch_get_answers_in_the_order_of_its_keys(store: RecordStore) -> None:
    await store.batch_write(USERS, puts=[{"userId": f"u{number}", "n": number} for number in range(3)])
    keys = [{"userId": name} for name in ("u2", "nobody", "u0", "u2")]
    items = await store.batch_get(USERS, keys)
    assert [item and item["n"] for item in items] == [2, None, 0, 2]
    assert await store.batch_get(USERS, []) == []


async def test_batch_get_of_100_keys_and_no_more(store: RecordStore) -> None:
    keys = [{"userId": f"u{number}"} for number in range(100)]
    assert await store.batch_get(USERS, keys) == [None] * 100
    with pytest.raises(ValueError, match="100"):
        await store.batch_get(USERS, [*keys, ADA])


async def test_batch_write_puts_and_deletes(store: RecordStore) -> None:
    await store.put(USERS, {"userId": "gone"})
    await store.batch_write(
        USERS, puts=[{"userId": f"u{number}"} for number in range(24)], deletes=[{"userId": "gone"}]
    )
    found = await store.batch_get(USERS, [{"userId": "u23"}, {"userId": "gone"}])
    assert found == [{"userId": "u23"}, None]
    await store.batch_write(USERS)


async def test_batch_write_of_25_different_items_and_no_more(store: RecordStore) -> None:
    items = [{"userId": f"u{number}"} for number in range(26)]
    with pytest.raises(ValueError, match="25"):
        await store.batch_write(USERS, puts=items)
    with pytest.raises(ValueError, match="twice"):
        await store.batch_write(USERS, puts=[ADA], deletes=[ADA])
    assert await store.get(USERS, ADA) is None
