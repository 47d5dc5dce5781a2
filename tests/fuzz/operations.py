"""Random operations, valid in nearly all cases, with variables that sometimes do not fit."""

from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

from tests.fuzz.world import BAD

ALIASES = ("a", "b", "None", "class", "self", "record", "v0", "i0", "_", "__proto__", "isPreview", "constructor", "id")

LITERALS = {
    "String": ('"text"', '"{}\\"\\n"', '"""block {"""'),
    "ID": ('"01HZ"', "7"),
    "Int": ("0", "-5", "2147483647"),
    "Float": ("0.5", "1e3", "3"),
    "Boolean": ("true", "false"),
    "AWSDateTime": ('"2026-11-21T12:00:00Z"',),
    "AWSDate": ('"2026-11-21"',),
    "AWSTime": ('"12:00:00"',),
    "AWSTimestamp": ("1700000000",),
    "AWSEmail": ('"ada@example.com"',),
    "AWSJSON": ('"{\\"a\\": [1]}"', '"5"'),
    "AWSURL": ('"https://example.com/a"',),
    "AWSPhone": ('"+12125550123"',),
    "AWSIPAddress": ('"127.0.0.1"',),
}
VALUES = {
    "String": ("text", ""),
    "ID": ("01HZ", 7),
    "Int": (0, -5, 5.0),
    "Float": (0.5, 3),
    "Boolean": (True, False),
    "AWSDateTime": ("2026-11-21T12:00:00+01:00",),
    "AWSDate": ("2026-11-21",),
    "AWSTime": ("12:00:00",),
    "AWSTimestamp": (1_700_000_000,),
    "AWSEmail": ("ada@example.com",),
    "AWSJSON": ('{"a": [1]}',),
    "AWSURL": ("https://example.com/a",),
    "AWSPhone": ("+12125550123",),
    "AWSIPAddress": ("127.0.0.1",),
}
"""By scalar: as it is written in a document, and as JSON."""


