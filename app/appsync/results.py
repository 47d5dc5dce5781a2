"""What a resolver gives, as JSON with the SDL's names: all that AppSync reads from it without asking again.

Fields that have a resolver are left out, for AppSync asks for them with the parent as their source. All others
are there whether they were selected or not, for a resolver below may need them. Where that can be told, and where a
selection comes again, app/appsync/selection.py takes this one's place.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    Undefined,
    is_leaf_type,
)

from app.access import Rule
from app.sdl import snake
from domain.callers import Caller
from resolvers.registry import Resolver

Write = Callable[[Any, Caller], Any]
"""From a resolver's value to JSON. Raises ValueError for a value that does not fit its type."""


_Field = tuple[str, str, Write, Rule | None]
"""The SDL's name, the record's, how its value is written, and who may read it where not everybody may."""


class Results:
    """Args: rules: of the fields that not everybody may read, by coordinate."""

    def __init__(self, resolvers: Mapping[str, Resolver], rules: Mapping[str, Rule]) -> None:
        self._resolvers = resolvers
        self._rules = rules
        self._fields: dict[str, list[_Field]] = {}

    def writer(self, type_: GraphQLOutputType) -> Write:
        """A null stays null, also where the SDL allows none: AppSync says so, and where."""
        inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if isinstance(inner, GraphQLList):
            return self._list(inner)
        if isinstance(inner, GraphQLObjectType):
            return self._object(inner)
        if not is_leaf_type(inner):
            raise TypeError(f"{inner} is abstract: a result would have to say which type it is")
        return self._leaf(inner)

    def _list(self, type_: GraphQLList[Any]) -> Write:
        write = self.writer(type_.of_type)
        return lambda values, caller: None if values is None else [write(value, caller) for value in values]

    def _object(self, type_: GraphQLObjectType) -> Write:
        def write(record: Any, caller: Caller) -> dict[str, Any] | None:
            if record is None:
                return None
            return {
                field: None
                if rule is not None and not rule.allows(caller)
                else inner(getattr(record, attribute), caller)
                for field, attribute, inner, rule in self._fields_of(type_)
            }

        return write

    def _fields_of(self, type_: GraphQLObjectType) -> list[_Field]:
        """Found when the first record is written: most types are not asked for."""
        known = self._fields.get(type_.name)
        if known is None:
            known = self._fields[type_.name] = [
                (name, snake(name), self.writer(field.type), self._rules.get(f"{type_.name}.{name}"))
                for name, field in type_.fields.items()
                if f"{type_.name}.{name}" not in self._resolvers
            ]
        return known

    def _leaf(self, type_: Any) -> Write:
        coerce = type_.coerce_output_value

        def write(value: Any, _caller: Caller) -> Any:
            if value is None:
                return None
            written = coerce(value)
            if written is Undefined:
                raise ValueError(f"a resolver's value is no {type_.name}")
            return written

        return write
