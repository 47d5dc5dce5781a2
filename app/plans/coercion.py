"""Raw input values, coerced as graphql-core does it where they are just as their type says.

Whatever else comes raises, and graphql-core looks at it: it alone knows all that may pass, and each fault's words.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from graphql import GraphQLInputObjectType, GraphQLInputType, GraphQLList, GraphQLNonNull, Undefined
from graphql.utilities.coerce_input_value import coerce_default_value

Coerce = Callable[[Any], Any]
"""From a raw value that is not null to what resolvers are given."""

UNCHANGEABLE = (str, int, float, bool, type(None))
"""Of values that may be handed out again and again."""

_KEPT: Mapping[str, type] = {"String": str, "ID": str, "Boolean": bool}
"""Scalars whose values are mostly of one Python type, and stay as they are."""


class Unusual(Exception):
    """It is for graphql-core to look at: a value, or all values of a type."""


class Member(NamedTuple):
    """One of the values that come together, each under a name: a variable, or a field of an input object.

    Attributes:
        out_name: among the coerced values.
        kept: Python's type of values that stay as they are; None where there is none.
        required: it may not be null, nor absent without a default.
        default: coerced; Undefined where there is none.
    """

    name: str
    out_name: str
    kept: type | None
    coerce: Coerce
    required: bool
    default: Any


def member(
    name: str, out_name: str, type_: GraphQLInputType, default: Any, holders: tuple[GraphQLInputType, ...] = ()
) -> Member:
    """Raises Unusual.

    Args:
        holders: the input objects that it is in. One that holds itself is unusual: nothing bounds its depth.
    """
    if default is not Undefined and not isinstance(default, UNCHANGEABLE):
        raise Unusual
    kept = _KEPT.get(str(_nullable(type_)))
    return Member(name, out_name, kept, _coercion(type_, holders), isinstance(type_, GraphQLNonNull), default)


def coerced_members(members: Sequence[Member], raw: Mapping[str, Any]) -> dict[str, Any]:
    """In the order of the members. Raises for what is unusual; names of no member are not looked at."""
    coerced: dict[str, Any] = {}
    for name, out_name, kept, coerce, required, default in members:
        value = raw.get(name, Undefined)
        if value.__class__ is kept:
            coerced[out_name] = value
        elif value is Undefined:
            if default is not Undefined:
                coerced[out_name] = default
            elif required:
                raise Unusual
        elif value is not None:
            coerced[out_name] = coerce(value)
        elif required:
            raise Unusual
        else:
            coerced[out_name] = None
    return coerced


def _coercion(type_: GraphQLInputType, holders: tuple[GraphQLInputType, ...]) -> Coerce:
    inner = _nullable(type_)
    if isinstance(inner, GraphQLList):
        return _list(inner, holders)
    if isinstance(inner, GraphQLInputObjectType):
        return _object(inner, holders)
    coerce: Coerce = inner.coerce_input_value
    return coerce


def _list(type_: GraphQLList[Any], holders: tuple[GraphQLInputType, ...]) -> Coerce:
    coerce, required = _coercion(type_.of_type, holders), isinstance(type_.of_type, GraphQLNonNull)

    def coerced(value: Any) -> list[Any]:
        if value.__class__ is not list or (required and None in value):
            raise Unusual
        return [None if each is None else coerce(each) for each in value]

    return coerced


def _object(type_: GraphQLInputObjectType, holders: tuple[GraphQLInputType, ...]) -> Coerce:
    if type_.is_one_of or type_ in holders:
        raise Unusual
    members = [
        member(name, field.out_name or name, field.type, coerce_default_value(field), (*holders, type_))
        for name, field in type_.fields.items()
    ]
    names = type_.fields.keys()

    def coerced(value: Any) -> dict[str, Any]:
        if value.__class__ is not dict or not value.keys() <= names:
            raise Unusual
        return coerced_members(members, value)

    return coerced


def _nullable(type_: GraphQLInputType) -> Any:
    return type_.of_type if isinstance(type_, GraphQLNonNull) else type_
