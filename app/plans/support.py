"""What generated code calls."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from app.plans.leaves import MOMENT


class Projection(msgspec.Struct, gc=False):
    """The base of the structs that read one selection of one record; generated ones name the fields."""


def reading(type_: Any) -> Callable[[Any], Any]:
    """What reads and checks a value as `type_` says. It raises ValidationError for any other value."""
    convert = msgspec.convert
    if isinstance(type_, type):
        return lambda value: convert(value, type_, from_attributes=True)
    # msgspec remembers what it has found out about a struct, and of no other type.
    holder: Any = msgspec.defstruct("Holder", [("value", type_)], bases=(Projection,))
    return lambda value: convert({"value": value}, holder, from_attributes=True).value


def listed(value: Any) -> Any:
    """A list as it is. Raises TypeError for everything else, though GraphQL lets more pass for a list."""
    if value.__class__ is tuple or value.__class__ is list:
        return value
    raise TypeError("not a list")


def something(record: Any) -> None:
    """Raises TypeError for what is no record, which a selection that reads nothing would not notice."""
    if record is None or isinstance(record, Exception):
        raise TypeError("null where none may be")


is_moment = re.compile(MOMENT).match

NAMES = {"is_moment": is_moment, "Projection": Projection, "reading": reading, "listed": listed, "something": something}
"""The names that generated code knows."""
