"""A schema with made-up answers: right ones mostly, and every kind of wrong one. To one question always the same."""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from random import Random
from typing import Any
from zlib import crc32

import msgspec
from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
)

from app import plain_fields, scalars, sdl
from app.access import object_types
from app.binding import bind
from app.sdl import snake
from domain.callers import Mode
from domain.errors import Code, DomainError
from domain.records import Record
from resolvers.registry import Resolver

DEEPEST = 4
"""Levels of records within records."""

GOOD: Mapping[str, tuple[Any, ...]] = {
    "String": ("text", "", 'é\u2028"\\\n', "x" * 50),
    "ID": ("01HZ", "a/b"),
    "Int": (0, 7, -(2**31), 2**31 - 1),
    "Float": (0.5, 3, -1e300),
    "Boolean": (True, False),
    "AWSDateTime": ("2026-11-21T12:00:00.000Z", "0001-01-01T00:00:00.000Z"),
    "AWSDate": ("2026-11-21",),
    "AWSTime": ("12:00:00",),
    "AWSTimestamp": (0, 2**40),
    "AWSEmail": ("ada@example.com",),
    "AWSJSON": ({"a": [1]}, "text", 5, [None]),
    "AWSURL": ("https://example.com/a",),
    "AWSPhone": ("+12125550123",),
    "AWSIPAddress": ("127.0.0.1",),
}
BAD: tuple[Any, ...] = (None, 5, 5.0, "text", True, 2**40, float("nan"), ("a",), {"a": 1}, b"x", "2026-11-21T12:00:00Z")
"""What may stand anywhere, and fits some types nevertheless."""

Answers = Callable[[str], Resolver | None]
"""The resolver that answers a field by its coordinate; None where an attribute does."""


class World:
    """A bound schema whose resolvers answer by chance.

    Args:
        resolved: only how a resolver is called is used of it.

    Attributes:
        seed: what the answers depend on besides the question.
        chaos: the share of wrong answers.
    """

    def __init__(self, document: DocumentNode, resolved: Answers) -> None:
        self.schema: GraphQLSchema = sdl.build(document)
        self.seed: object = 0
        self.chaos = 0.0
        scalars.install(self.schema)
        roots = {str(self.schema.query_type), str(self.schema.mutation_type), str(self.schema.subscription_type)}
        self._records: dict[str, type[msgspec.Struct]] = {}
        self._attributes: dict[str, list[tuple[str, GraphQLField]]] = {}
        registry = {}
        for type_ in object_types(self.schema):
            attributes: list[tuple[str, GraphQLField]] = []
            for name, field in type_.fields.items():
                coordinate = f"{type_.name}.{name}"
                resolver = resolved(coordinate)
                if resolver is None:
                    attributes.append((snake(name), field))
                else:
                    func = self._resolver(coordinate, field, resolver, is_root=type_.name in roots)
                    registry[coordinate] = msgspec.structs.replace(resolver, func=func)
            if type_.name not in roots:
                self._attributes[type_.name] = attributes
                fields = [("fuzz_key", str), *((attribute, Any) for attribute, _ in attributes)]
                self._records[type_.name] = msgspec.defstruct(
                    type_.name, fields, bases=(Record,), frozen=True, kw_only=True
                )
        bind(self.schema, registry, self._records, frozenset({Mode.COGNITO}))
        for type_ in object_types(self.schema):
            plain_fields.install(type_, {})  # graphql-core itself is the measure

    def _resolver(self, coordinate: str, field: GraphQLField, like: Resolver, *, is_root: bool) -> Callable[..., Any]:
        async def one(_: Any, source: Any = None, **arguments: Any) -> Any:
            question = f"{coordinate} {sorted(arguments.items())!r}"
            chance = self._chance(question, "one", _key(source))
            await _some_time(chance)
            self._raise(chance)
            return self._value(field.type, f"{question} of {_key(source)}", 0, chance)

        async def many(_: Any, sources: list[Any], **arguments: Any) -> Any:
            question = f"{coordinate} {sorted(arguments.items())!r}"
            chance = self._chance(question, "many")
            await _some_time(chance)
            self._raise(chance)
            if chance.random() < self.chaos / 2:
                return [None] * (len(sources) + 1)
            return [
                self._value(field.type, f"{question} of {_key(source)}", 0, self._chance(question, _key(source)))
                for source in sources
            ]

        func: Any = many if like.batched else one
        positional = ["ctx"] if is_root else ["ctx", "source"]
        func.__signature__ = inspect.Signature(
            [
                *(inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in positional),
                *(inspect.Parameter(snake(name), inspect.Parameter.KEYWORD_ONLY, default=None) for name in field.args),
            ]
        )
        made: Callable[..., Any] = func
        return made

    def _chance(self, *question: object) -> Random:
        return Random(hash_of(repr((self.seed, question))))

    def _raise(self, chance: Random) -> None:
        if chance.random() < self.chaos:
            raise chance.choice([DomainError(Code.NOT_FOUND, "No such thing."), RuntimeError("boom"), KeyError("x")])

    def _value(self, type_: Any, key: str, depth: int, chance: Random) -> Any:
        wrong = chance.random()
        if isinstance(type_, GraphQLNonNull):
            return None if wrong < self.chaos / 2 else self._good(type_.of_type, key, depth, chance)
        return None if wrong < 0.1 else self._good(type_, key, depth, chance)

    def _good(self, type_: Any, key: str, depth: int, chance: Random) -> Any:
        """A value of the type, unless chance wants another."""
        if chance.random() < self.chaos:
            if chance.random() < 0.2:
                return DomainError(Code.FORBIDDEN, "Not this one.")
            return chance.choice(BAD)
        if isinstance(type_, GraphQLList):
            count = 0 if depth > DEEPEST else chance.randrange(4)
            items = [self._value(type_.of_type, f"{key}[{index}]", depth, chance) for index in range(count)]
            return chance.choice([tuple, list])(items)
        if isinstance(type_, GraphQLEnumType):
            return chance.choice(list(type_.values))
        if isinstance(type_, GraphQLScalarType):
            return chance.choice(GOOD[type_.name])
        if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
            type_ = chance.choice(list(self.schema.get_possible_types(type_)))
        return self._record(type_, key, depth + 1, chance)

    def _record(self, type_: GraphQLObjectType, key: str, depth: int, chance: Random) -> Any:
        values: dict[str, Any] = {}
        for attribute, field in self._attributes[type_.name]:
            if depth > DEEPEST and not isinstance(field.type, GraphQLNonNull):
                values[attribute] = None
            else:
                values[attribute] = self._value(field.type, f"{key}.{attribute}", depth, chance)
        return self._records[type_.name](fuzz_key=key, **values)


def _key(source: Any) -> str:
    """A record's name; what is none has the name of its kind."""
    return getattr(source, "fuzz_key", type(source).__name__)


def hash_of(text: str) -> int:
    """The same in every process."""
    return crc32(text.encode())


async def _some_time(chance: Random) -> None:
    for _ in range(chance.choice([0, 0, 1, 2])):
        await asyncio.sleep(0)
