"""Who may read which field: the SDL's auth directives as rules, and the matrix that shows them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
)

from app import sdl
from domain.callers import USER_MODES, Caller, Group, Mode
from domain.errors import Code, DomainError

ALL_MODES = frozenset(Mode)
_NOBODY = frozenset[str]()


class Rule(msgspec.Struct, frozen=True):
    """Who passes one field: the auth modes that may, each with the groups it needs.

    Attributes:
        gate: groups by mode; None when the mode alone is enough, an empty set admits nobody.
    """

    gate: Mapping[Mode, frozenset[str] | None]

    def allows(self, caller: Caller) -> bool:
        groups = self.gate.get(caller.mode, _NOBODY)
        return groups is None or not groups.isdisjoint(caller.groups)

    def admits(self, modes: frozenset[Mode]) -> bool:
        """True when every caller of these modes passes, whatever the groups."""
        return all(mode in self.gate and self.gate[mode] is None for mode in modes)


def rule_of(parent: GraphQLObjectType, field: GraphQLField, user_modes: frozenset[Mode]) -> Rule:
    """The rule of `field` on `parent`. A directive on the field replaces its type's.

    `@aws_cognito_user_pools` says what a signed-in user may do, so its gate holds in each of the
    deployment's `user_modes` that has no directive of its own there.
    """
    if parent.ast_node is None or field.ast_node is None:
        raise ValueError(f"{parent.name} was not built from SDL, so nothing says who may read it")
    stated = sdl.gate(parent.ast_node, field.ast_node)
    gate: dict[Mode, frozenset[str] | None] = {}
    if Mode.COGNITO in stated:
        gate.update(dict.fromkeys(user_modes, stated[Mode.COGNITO]))
    gate.update((mode, groups) for mode, groups in stated.items() if mode not in USER_MODES or mode in user_modes)
    return Rule(gate)


def rules_to_check(schema: GraphQLSchema, user_modes: frozenset[Mode]) -> dict[str, Rule]:
    """The rules that can refuse somebody, by coordinate "Type.field".

    A field is left out when every mode that can reach its type passes: what guards the way there has
    already been asked, and asking again for each field of each record would cost more than the field.
    """
    rules = {
        parent: {name: rule_of(parent, field, user_modes) for name, field in parent.fields.items()}
        for parent in object_types(schema)
    }
    reached = _modes_that_reach(schema, rules, user_modes)
    return {
        f"{parent.name}.{name}": rule
        for parent, of_fields in rules.items()
        for name, rule in of_fields.items()
        if not rule.admits(reached[parent])
    }


def unauthorized(coordinate: str) -> DomainError:
    """AppSync's refusal of one field."""
    parent, _, field = coordinate.partition(".")
    return DomainError(Code.UNAUTHORIZED_FIELD, f"Not Authorized to access {field} on type {parent}")


def denied_coordinates(caller: Caller) -> frozenset[str]:
    """`denied_fields` as coordinates: "Type.field" stays, an ARN ends in ".../types/Type/fields/field"."""
    return frozenset(_coordinate(denied) for denied in caller.denied_fields)


def object_types(schema: GraphQLSchema) -> list[GraphQLObjectType]:
    """The schema's own object types, without those of introspection."""
    return [
        type_
        for name, type_ in schema.type_map.items()
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__")
    ]


def _coordinate(denied: str) -> str:
    head, _, field = denied.rpartition("/fields/")
    return f"{head.rpartition('types/')[2]}.{field}" if head else denied


def _modes_that_reach(
    schema: GraphQLSchema, rules: Mapping[GraphQLObjectType, Mapping[str, Rule]], user_modes: frozenset[Mode]
) -> dict[GraphQLObjectType, frozenset[Mode]]:
    """For each object type the modes of which some caller may come upon a value of it.

    Args:
        rules: of each object type's fields, by name.
    """
    roots = [type_ for type_ in (schema.query_type, schema.mutation_type, schema.subscription_type) if type_]
    callers = user_modes | (ALL_MODES - USER_MODES)
    reached = {type_: callers if type_ in roots else frozenset[Mode]() for type_ in rules}
    waiting = list(roots)
    while waiting:
        parent = waiting.pop()
        for name, rule in rules[parent].items():
            passing = reached[parent].intersection(rule.gate)
            for target in _concrete(schema, parent.fields[name]):
                if not passing <= reached[target]:
                    reached[target] |= passing
                    waiting.append(target)
    return reached


def _concrete(schema: GraphQLSchema, field: GraphQLField) -> Iterator[GraphQLObjectType]:
    type_ = get_named_type(field.type)
    if isinstance(type_, GraphQLObjectType):
        yield type_
    elif isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
        yield from schema.get_possible_types(type_)


MATRIX = Path(__file__).parent.parent / "docs" / "access-matrix.md"

_COLUMNS: Mapping[str, Caller] = {
    "API key": Caller(Mode.API_KEY),
    "signed in": Caller(Mode.COGNITO, user_id="somebody"),
    **{
        group.value: Caller(Mode.COGNITO, user_id="somebody", groups=frozenset({group.value}))
        for group in (Group.STUDENTS, Group.MENTORS, Group.MODERATORS, Group.ADMINS)
    },
    "IAM": Caller(Mode.IAM),
}

_INTRODUCTION = """\
# Access matrix

Generated from the auth directives of `schema/`; `python -m app.access` writes it anew.

What the SDL itself lets through, before owner and membership rules, which the resolvers ask for.
"Signed in" is a user in no group, by any of the deployment's user modes; IAM is our backend.
Everybody else gets `Unauthorized` and null for the field. "(other fields)" are all fields of the type
that have no row of their own.
"""


def matrix(schema: GraphQLSchema) -> str:
    """docs/access-matrix.md: a row a field, or one for all fields of a type that share a rule."""
    lines = [_INTRODUCTION]
    for parent in sorted(object_types(schema), key=lambda type_: _order(schema, type_)):
        lines += [f"## {parent.name}", "", _row("Field", _COLUMNS), _row("---", [":-:"] * len(_COLUMNS))]
        lines += [_row(label, _cells(rule)) for label, rule in _labelled(schema, parent)]
        lines.append("")
    return "\n".join(lines)


def _labelled(schema: GraphQLSchema, parent: GraphQLObjectType) -> Iterator[tuple[str, Rule]]:
    rules = {name: rule_of(parent, field, frozenset({Mode.COGNITO})) for name, field in parent.fields.items()}
    if parent in (schema.query_type, schema.mutation_type, schema.subscription_type):
        yield from rules.items()
        return
    shown = list(rules.values())
    common = max(shown, key=shown.count)
    others = {name: rule for name, rule in rules.items() if rule != common}
    yield "(other fields)" if others else "(all fields)", common
    yield from others.items()


def _cells(rule: Rule) -> list[str]:
    return ["yes" if rule.allows(caller) else "-" for caller in _COLUMNS.values()]


def _row(label: str, cells: Mapping[str, object] | list[str]) -> str:
    return f"| {' | '.join([label, *cells])} |"


def _order(schema: GraphQLSchema, type_: GraphQLObjectType) -> tuple[int, str]:
    roots = [schema.query_type, schema.mutation_type, schema.subscription_type]
    return (roots.index(type_) if type_ in roots else len(roots), type_.name)


if __name__ == "__main__":
    MATRIX.write_text(matrix(sdl.build(sdl.load())), encoding="utf-8")
