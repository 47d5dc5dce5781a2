"""Conditions, updates and key ranges as DynamoDB expressions.

Names and values of a request only ever go through placeholders (`#n0`, `:v0`), so that neither a reserved
word nor a hostile text becomes part of an expression.
"""

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

import msgspec

from datasources.aws.attributes import Wire, wire_value
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
from datasources.ports import SortRange
from datasources.updates import Add, Remove, Set, SetIfMissing, Update


class Placeholders:
    """The names and values of one request."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Wire] = {}

    def name(self, attribute: str) -> str:
        return self._names.setdefault(attribute, f"#n{len(self._names)}")

    def value(self, value: Any) -> str:
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = wire_value(value)
        return placeholder

    def parameters(self) -> dict[str, Any]:
        """What the request says of them; DynamoDB refuses empty maps."""
        parameters: dict[str, Any] = {}
        if self._names:
            parameters["ExpressionAttributeNames"] = {short: name for name, short in self._names.items()}
        if self._values:
            parameters["ExpressionAttributeValues"] = self._values
        return parameters


def condition_expression(condition: Condition, to: Placeholders) -> str:
    match condition:
        case Compare(name, operator, value):
            right = to.name(value.name) if isinstance(value, Attribute) else to.value(value)
            return f"{to.name(name)} {operator} {right}"
        case Exists(name):
            return f"attribute_exists({to.name(name)})"
        case NotExists(name):
            return f"attribute_not_exists({to.name(name)})"
        case OneOf(name, values):
            return f"{to.name(name)} IN ({', '.join(to.value(value) for value in values)})"
        case BeginsWith(name, prefix):
            return f"begins_with({to.name(name)}, {to.value(prefix)})"
        case Contains(name, value):
            return f"contains({to.name(name)}, {to.value(value)})"
        case AllOf((only,)) | AnyOf((only,)):
            return condition_expression(only, to)
        case AllOf(conditions):
            return " AND ".join(_operand(inner, to) for inner in conditions)
        case AnyOf(conditions):
            return " OR ".join(_operand(inner, to) for inner in conditions)
        case Not(inner):
            return f"NOT {_operand(inner, to)}"
        case _:
            assert_never(condition)


def _operand(condition: Condition, to: Placeholders) -> str:
    """In parentheses only where they are needed: DynamoDB refuses redundant ones."""
    expression = condition_expression(condition, to)
    while isinstance(condition, AllOf | AnyOf) and len(condition.conditions) == 1:
        (condition,) = condition.conditions
    return f"({expression})" if isinstance(condition, AllOf | AnyOf | Not) else expression


def update_expression(updates: Sequence[Update], to: Placeholders) -> str:
    clauses: dict[str, list[str]] = {"SET": [], "ADD": [], "REMOVE": []}
    for update in updates:
        name = to.name(update.name)
        match update:
            case Set(_, value):
                clauses["SET"].append(f"{name} = {to.value(value)}")
            case SetIfMissing(_, value):
                clauses["SET"].append(f"{name} = if_not_exists({name}, {to.value(value)})")
            case Add(_, amount):
                clauses["ADD"].append(f"{name} {to.value(amount)}")
            case Remove():
                clauses["REMOVE"].append(name)
            case _:
                assert_never(update)
    return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts)


class KeyCondition(msgspec.Struct, frozen=True):
    """One partition and, in DynamoDB's single condition on a sort key, a range of it.

    Attributes:
        expression: None when nothing can be in the range, which DynamoDB would refuse.
        excluded: sort keys that BETWEEN finds but the range does not mean, as it includes both ends.
    """

    expression: str | None
    excluded: frozenset[Any] = frozenset()

    def excludes(self, item: Mapping[str, Any], name: str | None) -> bool:
        return bool(self.excluded) and name is not None and item[name] in self.excluded


def key_condition(
    partition: tuple[str, Any], sort_name: str | None, sort: SortRange | None, to: Placeholders
) -> KeyCondition:
    begin = f"{to.name(partition[0])} = {to.value(partition[1])}"
    if sort_name is None or sort is None:
        return KeyCondition(begin)
    lower = sort.at_least if sort.after is None else sort.after
    upper = sort.at_most if sort.before is None else sort.before
    if lower is not None and upper is not None:
        if lower > upper:
            return KeyCondition(None)
        between = f"{to.name(sort_name)} BETWEEN {to.value(lower)} AND {to.value(upper)}"
        return KeyCondition(f"{begin} AND {between}", frozenset({sort.after, sort.before} - {None}))
    if sort.prefix is not None:
        return KeyCondition(f"{begin} AND begins_with({to.name(sort_name)}, {to.value(sort.prefix)})")
    bounds = (("=", sort.equal), (">", sort.after), (">=", sort.at_least), ("<", sort.before), ("<=", sort.at_most))
    for operator, value in bounds:
        if value is not None:
            return KeyCondition(f"{begin} AND {to.name(sort_name)} {operator} {to.value(value)}")
    return KeyCondition(begin)
