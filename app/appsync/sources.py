"""A parent as AppSync sends it, as the record that resolvers take.

What the SDL does not name is not there, and nothing stands in for it: reading it fails. A resolver that needs it
says so in the registry, and is given the record as it was read again.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLOutputType, GraphQLSchema, is_leaf_type

from app.appsync.event import BadEvent
from app.sdl import snake
from resolvers.registry import Resolver

Read = Callable[[Any], Any]


class SourceRecords:
    """Args: records: by GraphQL object type."""

    def __init__(
        self,
        schema: GraphQLSchema,
        resolvers: Mapping[str, Resolver],
        records: Mapping[str, type[msgspec.Struct]],
    ) -> None:
        self._schema = schema
        self._resolvers = resolvers
        self._records = records
        self._shapes: dict[str, _Shape] = {}

    def read(self, type_name: str, source: Any) -> Any:
        """Raises BadEvent for what our own resolvers cannot have given."""
        if not isinstance(source, Mapping):
            raise BadEvent(f"a source of type {type_name} is no object")
        known = self._shapes.get(type_name)
        if known is None:
            type_: Any = self._schema.type_map[type_name]
            record = self._records[type_name]
            known = self._shapes[type_name] = _Shape(record, self._readers(type_, record))
        return known.record_of(source)

    def _readers(self, type_: GraphQLObjectType, record: type[msgspec.Struct]) -> dict[str, tuple[str, Read]]:
        """By attribute: the SDL's name, and how its value is read. What is computed from others is not among them."""
        shown = {
            snake(name): (name, self._reader(field.type))
            for name, field in type_.fields.items()
            if f"{type_.name}.{name}" not in self._resolvers
        }
        return {attribute: shown[attribute] for attribute in record.__struct_fields__ if attribute in shown}

    def _reader(self, type_: GraphQLOutputType) -> Read:
        inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if isinstance(inner, GraphQLList):
            each = self._reader(inner.of_type)
            return lambda values: None if values is None else tuple(each(value) for value in values)
        if is_leaf_type(inner):
            return lambda value: value
        name = inner.name
        return lambda value: None if value is None else self.read(name, value)


class _Shape:
    """How one type's JSON becomes its record."""

    def __init__(self, record: type[msgspec.Struct], readers: Mapping[str, tuple[str, Read]]) -> None:
        self._record = record
        self._readers = readers
        self._blank = dict.fromkeys(record.__struct_fields__)
        self._hidden = [getattr(record, name) for name in record.__struct_fields__ if name not in readers]

    def record_of(self, source: Mapping[str, Any]) -> Any:
        """AppSync may leave out what is null."""
        values = {attribute: read(source.get(name)) for attribute, (name, read) in self._readers.items()}
        record = self._record(**{**self._blank, **values})
        for member in self._hidden:
            member.__delete__(record)  # unset from here on: whoever reads it is told so
        return record
