"""The operation that reads a record for its subscribers: a publishing mutation with every field selected."""

from collections.abc import Iterator, Mapping

import msgspec
from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)

from app.access import rule_of
from app.sdl import snake
from domain.callers import Mode
from subscriptions.projection import is_of_caller

DEEPEST = 3
"""Levels of objects, the record itself included."""


class Publishing(msgspec.Struct, frozen=True):
    """How one mutation is called.

    Attributes:
        text: the document.
        arguments: the SDL's names by those that resolvers use.
    """

    text: str
    arguments: Mapping[str, str]


def takes_a_key(schema: GraphQLSchema, mutation: str) -> bool:
    """Whether it is a `publishX` that is given a stored record's key, and no content of its own."""
    root = schema.mutation_type
    field = root.fields.get(mutation) if root else None
    if field is None or not mutation.startswith("publish"):
        return False
    return all(is_leaf_type(get_named_type(argument.type)) for argument in field.args.values())


def publishing(schema: GraphQLSchema, mutation: str, user_modes: frozenset[Mode]) -> Publishing:
    """The mutation with all that the backend may read of its result.

    Left out are fields of the caller, paged lists, what needs arguments, and ways back to a type that is
    already on the way.
    """
    root = schema.mutation_type
    if root is None or mutation not in root.fields:
        raise ValueError(f"there is no mutation {mutation}")
    field = root.fields[mutation]
    variables = ", ".join(f"${name}: {argument.type}" for name, argument in field.args.items())
    arguments = ", ".join(f"{name}: ${name}" for name in field.args)
    selection = " ".join(_selected(schema, get_named_type(field.type), user_modes, ()))
    text = f"mutation ({variables}) {{ {mutation}({arguments}) {{ {selection} }} }}"
    return Publishing(text, {snake(name): name for name in field.args})


def _selected(
    schema: GraphQLSchema, type_: GraphQLNamedType, user_modes: frozenset[Mode], above: tuple[str, ...]
) -> Iterator[str]:
    if len(above) == DEEPEST or type_.name in above:
        return
    if is_abstract_type(type_):
        yield "__typename"
        for each in schema.get_possible_types(type_):
            inner = " ".join(_selected(schema, each, user_modes, above))
            if inner:
                yield f"... on {each.name} {{ {inner} }}"
    elif isinstance(type_, GraphQLObjectType):
        for name, field in type_.fields.items():
            if not _is_read(type_, name, field, user_modes):
                continue
            below = get_named_type(field.type)
            if is_leaf_type(below):
                yield name
                continue
            inner = " ".join(_selected(schema, below, user_modes, (*above, type_.name)))
            if inner:
                yield f"{name} {{ {inner} }}"


def _is_read(parent: GraphQLObjectType, name: str, field: GraphQLField, user_modes: frozenset[Mode]) -> bool:
    needs = any(isinstance(argument.type, GraphQLNonNull) for argument in field.args.values())
    pages = field.args.keys() >= {"limit", "nextToken"}
    gate = rule_of(parent, field, user_modes).gate
    may = Mode.IAM in gate and gate[Mode.IAM] is None
    return may and not (needs or pages or is_of_caller(name))
