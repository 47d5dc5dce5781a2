"""Everything in which the SDL, the resolvers and the records can contradict each other."""

import inspect
from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any, get_args, get_type_hints

import msgspec
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
)

from app.access import object_types
from app.sdl import snake
from resolvers.registry import Resolver


def mismatches(
    schema: GraphQLSchema, resolvers: Mapping[str, Resolver], records: Mapping[str, type[msgspec.Struct]]
) -> list[str]:
    """One sentence a fault, each naming its coordinate; empty when everything fits."""
    types = {type_.name: type_ for type_ in object_types(schema)}
    roots = [type_ for type_ in (schema.query_type, schema.mutation_type, schema.subscription_type) if type_]
    faults: list[str] = []
    for name, type_ in types.items():
        faults += _of_type(type_, resolvers, records.get(name), is_root=type_ in roots)
    fields = {f"{type_.name}.{name}" for type_ in types.values() for name in type_.fields}
    faults += [f"{name} has a resolver, but the SDL has no such field" for name in resolvers.keys() - fields]
    faults += [f"{name} has a record, but the SDL has no such object type" for name in records.keys() - types]
    faults += [f"{name} is a root, it takes no record" for name in records.keys() & {root.name for root in roots}]
    faults += _of_abstract_types(schema, records)
    return sorted(faults)


def _of_type(
    type_: GraphQLObjectType, resolvers: Mapping[str, Resolver], record: type[msgspec.Struct] | None, *, is_root: bool
) -> Iterator[str]:
    attributes = _attributes(record) if record else {}
    unanswered: list[str] = []
    for name, field in type_.fields.items():
        coordinate = f"{type_.name}.{name}"
        resolver = resolvers.get(coordinate)
        if resolver:
            yield from _of_resolver(coordinate, field, resolver, is_root=is_root)
        elif is_root:
            yield f"{coordinate} has no resolver"
        elif record is None:
            unanswered.append(name)
        elif snake(name) not in attributes:
            yield f"{coordinate} has neither a resolver nor an attribute {record.__name__}.{snake(name)}"
        elif field.args:
            yield f"{coordinate} takes arguments, so an attribute cannot answer it"
        elif isinstance(field.type, GraphQLNonNull) and NoneType in get_args(attributes[snake(name)]):
            yield f"{coordinate} is never null in the SDL, but {record.__name__}.{snake(name)} may be None"
    if unanswered:
        yield f"{type_.name} has no record, and no resolvers for {', '.join(unanswered)}"


def _attributes(record: type[msgspec.Struct]) -> Mapping[str, Any]:
    """What a record can answer, fields and computed properties, with their types."""
    members = (member for base in reversed(record.__mro__) for member in vars(base).items())
    getters = {name: member.fget for name, member in members if isinstance(member, property)}
    return get_type_hints(record) | {name: get_type_hints(getter).get("return") for name, getter in getters.items()}


def _of_resolver(coordinate: str, field: GraphQLField, resolver: Resolver, *, is_root: bool) -> Iterator[str]:
    parameters = inspect.signature(resolver.func).parameters.values()
    keywords = {each.name: each for each in parameters if each.kind is each.KEYWORD_ONLY}
    arguments = {snake(name): argument for name, argument in field.args.items()}
    if not inspect.iscoroutinefunction(resolver.func):
        yield f"{coordinate}: the resolver is not an async function"
    if resolver.coordinate != coordinate:
        yield f"{coordinate}: the resolver says it answers {resolver.coordinate}"
    if resolver.batched and is_root:
        yield f"{coordinate}: a root field has no sources to batch"
    if resolver.batched and resolver.most < 1:
        yield f"{coordinate}: a batch needs room for at least one source"
    if resolver.suspended_too and not is_root:
        yield f"{coordinate}: only root fields ask whether the account is suspended"
    positional = sum(each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) for each in parameters)
    expected = 1 if is_root else 2
    if positional != expected:
        yield f"{coordinate}: the resolver takes {positional} positional parameters instead of {expected}"
    if keywords.keys() != arguments.keys():
        yield f"{coordinate}: the resolver takes {_listed(keywords)}, the SDL says {_listed(arguments)}"
    for name in keywords.keys() & arguments.keys():
        if not isinstance(arguments[name].type, GraphQLNonNull) and keywords[name].default is not None:
            yield f"{coordinate}: {name} may be absent, so its default must be None"


def _of_abstract_types(schema: GraphQLSchema, records: Mapping[str, type[msgspec.Struct]]) -> Iterator[str]:
    for name, type_ in schema.type_map.items():
        if not isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
            continue
        members: dict[type[msgspec.Struct], str] = {}
        for member in schema.get_possible_types(type_):
            record = records.get(member.name)
            if record is None:
                yield f"{name} cannot be told to be {member.name}: no record is given for it"
            elif record in members:
                yield f"{name} cannot tell {members[record]} from {member.name}: both are {record.__name__}"
            else:
                members[record] = member.name


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names)) or "no arguments"
