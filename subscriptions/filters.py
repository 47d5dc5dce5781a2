"""AppSync's enhanced subscription filters: what a gate may return to narrow what its caller hears.

    {"filterGroup": [{"filters": [{"fieldName": "severity", "operator": "ge", "value": 7}]}]}

The filters of one entry must all hold, and one entry is enough. Here a filter narrows what the arguments
let through; AppSync lets it take their place, so a gate repeats in its filter what the arguments say.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

MOST_ENTRIES = 10
MOST_FIELDS = 5
"""Different field names in one entry."""
MOST_CHARACTERS = 256
DEEPEST = 5
_MOST_VALUES = {"in": 5, "notIn": 5, "containsAny": 20}

Payload = Mapping[str, Any]
Scalar = str | int | float | bool | None


class InvalidFilter(ValueError):
    """No filter that AppSync would take; the text says why."""


class Condition(msgspec.Struct, frozen=True):
    """One comparison.

    Attributes:
        path: of the field, "location.country" taken apart.
        value: a scalar; a tuple of scalars for `in`, `notIn`, `containsAny`, and (least, most) for `between`.
    """

    path: tuple[str, ...]
    operator: str
    value: Scalar | tuple[Scalar, ...]

    def holds(self, payload: Payload) -> bool:
        found: Any = payload
        for name in self.path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return _OPERATORS[self.operator](found, self.value)


class Filter(msgspec.Struct, frozen=True):
    """Entries of which one must hold; an entry holds when all its conditions do."""

    entries: tuple[tuple[Condition, ...], ...]

    def holds(self, payload: Payload) -> bool:
        return any(all(condition.holds(payload) for condition in entry) for entry in self.entries)


def parsed(written: Mapping[str, Any]) -> Filter:
    """A filter in AppSync's JSON form. Raises InvalidFilter."""
    group = written.get("filterGroup")
    if not isinstance(group, Sequence) or isinstance(group, str) or not 1 <= len(group) <= MOST_ENTRIES:
        raise InvalidFilter(f"filterGroup lists 1 to {MOST_ENTRIES} entries")
    return Filter(tuple(_entry(each) for each in group))


def _entry(written: Any) -> tuple[Condition, ...]:
    filters = written.get("filters") if isinstance(written, Mapping) else None
    if not isinstance(filters, Sequence) or isinstance(filters, str) or not filters:
        raise InvalidFilter("an entry of filterGroup lists its filters")
    conditions = tuple(_condition(each) for each in filters)
    if len({condition.path for condition in conditions}) > MOST_FIELDS:
        raise InvalidFilter(f"an entry compares at most {MOST_FIELDS} different fields")
    return conditions


def _condition(written: Any) -> Condition:
    if not isinstance(written, Mapping) or written.keys() != {"fieldName", "operator", "value"}:
        raise InvalidFilter("a filter has fieldName, operator and value")
    name, operator, value = written["fieldName"], written["operator"], written["value"]
    path = tuple(name.split(".")) if isinstance(name, str) else ()
    if not path or not all(path) or len(path) > DEEPEST:
        raise InvalidFilter(f"fieldName is a dot path of 1 to {DEEPEST} names")
    if operator not in _OPERATORS:
        raise InvalidFilter(f"operator is one of {', '.join(_OPERATORS)}")
    if operator == "between":
        return Condition(path, operator, _bounds(value))
    if operator in _MOST_VALUES:
        return Condition(path, operator, _several(value, _MOST_VALUES[operator], operator))
    if operator in _ORDERED and (value is None or isinstance(value, bool)):
        raise InvalidFilter(f"{operator} compares numbers and strings")
    if operator == "beginsWith" and not isinstance(value, str):
        raise InvalidFilter("beginsWith takes a string")
    return Condition(path, operator, _scalar(value))


def _bounds(value: Any) -> tuple[Scalar, ...]:
    bounds = _several(value, 2, "between")
    if len(bounds) != 2 or not _comparable(*bounds):
        raise InvalidFilter("between takes two numbers or two strings")
    return bounds


def _several(value: Any, most: int, operator: str) -> tuple[Scalar, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not 1 <= len(value) <= most:
        raise InvalidFilter(f"{operator} takes a list of 1 to {most} values")
    return tuple(_scalar(each) for each in value)


def _scalar(value: Any) -> Scalar:
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        raise InvalidFilter(f"a string has at most {MOST_CHARACTERS} characters")
    if value is not None and not isinstance(value, str | int | float):
        raise InvalidFilter("a value is a string, a number, a Boolean or null")
    return value


def _equal(found: Any, value: Any) -> bool:
    """As JSON compares: true is not 1."""
    return isinstance(found, bool) == isinstance(value, bool) and bool(found == value)


def _comparable(one: Any, other: Any) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return isinstance(one, str) and isinstance(other, str)
    return all(isinstance(each, int | float) and not isinstance(each, bool) for each in (one, other))


def _among(found: Any, values: Any) -> bool:
    return any(_equal(found, value) for value in values)


def _contains(found: Any, value: Any) -> bool:
    if isinstance(found, str):
        return isinstance(value, str) and value in found
    return isinstance(found, list) and any(_equal(each, value) for each in found)


_ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "le": lambda found, value: _comparable(found, value) and found <= value,
    "lt": lambda found, value: _comparable(found, value) and found < value,
    "ge": lambda found, value: _comparable(found, value) and found >= value,
    "gt": lambda found, value: _comparable(found, value) and found > value,
}

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": _equal,
    "ne": lambda found, value: not _equal(found, value),
    **_ORDERED,
    "contains": _contains,
    "notContains": lambda found, value: not _contains(found, value),
    "beginsWith": lambda found, value: isinstance(found, str) and found.startswith(value),
    "in": _among,
    "notIn": lambda found, values: not _among(found, values),
    "between": lambda found, bounds: _comparable(found, bounds[0]) and bounds[0] <= found <= bounds[1],
    "containsAny": lambda found, values: any(_contains(found, value) for value in values),
}
