"""What generated code calls."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from app.plans.leaves import MOMENT

encode = msgspec.json.Encoder().encode


class Projection(msgspec.Struct, gc=False):
    """The base of the structs that read one selection of one record; generated ones name the fields."""


def as_json(type_: Any) -> Callable[[Any], orjson.Fragment]:
    """Makes ready JSON of records, read and checked as `type_` says. Raises ValidationError for any other value."""

    def finish(value: Any) -> orjson.Fragment:
        return orjson.Fragment(encode(msgspec.convert(value, type_, from_attributes=True)))

    return finish


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

NAMES = {"is_moment": is_moment, "Projection": Projection, "as_json": as_json, "listed": listed, "something": something}
"""The names that generated code knows."""
