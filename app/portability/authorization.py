"""Auth directives: each must mean what it seems to mean once several modes are on."""

from collections.abc import Iterator

from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
)

from app import sdl
from app.portability.schema_walk import finding, types
from domain.callers import Group, Mode

MODE_NAMES = {mode: name for name, mode in sdl.MODE_OF_DIRECTIVE.items() if name != "aws_auth"}


def groups_exist(schema: GraphQLSchema) -> Iterator[str]:
    for type_ in types(schema):
        if not isinstance(type_, GraphQLObjectType):
            continue
        for coordinate, member in ((type_.name, type_), *((f"{type_.name}.{n}", f) for n, f in type_.fields.items())):
            stated = sdl.stated_gate(member.ast_node) if member.ast_node else {}
            for groups in stated.values():
                if groups is not None and not groups:
                    yield finding(member.ast_node, coordinate, "an empty list of groups lets nobody pass")
                for group in sorted((groups or frozenset()) - {*Group}):
                    yield finding(member.ast_node, coordinate, f"there is no group {group}")


def fields_are_no_wider_than_their_type(schema: GraphQLSchema) -> Iterator[str]:
    """AppSync asks at the type first, so a wider field could never be read."""
    for type_ in _object_types(schema):
        if type_.name in sdl.ROOTS:
            continue
        for name, field in type_.fields.items():
            beyond = _modes(type_, field) - _type_modes(type_)
            if beyond:
                yield finding(field.ast_node, f"{type_.name}.{name}", f"is open to {_names(beyond)}, its type is not")


def types_admit_every_mode_that_reaches_them(schema: GraphQLSchema) -> Iterator[str]:
    """Otherwise the field that leads there answers null with Unauthorized."""
    for type_ in _object_types(schema):
        for name, field in type_.fields.items():
            for target in _objects(schema, get_named_type(field.type)):
                missing = _modes(type_, field) - _type_modes(target)
                if missing:
                    at = f"{type_.name}.{name}"
                    yield finding(field.ast_node, at, f"is open to {_names(missing)}, {target.name} is not")


def _object_types(schema: GraphQLSchema) -> Iterator[GraphQLObjectType]:
    return (type_ for type_ in types(schema) if isinstance(type_, GraphQLObjectType))


def _objects(schema: GraphQLSchema, type_: GraphQLNamedType) -> list[GraphQLObjectType]:
    """The object types that a field of this type can give."""
    if is_abstract_type(type_):
        return list(schema.get_possible_types(type_))
    return [type_] if isinstance(type_, GraphQLObjectType) else []


def _type_modes(type_: GraphQLObjectType) -> set[Mode]:
    stated = sdl.stated_gate(type_.ast_node) if type_.ast_node else {}
    return set(stated or sdl.DEFAULT_GATE)


def _modes(type_: GraphQLObjectType, field: object) -> set[Mode]:
    node = getattr(field, "ast_node", None)
    return set(sdl.gate(type_.ast_node, node)) if type_.ast_node and node else set(sdl.DEFAULT_GATE)


def _names(modes: set[Mode]) -> str:
    return ", ".join(sorted(f"@{MODE_NAMES[mode]}" for mode in modes))


SCHEMA_RULES = (groups_exist, fields_are_no_wider_than_their_type, types_admit_every_mode_that_reaches_them)
