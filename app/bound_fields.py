"""What answers each field of a bound schema, told apart from how graphql-core is to call it."""

from collections.abc import Mapping

import msgspec
from graphql import GraphQLField, GraphQLObjectType

from app.access import Rule
from resolvers.registry import Resolver

_BOUND = "bound"
_RECORD = "record"
"""Keys of graphql-core's `extensions`."""


class BoundField(msgspec.Struct, frozen=True):
    """
    Attributes:
        coordinate: "Type.field".
        attribute: of the type's record; it answers where there is no resolver.
        rule: who may read the field; None where whoever gets here may.
        is_root: its resolver takes no source.
    """

    coordinate: str
    attribute: str
    resolver: Resolver | None
    rule: Rule | None
    is_root: bool


def note_field(field: GraphQLField, bound: BoundField) -> None:
    field.extensions = {**field.extensions, _BOUND: bound}


def bound_field(field: GraphQLField) -> BoundField | None:
    """None for introspection's fields."""
    return field.extensions.get(_BOUND)


def note_records(types: Mapping[str, object], records: Mapping[str, type[msgspec.Struct]]) -> None:
    for name, record in records.items():
        type_ = types.get(name)
        if isinstance(type_, GraphQLObjectType):
            type_.extensions = {**type_.extensions, _RECORD: record}


def record_of(type_: GraphQLObjectType) -> type[msgspec.Struct] | None:
    """The class of the records behind a type; None when it has none of its own."""
    return type_.extensions.get(_RECORD)
