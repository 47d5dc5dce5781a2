"""Scalars and enums in generated code: how a value is coerced, checked without a call, and described to msgspec."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from graphql import GraphQLEnumType, GraphQLLeafType, Undefined
from msgspec import Meta

_INT = 2**31
_LONG = 2**63
MOMENT = r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z\Z"

_STRING = "{first}.__class__ is str"
_CHECKS: Mapping[str, str] = {
    "String": _STRING,
    "ID": _STRING,
    "Boolean": "{first}.__class__ is bool",
    "Int": f"{{first}}.__class__ is int and {-_INT} <= {{again}} < {_INT}",
    "AWSTimestamp": f"{{first}}.__class__ is int and {-_LONG} <= {{again}} < {_LONG}",
    "AWSDateTime": f"{_STRING} and is_moment({{again}})",
}
"""What is true of a value that stands in the answer as it is."""

_TYPES: Mapping[str, Any] = {
    "String": str,
    "ID": str,
    "Boolean": bool,
    "Int": Annotated[int, Meta(ge=-_INT, lt=_INT)],
    "AWSTimestamp": Annotated[int, Meta(ge=-_LONG, lt=_LONG)],
    "AWSDateTime": Annotated[str, Meta(pattern=MOMENT)],
}
"""To msgspec: what it lets through stands in the answer as it is."""


def coercion(type_: GraphQLLeafType) -> Callable[[Any], Any]:
    """A value as it stands in the answer. Raises what the type raises, TypeError, or itself."""
    coerce = type_.coerce_output_value

    def coerced(value: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        result = coerce(value)
        if result is None or result is Undefined:
            raise TypeError(f"{type_} has no such value")
        return result

    return coerced


def inline_check(type_: GraphQLLeafType, first: str, again: str) -> str | None:
    """Code that is true for a value that needs no coercion; None where there is no such code.

    Args:
        first: the code of the value, `again` that of the same value later on.
    """
    check = _CHECKS.get(type_.name)
    if isinstance(type_, GraphQLEnumType) and _is_its_names(type_):
        check = f"{_STRING} and {{again}} in names_{type_.name}"
    return None if check is None else check.format(first=first, again=again)


def names(type_: GraphQLLeafType) -> dict[str, Any]:
    """What generated code has to know of a type, under the names that it uses."""
    known: dict[str, Any] = {f"leaf_{type_.name}": coercion(type_), f"type_{type_.name}": struct_type(type_)}
    if isinstance(type_, GraphQLEnumType):
        known[f"names_{type_.name}"] = frozenset(type_.values)
    return known


def struct_type(type_: GraphQLLeafType) -> Any:
    """The type for msgspec; None where it cannot tell what stands in the answer as it is."""
    if isinstance(type_, GraphQLEnumType):
        return Literal[tuple(type_.values)] if _is_its_names(type_) else None
    return _TYPES.get(type_.name)


def _is_its_names(type_: GraphQLEnumType) -> bool:
    """Whether each value stands for itself, as in every schema that comes from SDL."""
    return all(name == each.value for name, each in type_.values.items())
