"""What the rules have in common: ways through a schema, and the form of a finding."""

from collections.abc import Iterable, Iterator
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    Node,
    TypeDefinitionNode,
    get_named_type,
    is_introspection_type,
    is_specified_scalar_type,
)

from app import sdl

Fielded = GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType


def finding(node: Node | None, coordinate: str, what: str) -> str:
    return f"{sdl.where(node) if node else 'schema'} {coordinate}: {what}"


def types(schema: GraphQLSchema) -> Iterator[GraphQLNamedType]:
    """The types that the project defines."""
    for type_ in schema.type_map.values():
        if not (is_introspection_type(type_) or is_specified_scalar_type(type_) or type_.name in sdl.AWS_SCALARS):
            yield type_


def fields(schema: GraphQLSchema) -> Iterator[tuple[Fielded, str, GraphQLField | GraphQLInputField]]:
    """Every field of every object, interface and input."""
    for type_ in types(schema):
        if isinstance(type_, Fielded):
            for name, field in type_.fields.items():
                yield type_, name, field


def root_fields(schema: GraphQLSchema, root: str) -> Iterable[tuple[str, GraphQLField]]:
    """The fields of "Query", "Mutation" or "Subscription"; none when the schema has no such root."""
    type_ = schema.type_map.get(root)
    return type_.fields.items() if isinstance(type_, GraphQLObjectType) else ()


def named_fields(type_: Any) -> dict[str, Any]:
    """The fields of the type behind lists and non-null; empty for what has none."""
    return getattr(get_named_type(type_), "fields", {})


def arguments(field: GraphQLField) -> dict[str, Any]:
    """What a mutation is told: its arguments, or the fields of its one `input`."""
    if list(field.args) == ["input"]:
        return named_fields(field.args["input"].type)
    return field.args


def definitions(document: DocumentNode) -> Iterator[TypeDefinitionNode]:
    for node in document.definitions:
        if isinstance(node, TypeDefinitionNode):
            yield node


def members(node: Any) -> Iterator[Any]:
    """The fields or enum values that a definition or extension holds."""
    yield from getattr(node, "fields", None) or ()
    yield from getattr(node, "values", None) or ()
