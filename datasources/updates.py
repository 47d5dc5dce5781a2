"""Changes to one item's top-level attributes, as data."""

from collections.abc import Mapping
from typing import Any

import msgspec


class Set(msgspec.Struct, frozen=True):
    name: str
    value: Any


class SetIfMissing(msgspec.Struct, frozen=True):
    name: str
    value: Any


class Add(msgspec.Struct, frozen=True):
    """Add a number to a number; a missing attribute counts as 0."""

    name: str
    amount: int | float


class Remove(msgspec.Struct, frozen=True):
    name: str


Update = Set | SetIfMissing | Add | Remove


def assign(**values: Any) -> list[Update]:
    """`Set` for each value, `Remove` for each None. Names are the stored (camelCase) ones."""
    return [Remove(name) if value is None else Set(name, value) for name, value in values.items()]


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Update]:
    """What makes an item's `old` attributes the `new` ones; attributes in neither stay as they are."""
    gone = [name for name in old if name not in new]
    return [*map(Remove, gone), *(Set(name, new[name]) for name in new if name not in old or old[name] != new[name])]
