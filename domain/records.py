"""The base of everything stored and passed about: frozen structs, camelCase outside, snake_case inside.

A record may hold more than the SDL shows, never less without a resolver. `ALL` maps each GraphQL object
type that is served from a record to its class; `app/binding.py` reads it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder()


class Record(msgspec.Struct, frozen=True, rename="camel", omit_defaults=False):
    """Fields that are absent in a stored item take their defaults, so that old items stay readable."""


def to_item(record: Record) -> dict[str, Any]:
    """A record as plain JSON types under its stored names; None values are left out, tuples become lists."""
    plain: dict[str, Any] = _decoder.decode(_encoder.encode(record))  # quicker than a look at each value
    return {name: value for name, value in plain.items() if value is not None}


def stored_names(record: type[Record], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by the record's field names, under their stored names."""
    names = dict(zip(record.__struct_fields__, record.__struct_encode_fields__, strict=True))
    return {names[name]: value for name, value in values.items()}
