"""What conditions and updates mean, evaluated on an item in memory as DynamoDB evaluates them."""

import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal, Inexact
from typing import Any, assert_never

from datasources.conditions import (
    AllOf,
    AnyOf,
    Attribute,
    BeginsWith,
    Compare,
    Condition,
    Contains,
    Exists,
    Not,
    NotExists,
    OneOf,
)
from datasources.ports import Item
from datasources.updates import Add, Remove, Set, SetIfMissing, Update
from datasources.values import kind_of, plain_number

_MISSING = object()
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SCALARS = frozenset({str, int, bool})
_EXACT = Context(prec=38, traps=[Inexact])


def holds(condition: Condition, item: Mapping[str, Any]) -> bool:
    """Whether the condition holds for an item; an absent item has no attributes."""
    match condition:
        case Compare():
            value = condition.value
            other = item.get(value.name, _MISSING) if isinstance(value, Attribute) else value
            return _compares(item.get(condition.name, _MISSING), condition.operator, other)
        case Exists():
            return condition.name in item
        case NotExists():
            return condition.name not in item
        case AllOf():
            return all(holds(inner, item) for inner in condition.conditions)
        case AnyOf():
            return any(holds(inner, item) for inner in condition.conditions)
        case OneOf():
            name = condition.name
            return name in item and any(same(item[name], value) for value in condition.values)
        case BeginsWith():
            text = item.get(condition.name)
            return isinstance(text, str) and text.startswith(condition.prefix)
        case Contains():
            return _contains(item.get(condition.name), condition.value)
        case Not():
            return not holds(condition.condition, item)
        case _:
            assert_never(condition)


def _compares(left: Any, how: str, right: Any) -> bool:
    if left is _MISSING or right is _MISSING:
        return how == "<>"
    if how == "=":
        return same(left, right)
    if how == "<>":
        return not same(left, right)
    kind = kind_of(left)
    return kind in ("S", "N", "B") and kind == kind_of(right) and _ORDER[how](left, right)


def same(left: Any, right: Any) -> bool:
    """Equality by type and value: unlike Python's, True is not 1."""
    if type(left) is type(right) and type(left) in _SCALARS:
        return bool(left == right)
    kind = kind_of(left)
    if kind != kind_of(right):
        return False
    if kind == "L":
        return len(left) == len(right) and all(map(same, left, right))
    if kind == "M":
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    return bool(left == right)


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(whole, str | bytes):
        return kind_of(whole) == kind_of(part) and part in whole
    return isinstance(whole, list) and any(same(element, part) for element in whole)


def changed(key: Mapping[str, Any], item: Item | None, updates: Sequence[Update]) -> Item | None:
    """The item after the updates, all of which see it as it was.

    None when there was none and the updates only remove: DynamoDB creates nothing then.

    Raises:
        ValueError: a number is added to something else, or the sum has more than 38 digits.
    """
    if item is None and all(isinstance(update, Remove) for update in updates):
        return None
    result = dict(key if item is None else item)
    for update in updates:
        match update:
            case Set(name, value):
                result[name] = value
            case SetIfMissing(name, value):
                result.setdefault(name, value)
            case Add(name, amount):
                result[name] = _sum(name, result.get(name, 0), amount)
            case Remove(name):
                result.pop(name, None)
            case _:
                assert_never(update)
    return result


def _sum(name: str, number: Any, amount: int | float) -> int | float:
    if kind_of(number) != "N":
        raise ValueError(f"{name} is no number to add to")
    if type(number) is int and type(amount) is int:
        return plain_number(number + amount)
    # DynamoDB adds decimals, so that 0.1 + 0.2 is 0.3.
    try:
        exact = _EXACT.add(Decimal(repr(number)), Decimal(repr(amount)))
    except Inexact:
        raise ValueError(f"the sum of {name} has more than 38 digits") from None
    return int(exact) if exact == exact.to_integral_value() else plain_number(float(exact))
