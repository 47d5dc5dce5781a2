"""AppSync's enhanced filters."""

from typing import Any

import pytest

from subscriptions.filters import InvalidFilter, parsed


def one(name: str, operator: str, value: Any) -> dict[str, Any]:
    return {"filterGroup": [{"filters": [{"fieldName": name, "operator": operator, "value": value}]}]}


def holds(written: dict[str, Any], **payload: Any) -> bool:
    return parsed(written).holds(payload)


@pytest.mark.parametrize(
    ("operator", "value", "passing", "failing"),
    [
        ("eq", "high", ["high"], ["low", "High", None, 1]),
        ("eq", None, [None], ["", 0, False]),
        ("eq", 1, [1, 1.0], [True, "1"]),
        ("ne", "high", ["low", None], ["high"]),
        ("le", 7, [7, 6.5], [8, "7", None, True]),
        ("lt", 7, [6], [7]),
        ("ge", "2026-01-02", ["2026-01-02", "2026-02-01"], ["2026-01-01", 5]),
        ("gt", 7, [8], [7, None]),
        ("contains", "ab", ["xaby", ["ab"]], ["xay", ["abc"], None]),
        ("notContains", "ab", ["xy", [], None], ["ab", ["ab"]]),
        ("beginsWith", "ab", ["abc"], ["cab", None, 5]),
        ("in", ["a", "b"], ["a"], ["c", None]),
        ("notIn", ["a", "b"], ["c", None], ["a"]),
        ("between", [1, 3], [1, 2, 3], [0, 4, None, "2"]),
        ("containsAny", ["a", "b"], [["b"], "xa"], [["c"], [], None]),
    ],
)
def test_every_operator_compares_as_json_does(
    operator: str, value: Any, passing: list[Any], failing: list[Any]
) -> None:
    assert [found for found in passing if not holds(one("field", operator, value), field=found)] == []
    assert [found for found in failing if holds(one("field", operator, value), field=found)] == []


def test_a_dot_path_reaches_into_objects_and_ends_where_there_are_none() -> None:
    written = one("location.address.country", "eq", "USA")
    assert holds(written, location={"address": {"country": "USA"}})
    assert not holds(written, location={"address": None})
    assert not holds(written, location=["USA"])


def test_the_filters_of_an_entry_must_all_hold_and_one_entry_is_enough() -> None:
    high = {"fieldName": "severity", "operator": "ge", "value": 7}
    urgent = {"fieldName": "priority", "operator": "in", "value": ["high"]}
    both = {"filterGroup": [{"filters": [high, urgent]}]}
    either = {"filterGroup": [{"filters": [high]}, {"filters": [urgent]}]}
    assert holds(both, severity=8, priority="high")
    assert not holds(both, severity=8, priority="low")
    assert holds(either, severity=8, priority="low")
    assert not holds(either, severity=1, priority="low")


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"filterGroup": []},
        {"filterGroup": "all"},
        {"filterGroup": [{"filters": []}]},
        {"filterGroup": [one("a", "eq", 1)["filterGroup"][0]] * 11},
        {"filterGroup": [{"filters": [{"fieldName": f"f{n}", "operator": "eq", "value": 1} for n in range(6)]}]},
        {"filterGroup": [{"filters": [{"fieldName": "a", "operator": "eq"}]}]},
        one("a", "matches", 1),
        one("a.b.c.d.e.f", "eq", 1),
        one("a..b", "eq", 1),
        one("", "eq", 1),
        one("a", "in", [1, 2, 3, 4, 5, 6]),
        one("a", "in", []),
        one("a", "in", "abc"),
        one("a", "containsAny", list(range(21))),
        one("a", "between", [1]),
        one("a", "between", [1, "b"]),
        one("a", "eq", "x" * 257),
        one("a", "eq", {"b": 1}),
        one("a", "ge", None),
        one("a", "gt", True),
        one("a", "beginsWith", 1),
    ],
)
def test_what_appsync_would_not_take_is_refused(written: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilter):
        parsed(written)


def test_equal_filters_are_equal_so_that_their_subscribers_form_one_group() -> None:
    assert hash(parsed(one("a", "in", [1]))) == hash(parsed(one("a", "in", [1])))
