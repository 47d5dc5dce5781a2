"""DynamoDB's rules of size and type, as AWS documents them."""

import math
from enum import StrEnum
from typing import Any

import pytest

from datasources.conditions import all_of, attribute, equals, exists, less, negate, one_of
from datasources.limits import checked_item, condition_names
from datasources.ports import MAX_ITEM_BYTES
from datasources.tables import USERS
from datasources.values import check_size, item_size, plain
from domain.errors import Code, DomainError


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({}, 0),
        ({"name": "Ada"}, 7),
        ({"é": "é🦋"}, 8),
        ({"a": ""}, 1),
        ({"a": None}, 2),
        ({"a": True}, 2),
        ({"a": b"12345"}, 6),
        ({"a": 7}, 3),
        ({"a": 5497558138880}, 1 + 6 + 2),
        ({"a": -1000}, 3),
        ({"a": []}, 4),
        ({"a": ["x", "y"]}, 1 + 3 + 2 + 2),
        ({"a": {"k": "v"}}, 1 + 3 + 1 + 2),
    ],
)
def test_sizes_are_counted_as_dynamodb_counts_them(item: dict[str, Any], size: int) -> None:
    assert item_size(item) == size


def test_400_kb_is_the_last_size_that_fits() -> None:
    check_size({"text": "x" * (MAX_ITEM_BYTES - 4)})
    with pytest.raises(DomainError) as refused:
        check_size({"text": "x" * (MAX_ITEM_BYTES - 3)})
    assert refused.value.code == Code.LIMIT_EXCEEDED


@pytest.mark.parametrize("value", [[], {}, None, "", 7, 0.1, 2**63, 10**37, True, b"", {"a": []}])
def test_no_value_is_too_large_unnoticed(value: Any) -> None:
    """However little of it there seems to be: each is measured exactly once it may be too much."""
    entries = 1
    while item_size({"list": [value] * entries}) <= MAX_ITEM_BYTES:
        entries = entries + entries // 10 + 1
    with pytest.raises(DomainError):
        check_size({"list": [value] * entries})


class Colour(StrEnum):
    RED = "red"


def test_stored_values_have_plain_types() -> None:
    value = plain({Colour.RED: (Colour.RED, 1.0, {"a": 2.5})})
    assert value == {"red": ["red", 1, {"a": 2.5}]}
    assert type(next(iter(value))) is str
    assert [type(inner) for inner in value["red"][:2]] == [str, int]


def test_what_is_checked_is_a_copy() -> None:
    tags = ["a"]
    item = checked_item(USERS, {"userId": "ada", "tags": tags})
    tags.append("b")
    assert item["tags"] == ["a"]


@pytest.mark.parametrize("number", [10**38 - 1, -(10**38 - 1), 10**125, 0.1, 1e-130, 9.9e125, -0.0])
def test_numbers_that_dynamodb_holds(number: float) -> None:
    assert float(plain(number)) == float(number)  # a large float means the decimal number that it prints as


@pytest.mark.parametrize("number", [10**38 + 1, 10**126, 1e126, 1e-131, 5e-324, math.nan, math.inf, -math.inf])
def test_numbers_that_dynamodb_does_not_hold(number: float) -> None:
    with pytest.raises(ValueError, match="number"):
        plain(number)


def test_the_attributes_that_a_condition_looks_at() -> None:
    condition = all_of(negate(exists("a")), less("b", attribute("c")), one_of("d", 1), equals("e", 2))
    assert set(condition_names(condition)) == {"a", "b", "c", "d", "e"}
