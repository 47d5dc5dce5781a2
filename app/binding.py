"""SDL + resolvers + records -> an executable schema. Refuses to start when a field has no answer."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
)

from app import plain_fields
from app.access import Rule, object_types, rules_to_check, unauthorized
from app.binding_checks import mismatches
from app.bound_fields import BoundField, note_field, note_records
from app.scope import RequestScope
from app.sdl import snake
from domain.callers import Mode
from domain.errors import account_suspended
from resolvers.registry import Resolver

Resolve = Callable[..., Any]


class BindingError(Exception):
    """The SDL, the resolvers and the records do not fit. The text lists every fault, one a line."""


def bind(
    schema: GraphQLSchema,
    resolvers: Mapping[str, Resolver],
    records: Mapping[str, type[msgspec.Struct]],
    user_modes: frozenset[Mode],
) -> GraphQLSchema:
    """Gives every field of `schema` its resolver, guarded by its auth directives, in place.

    A field is answered by its resolver, else by the attribute of its type's record. Arguments and input
    fields arrive under snake_case names; an absent one is not passed, an explicit null is None.

    Args:
        resolvers: by coordinate "Type.field".
        records: by GraphQL object type.
        user_modes: what "signed in" means in this deployment.

    Raises:
        BindingError: listing everything that does not fit, in either direction.
    """
    faults = mismatches(schema, resolvers, records)
    if faults:
        raise BindingError("\n".join(["the schema cannot be served:", *faults]))
    _name_inputs(schema)
    _tell_types_apart(schema, records)
    note_records(schema.type_map, records)
    rules = rules_to_check(schema, user_modes)
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    for parent in object_types(schema):
        plain = {}
        for name, field in parent.fields.items():
            coordinate = f"{parent.name}.{name}"
            resolver = resolvers.get(coordinate)
            if resolver is None:
                resolve = _attribute(snake(name))
            elif parent in roots:
                resolve = _root(resolver)
            elif resolver.batched:
                resolve = _batched(resolver)
            else:
                resolve = _nested(resolver)
            rule = rules.get(coordinate)
            field.resolve = _guarded(coordinate, rule, resolve) if rule else resolve
            note_field(field, BoundField(coordinate, snake(name), resolver, rule, parent in roots))
            if resolver is None and rule is None and (read := plain_fields.reader(snake(name), field.type)):
                plain[name] = read
        plain_fields.install(parent, plain)
    return schema


def _name_inputs(schema: GraphQLSchema) -> None:
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInputObjectType):
            for name, input_field in type_.fields.items():
                input_field.out_name = snake(name)
    for parent in object_types(schema):
        for field in parent.fields.values():
            for name, argument in field.args.items():
                argument.out_name = snake(name)


def _tell_types_apart(schema: GraphQLSchema, records: Mapping[str, type[msgspec.Struct]]) -> None:
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
            type_.resolve_type = _type_of({records[each.name]: each for each in schema.get_possible_types(type_)})


def _type_of(types: Mapping[type[msgspec.Struct], GraphQLObjectType]) -> Callable[..., str | None]:
    names = {record: type_.name for record, type_ in types.items()}

    def resolve_type(value: Any, _info: GraphQLResolveInfo[RequestScope], _abstract: Any) -> str | None:
        return names.get(type(value))

    return resolve_type


def _attribute(name: str) -> Resolve:
    def resolve(source: Any, _info: GraphQLResolveInfo[RequestScope]) -> Any:
        return getattr(source, name)

    return resolve


def _root(resolver: Resolver) -> Resolve:
    func, suspended_too = resolver.func, resolver.suspended_too

    def resolve(_source: Any, info: GraphQLResolveInfo[RequestScope], **args: Any) -> Any:
        ctx = info.context.ctx
        if ctx.caller.suspended and not suspended_too:
            raise account_suspended()
        return func(ctx, **args)

    return resolve


def _nested(resolver: Resolver) -> Resolve:
    func = resolver.func

    def resolve(source: Any, info: GraphQLResolveInfo[RequestScope], **args: Any) -> Any:
        return func(info.context.ctx, source, **args)

    return resolve


def _batched(resolver: Resolver) -> Resolve:
    func, coordinate, most = resolver.func, resolver.coordinate, resolver.most

    def resolve(source: Any, info: GraphQLResolveInfo[RequestScope], **args: Any) -> Any:
        scope = info.context
        # In one request the same place in the document always has the same arguments.
        key = (coordinate, id(info.field_nodes[0])) if args else coordinate
        loader = scope.loader(key)
        if loader is None:
            loader = scope.add_loader(key, coordinate, lambda sources: func(scope.ctx, sources, **args), most)
        return loader.load(source)

    return resolve


def _guarded(coordinate: str, rule: Rule, resolve: Resolve) -> Resolve:
    allows = rule.allows

    def resolve_if_allowed(source: Any, info: GraphQLResolveInfo[RequestScope], **args: Any) -> Any:
        if not allows(info.context.ctx.caller):
            raise unauthorized(coordinate)
        return resolve(source, info, **args)

    return resolve_if_allowed
