"""Conditions on one item, as data: each engine translates or evaluates them, no engine parses text.

Semantics are DynamoDB's: a comparison with a missing attribute, or between different types, is false,
only `<>` is then true.
"""

from typing import Any, Literal

import msgspec

Comparison = Literal["=", "<>", "<", "<=", ">", ">="]


class Attribute(msgspec.Struct, frozen=True):
    """Another attribute of the same item, as the right-hand side of a comparison."""

    name: str


class Compare(msgspec.Struct, frozen=True):
    name: str
    operator: Comparison
    value: Any


class Exists(msgspec.Struct, frozen=True):
    name: str


class NotExists(msgspec.Struct, frozen=True):
    name: str


class OneOf(msgspec.Struct, frozen=True):
    name: str
    values: tuple[Any, ...]


class BeginsWith(msgspec.Struct, frozen=True):
    name: str
    prefix: str


class Contains(msgspec.Struct, frozen=True):
    """A list that has the element, or a text that has the substring."""

    name: str
    value: Any


class AllOf(msgspec.Struct, frozen=True):
    conditions: "tuple[Condition, ...]"


class AnyOf(msgspec.Struct, frozen=True):
    conditions: "tuple[Condition, ...]"


class Not(msgspec.Struct, frozen=True):
    condition: "Condition"


Condition = Compare | Exists | NotExists | OneOf | BeginsWith | Contains | AllOf | AnyOf | Not


def attribute(name: str) -> Attribute:
    return Attribute(name)


def equals(name: str, value: Any) -> Compare:
    return Compare(name, "=", value)


def differs(name: str, value: Any) -> Compare:
    return Compare(name, "<>", value)


def less(name: str, value: Any) -> Compare:
    return Compare(name, "<", value)


def at_most(name: str, value: Any) -> Compare:
    return Compare(name, "<=", value)


def greater(name: str, value: Any) -> Compare:
    return Compare(name, ">", value)


def at_least(name: str, value: Any) -> Compare:
    return Compare(name, ">=", value)


def exists(name: str) -> Exists:
    return Exists(name)


def not_exists(name: str) -> NotExists:
    return NotExists(name)


def one_of(name: str, *values: Any) -> OneOf:
    return OneOf(name, values)


def begins_with(name: str, prefix: str) -> BeginsWith:
    return BeginsWith(name, prefix)


def contains(name: str, value: Any) -> Contains:
    return Contains(name, value)


def all_of(*conditions: Condition) -> AllOf:
    return AllOf(conditions)


def any_of(*conditions: Condition) -> AnyOf:
    return AnyOf(conditions)


def negate(condition: Condition) -> Not:
    return Not(condition)
