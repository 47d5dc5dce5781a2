"""What the DynamoDB engine sends: lookups only, values only in placeholders."""

from typing import Any

import pytest

from datasources.aws.attributes import from_wire, to_wire
from datasources.aws.dynamodb import DynamoDBStore
from datasources.aws.expressions import Placeholders, condition_expression, key_condition, update_expression
from datasources.conditions import (
    Condition,
    all_of,
    any_of,
    attribute,
    begins_with,
    contains,
    equals,
    exists,
    less,
    negate,
    not_exists,
    one_of,
)
from datasources.ports import Change, Put, SortRange
from datasources.tables import COURSES, USERS
from datasources.updates import Add, Remove, Set, SetIfMissing
from tests.dynamodb_emulator import Emulator


async def test_no_question_reads_a_whole_table(dynamodb_store: DynamoDBStore, emulator: Emulator) -> None:
    ada = {"userId": "ada"}
    await dynamodb_store.put(USERS, ada | {"status": "A", "createdAt": "x"})
    await dynamodb_store.get(USERS, ada)
    await dynamodb_store.batch_get(USERS, [ada])
    await dynamodb_store.update(USERS, ada, [Set("n", 1)])
    await dynamodb_store.query(USERS, "A", index="StatusIndex", where=exists("n"))
    await dynamodb_store.query(COURSES, "c1", sort=SortRange(prefix="LESSON#"))
    await dynamodb_store.count(COURSES, "c1", most=10)
    await dynamodb_store.batch_write(USERS, puts=[{"userId": "eve"}])
    await dynamodb_store.transact([Put(USERS, {"userId": "bob"}), Change(USERS, ada, [Add("n", 1)])])
    await dynamodb_store.delete(USERS, ada)
    await dynamodb_store.ready()
    assert emulator.operations == [
        "PutItem",
        "GetItem",
        "BatchGetItem",
        "UpdateItem",
        "Query",
        "Query",
        "Query",
        "BatchWriteItem",
        "TransactWriteItems",
        "DeleteItem",
        "GetItem",
    ]


@pytest.mark.parametrize(
    ("condition", "expression"),
    [
        (equals("a", 1), "#n0 = :v0"),
        (less("a", attribute("b")), "#n1 < #n0"),
        (exists("a"), "attribute_exists(#n0)"),
        (not_exists("a"), "attribute_not_exists(#n0)"),
        (one_of("a", 1, 2), "#n0 IN (:v0, :v1)"),
        (begins_with("a", "x"), "begins_with(#n0, :v0)"),
        (contains("a", "x"), "contains(#n0, :v0)"),
        (negate(exists("a")), "NOT attribute_exists(#n0)"),
        (
            all_of(exists("a"), any_of(exists("b"), equals("a", 1))),
            "attribute_exists(#n0) AND (attribute_exists(#n1) OR #n0 = :v0)",
        ),
        (all_of(all_of(exists("a"))), "attribute_exists(#n0)"),
        (negate(all_of(any_of(exists("a"), exists("b")))), "NOT (attribute_exists(#n0) OR attribute_exists(#n1))"),
        (negate(negate(exists("a"))), "NOT (NOT attribute_exists(#n0))"),
    ],
)
def test_conditions_have_no_redundant_parentheses(condition: Condition, expression: str) -> None:
    """DynamoDB refuses doubled ones; the emulator does so too, but not everywhere."""
    assert condition_expression(condition, Placeholders()) == expression


def test_hostile_names_and_values_stay_in_placeholders() -> None:
    to = Placeholders()
    evil = "x) OR attribute_exists(#n0"
    expression = condition_expression(all_of(equals(evil, evil), begins_with(evil, evil)), to)
    assert expression == "#n0 = :v0 AND begins_with(#n0, :v1)"
    assert to.parameters() == {
        "ExpressionAttributeNames": {"#n0": evil},
        "ExpressionAttributeValues": {":v0": {"S": evil}, ":v1": {"S": evil}},
    }


def test_updates_are_grouped_by_verb() -> None:
    updates = [Remove("a"), Set("b", 1), Add("c", 2), SetIfMissing("d", 3), Remove("e")]
    expression = update_expression(updates, Placeholders())
    assert expression == "SET #n1 = :v0, #n3 = if_not_exists(#n3, :v2) ADD #n2 :v1 REMOVE #n0, #n4"


@pytest.mark.parametrize(
    ("sort", "expression"),
    [
        (SortRange(prefix="a"), "begins_with(#n1, :v1)"),
        (SortRange(equal="a"), "#n1 = :v1"),
        (SortRange(after="a"), "#n1 > :v1"),
        (SortRange(at_most="a"), "#n1 <= :v1"),
        (SortRange(at_least="a", at_most="b"), "#n1 BETWEEN :v1 AND :v2"),
        (SortRange(after="a", before="b"), "#n1 BETWEEN :v1 AND :v2"),
    ],
)
def test_key_ranges(sort: SortRange, expression: str) -> None:
    found = key_condition(("p", "x"), "s", sort, Placeholders())
    assert found.expression == f"#n0 = :v0 AND {expression}"
    assert found.excluded == frozenset({sort.after, sort.before} - {None} if "BETWEEN" in expression else ())


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (1, {"N": "1"}),
        (5497558138880, {"N": "5497558138880"}),
        (0.1, {"N": "0.1"}),
        (1e-7, {"N": "0.0000001"}),
        (True, {"BOOL": True}),
        (None, {"NULL": True}),
        (b"\x00", {"B": b"\x00"}),
        (["a", {"b": 1}], {"L": [{"S": "a"}, {"M": {"b": {"N": "1"}}}]}),
    ],
)
def test_wire_types(value: Any, wire: dict[str, Any]) -> None:
    assert to_wire({"x": value}) == {"x": wire}
    back = from_wire({"x": wire})["x"]
    assert back == value
    assert type(back) is type(value)


def test_numbers_as_aws_may_spell_them() -> None:
    spelt = {"a": {"N": "1E+30"}, "b": {"N": "1.50"}, "c": {"N": "-0"}, "d": {"N": "2.000"}}
    assert from_wire(spelt) == {"a": 10**30, "b": 1.5, "c": 0, "d": 2}
    assert [type(value) for value in from_wire(spelt).values()] == [int, float, int, int]
