"""Puts the scalars of the table into a schema, in place of graphql-core's."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    BooleanValueNode,
    EnumValueNode,
    FloatValueNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
)

from app.scalars import numbers
from app.scalars.table import TABLE, Scalar

_SHOWN = 60
"""Characters of a refused value that its error may repeat."""


class _Scalar(GraphQLScalarType):
    """A scalar of one schema: graphql-core's own Int and Float belong to the process and stay as they are."""

    reserved_types: Mapping[str, Any] = {}


def install(schema: GraphQLSchema) -> None:
    """Make every scalar of `TABLE` real wherever the schema uses it.

    Strings, ids and booleans stay graphql-core's. A string cannot hold half a surrogate pair, since
    neither the lexer nor our JSON decoders let one through.
    """
    own = {name: _type(name, scalar) for name, scalar in TABLE.items() if name in schema.type_map}

    def swapped(type_: Any) -> Any:
        if isinstance(type_, GraphQLNonNull):
            return GraphQLNonNull(swapped(type_.of_type))
        if isinstance(type_, GraphQLList):
            return GraphQLList(swapped(type_.of_type))
        return own.get(type_.name, type_)

    for type_ in schema.type_map.values():
        if type_.name.startswith("__"):
            continue
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field in type_.fields.values():
                field.type = swapped(field.type)
                for argument in field.args.values():
                    argument.type = swapped(argument.type)
        elif isinstance(type_, GraphQLInputObjectType):
            for input_field in type_.fields.values():
                input_field.type = swapped(input_field.type)
    schema.type_map.update(own)


def _type(name: str, scalar: Scalar) -> GraphQLScalarType:
    def from_json(value: Any) -> Any:
        try:
            return scalar.parse(value)
        except ValueError as error:
            raise GraphQLError(f"{_shown(value)} is no {name}: {error}.") from None

    def from_literal(node: ValueNode) -> Any:
        try:
            return scalar.parse(_plain(node))
        except ValueError as error:
            raise GraphQLError(f"{_literal_shown(node)} is no {name}: {error}.", node) from None

    def to_json(value: Any) -> Any:
        try:
            return scalar.serialise(value)
        except ValueError as error:
            raise ValueError(f"a resolver's value is no {name}: {error}") from None

    return _Scalar(
        name,
        coerce_input_value=from_json,
        coerce_input_literal=from_literal,
        coerce_output_value=to_json,
        description=scalar.description,
    )


def _plain(node: ValueNode) -> object:
    """A literal as the JSON value that a variable would hold."""
    if isinstance(node, StringValueNode):
        return node.value
    if isinstance(node, IntValueNode):
        return numbers.read_int(node.value)
    if isinstance(node, FloatValueNode):
        return float(node.value)
    if isinstance(node, BooleanValueNode):
        return node.value
    if isinstance(node, ListValueNode):
        return []
    if isinstance(node, ObjectValueNode):
        return {}
    return None


def _shown(value: object) -> str:
    if isinstance(value, str):
        return _cut(repr(value[: _SHOWN + 1]))
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 64 else "a number beyond 64 bits"
    return "a list" if isinstance(value, list) else "an object"


def _literal_shown(node: ValueNode) -> str:
    if isinstance(node, IntValueNode | FloatValueNode | EnumValueNode):
        return _cut(node.value[: _SHOWN + 1])
    return _shown(None if isinstance(node, NullValueNode) else _plain(node))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
