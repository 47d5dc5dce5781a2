"""The API that AppSync is given: our exported SDL, the resolvers of it, and who may read which field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLError, GraphQLObjectType, GraphQLScalarType, GraphQLSchema, StringValueNode, parse

from app import scalars, sdl
from app.access import denied_coordinates
from app.appsync.fields import FieldResolver
from domain.callers import Caller, Mode


@dataclass(frozen=True, eq=False)
class Api:
    """What a deployment uploads.

    Attributes:
        resolvers: by type and field.
    """

    schema: GraphQLSchema
    resolvers: Mapping[tuple[str, str], FieldResolver]

    @classmethod
    def of(cls, text: str, resolvers: Sequence[FieldResolver]) -> "Api":
        """
        Args:
            text: the SDL as `python -m app schema export --appsync` writes it.
        """
        schema = sdl.build(parse(text))
        scalars.install(schema)
        for name, type_ in schema.type_map.items():
            if isinstance(type_, GraphQLScalarType) and name in sdl.AWS_SCALARS:
                _leave_as_sent(type_)
        return cls(schema, {(each.type_name, each.field_name): each for each in resolvers})

    def refuses(self, parent: GraphQLObjectType, name: str, caller: Caller) -> bool:
        """Whether directives, the field's or else its type's, or the caller's authorizer keep it from the caller."""
        node = parent.fields[name].ast_node
        if parent.ast_node is None or node is None:
            raise ValueError(f"{parent.name}.{name} was not built from SDL")
        if f"{parent.name}.{name}" in denied_coordinates(caller):
            return True
        gate = sdl.gate(parent.ast_node, node)
        if caller.mode not in gate:
            return True
        groups = gate[caller.mode] if caller.mode is Mode.COGNITO else None
        return groups is not None and groups.isdisjoint(caller.groups)


def _leave_as_sent(type_: GraphQLScalarType) -> None:
    """Values are checked, and handed on as they came; only AWSJSON is handed on as what its text describes."""
    check, check_literal, serialise = type_.coerce_input_value, type_.coerce_input_literal, type_.coerce_output_value

    def from_json(value: Any) -> Any:
        parsed = check(value)
        return parsed if type_.name == "AWSJSON" else value

    def from_literal(node: Any) -> Any:
        parsed = check_literal(node)
        return node.value if isinstance(node, StringValueNode) and type_.name != "AWSJSON" else parsed

    def to_json(value: Any) -> Any:
        if type_.name == "AWSJSON" and isinstance(value, str):
            return _json_text(value)
        return serialise(value)

    type_.coerce_input_value = from_json
    type_.coerce_input_literal = from_literal
    type_.coerce_output_value = to_json


def _json_text(text: str) -> str:
    """A resolver may answer AWSJSON as the text that clients get."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        raise GraphQLError("a string that holds JSON is expected") from None
    return text