class Operations:
    """Makes operations for a schema, by chance.

    Args:
        faults: the share of variables that do not fit.
    """

    def __init__(self, schema: GraphQLSchema, chance: Random, faults: float) -> None:
        self._schema = schema
        self._chance = chance
        self._faults = faults
        self._definitions: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        self._fragments: list[tuple[str, Any, str]] = []
        self._room = self._aliases = 0

    def make(self) -> tuple[str, dict[str, Any]]:
        """A document with one operation, and raw variables."""
        self._definitions, self._values, self._fragments = {}, {}, []
        self._room = self._chance.choice([6, 20, 60])
        mutation = self._chance.random() < 0.2
        root = self._schema.mutation_type if mutation else self._schema.query_type
        body = self._selection(root, 0)
        variables = ", ".join(self._definitions.values())
        head = f"{'mutation' if mutation else 'query'} Q{f'({variables})' if variables else ''}"
        fragments = (f"fragment {name} on {type_} {text}" for name, type_, text in self._fragments)
        return "\n".join([f"{head} {body}", *fragments]), self._values

    def _selection(self, type_: Any, depth: int) -> str:
        parts: list[str] = []
        is_union = isinstance(type_, GraphQLUnionType)
        for _ in range(self._chance.randrange(1, 3 if depth == 0 else 6)):
            kind = self._chance.random()
            if kind < 0.1 or (is_union and kind < 0.3):
                parts.append(self._maybe("typename: ", 0.2) + "__typename" + self._directives())
            elif kind < 0.25 or is_union or (isinstance(type_, GraphQLInterfaceType) and kind < 0.5):
                parts.append(self._fragment(type_, depth))
            else:
                parts += self._field(type_, depth)
        return "{ " + " ".join(parts or ["__typename"]) + " }"

    def _field(self, type_: Any, depth: int) -> list[str]:
        fields = type_.fields
        usable = [
            name for name, each in fields.items() if is_leaf_type(get_named_type(each.type)) or self._has_room(depth)
        ]
        if not usable:
            return ["__typename"]
        name = self._chance.choice(usable)
        field = fields[name]
        self._room -= 1
        arguments = self._arguments(field.args)
        head = self._alias(name, arguments) + name + arguments
        below = get_named_type(field.type)
        # The same field twice in one place becomes one, with both selections.
        return [
            head + self._directives() + ("" if is_leaf_type(below) else " " + self._selection(below, depth + 1))
            for _ in range(2 if self._chance.random() < 0.1 else 1)
        ]

    def _alias(self, name: str, arguments: str) -> str:
        """Mostly such that it means the same wherever it stands."""
        kind = self._chance.random()
        if arguments and kind < 0.8:
            self._aliases += 1
            return f"x{self._aliases}: "
        if kind < 0.03:
            return f"{self._chance.choice(ALIASES)}: "
        return f"{self._chance.choice(ALIASES)}{name}: " if kind < 0.2 else ""

    def _has_room(self, depth: int) -> bool:
        return depth < 7 and self._room > 0

    def _fragment(self, type_: Any, depth: int) -> str:
        on = type_
        if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
            on = self._chance.choice([*self._schema.get_possible_types(type_), type_])
        elif isinstance(type_, GraphQLObjectType) and type_.interfaces and self._chance.random() < 0.3:
            on = self._chance.choice(type_.interfaces)
        known = [name for name, each, _ in self._fragments if each is on]
        if known and self._chance.random() < 0.3:
            return f"...{self._chance.choice(known)}{self._directives()}"
        text = self._selection(on, depth)
        if self._chance.random() < 0.4:
            name = f"F{len(self._fragments)}"
            self._fragments.append((name, on, text))
            return f"...{name}{self._directives()}"
        condition = f" on {on}" if on is not type_ or self._chance.random() < 0.5 else ""
        return f"...{condition}{self._directives()} {text}"

    def _directives(self) -> str:
        if self._chance.random() > 0.08:
            return ""
        name = self._chance.choice(["skip", "include"])
        value = self._condition() if self._chance.random() < 0.6 else self._chance.choice(["true", "false"])
        return f" @{name}(if: {value})"

    def _condition(self) -> str:
        name, type_ = self._chance.choice([("yes", "Boolean!"), ("no", "Boolean!"), ("maybe", "Boolean = true")])
        if name not in self._definitions:
            self._definitions[name] = f"${name}: {type_}"
            if name != "maybe":
                self._values[name] = self._chance.random() < 0.5
            elif self._chance.random() < 0.5:
                self._values[name] = self._chance.choice([True, False, False, None])
        return f"${name}"

    def _arguments(self, arguments: Any) -> str:
        given = []
        for name, argument in arguments.items():
            if isinstance(argument.type, GraphQLNonNull) or self._chance.random() < 0.4:
                given.append(f"{name}: {self._argument(argument.type)}")
        return f"({', '.join(given)})" if given else ""

    def _argument(self, type_: Any) -> str:
        return self._variable(type_) if self._chance.random() < 0.5 else self._literal(type_, 0)

    def _variable(self, type_: Any) -> str:
        name = f"v{len(self._definitions)}"
        default = ""
        required = isinstance(type_, GraphQLNonNull)
        inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        shown = str(type_)
        if self._chance.random() < 0.2:
            default = f" = {self._literal(inner, 1, variables=False)}"
            shown = str(inner)
        elif not required and self._chance.random() < 0.2:
            shown, required = f"{inner}!", True
        self._definitions[name] = f"${name}: {shown}{default}"
        if self._chance.random() < self._faults:
            self._values[name] = self._chance.choice([each for each in BAD if not isinstance(each, bytes)])
        elif (required and not default) or self._chance.random() < 0.6:
            self._values[name] = self._json(inner, 0)
        elif self._chance.random() < 0.3:
            self._values[name] = None
        return f"${name}"

    def _literal(self, type_: Any, depth: int, *, variables: bool = True) -> str:
        if isinstance(type_, GraphQLNonNull):
            return self._literal(type_.of_type, depth, variables=variables)
        if isinstance(type_, GraphQLList):
            items = [
                self._literal(type_.of_type, depth + 1, variables=variables) for _ in range(self._chance.randrange(3))
            ]
            return f"[{', '.join(items)}]"
        if isinstance(type_, GraphQLEnumType):
            return self._chance.choice(list(type_.values))
        if isinstance(type_, GraphQLScalarType):
            return self._chance.choice(LITERALS[type_.name])
        given = []
        for name, field in type_.fields.items():
            if isinstance(field.type, GraphQLNonNull) or (depth < 3 and self._chance.random() < 0.2):
                inner = (
                    self._variable(field.type)
                    if variables and self._chance.random() < 0.2
                    else self._literal(field.type, depth + 1, variables=variables)
                )
                given.append(f"{name}: {inner}")
        return f"{{{', '.join(given)}}}"

    def _json(self, type_: Any, depth: int) -> Any:
        if isinstance(type_, GraphQLNonNull):
            return self._json(type_.of_type, depth)
        if isinstance(type_, GraphQLList):
            return [self._json(type_.of_type, depth + 1) for _ in range(self._chance.randrange(3))]
        if isinstance(type_, GraphQLEnumType):
            return self._chance.choice(list(type_.values))
        if isinstance(type_, GraphQLScalarType):
            return self._chance.choice(VALUES[type_.name])
        if not isinstance(type_, GraphQLInputObjectType):
            raise TypeError(f"{type_} is no type of input")
        return {
            name: self._json(field.type, depth + 1)
            for name, field in type_.fields.items()
            if isinstance(field.type, GraphQLNonNull) or (depth < 3 and self._chance.random() < 0.2)
        }

    def _maybe(self, text: str, share: float) -> str:
        return text if self._chance.random() < share else ""
