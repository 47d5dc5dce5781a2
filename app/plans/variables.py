"""An operation's variables: the usual values checked at once, all others by graphql-core."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    GraphQLError,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    type_from_ast,
    visit,
)
from graphql.execution.values import VariableValues, get_variable_values

from app.documents import MOST_REQUEST_FAULTS

Coerced = VariableValues | list[GraphQLError]


def reader(schema: GraphQLSchema, operation: OperationDefinitionNode) -> Callable[[Mapping[str, Any]], Coerced]:
    """How this operation's raw variables are coerced: as `get_variable_values` does, which does all but the usual."""
    definitions = operation.variable_definitions or ()
    usual: list[tuple[str, type[Any], bool]] = []

    def by_graphql_core(raw: Mapping[str, Any]) -> Coerced:
        return get_variable_values(
            schema, definitions, dict(raw), max_errors=MOST_REQUEST_FAULTS, hide_suggestions=True
        )

    for definition in definitions:
        type_ = type_from_ast(schema, definition.type)
        required = isinstance(type_, GraphQLNonNull)
        expected = _USUAL.get(str(type_.of_type if isinstance(type_, GraphQLNonNull) else type_))
        if expected is None or definition.default_value is not None:
            return by_graphql_core
        usual.append((definition.variable.name.value, expected, required))

    if not usual:
        none = VariableValues({}, {})
        return lambda _: none

    def checked(raw: Mapping[str, Any]) -> Coerced:
        coerced: dict[str, Any] = {}
        for name, expected, required in usual:
            value: Any = raw.get(name, _ABSENT)
            if value.__class__ is expected and (expected is not int or -(2**31) <= value < 2**31):
                coerced[name] = value
            elif required or (value is not None and value is not _ABSENT):
                return by_graphql_core(raw)
            elif value is None:
                coerced[name] = None
        return VariableValues({}, coerced)

    return checked


_USUAL: Mapping[str, type] = {"String": str, "ID": str, "Int": int, "Boolean": bool}
"""Types whose values are mostly of one Python type and stay as they are."""

_ABSENT = object()


def conditions(document: DocumentNode, operation: OperationDefinitionNode) -> tuple[str, ...]:
    """The operation's variables that @skip and @include ask for, wherever in the document."""
    asked: set[str] = set()

    class Gatherer(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            values = [argument.value for argument in node.arguments or ()]
            asked.update(value.name.value for value in values if isinstance(value, VariableNode))

    visit(document, Gatherer())
    defined = [each.variable.name.value for each in operation.variable_definitions or ()]
    return tuple(name for name in defined if name in asked)
