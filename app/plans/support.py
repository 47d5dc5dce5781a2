"""What generated code calls."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
import orjson

from app.plans.leaves import MOMENT

_encoder = msgspec.json.Encoder()
_encode, _encode_lines = _encoder.encode, _encoder.encode_lines


class Projection(msgspec.Struct, gc=False):
    """The base of the structs that read one selection of one record; generated ones name the fields."""


class as_json:  # noqa: N801 - a function in generated code
    """Makes ready JSON of values, read and checked as `type_` says. Raises ValidationError for any other value."""

    def __init__(self, type_: Any) -> None:
        self._type = type_
        self._several = list[type_ | None]

    def __call__(self, value: Any) -> orjson.Fragment:
        return orjson.Fragment(_encode(msgspec.convert(value, self._type, from_attributes=True)))

    def each(self, values: Sequence[Any]) -> "list[orjson.Fragment]":
        """The JSON of each value, which may be None, in one go."""
        lines = _encode_lines(msgspec.convert(values, self._several, from_attributes=True))
        return [orjson.Fragment(line) for line in lines.splitlines()]


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
