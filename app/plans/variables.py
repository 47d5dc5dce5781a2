"""An operation's variables: the usual values checked at once, all others by graphql-core."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from graphql import (
    DirectiveNode,
    DocumentNode,
    GraphQLError,
    GraphQLInputType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    type_from_ast,
    visit,
)
from graphql.execution.values import VariableValues, get_variable_values
from graphql.utilities import coerce_input_literal

from app.documents import MOST_REQUEST_FAULTS
from app.plans.coercion import Member, Unusual, coerced_members, member

Coerce = Callable[[Mapping[str, Any]], VariableValues]
"""Of raw variables. Raises InvalidVariables."""


class InvalidVariables(Exception):
    """There are `faults` in an operation's variables, at least one."""

    def __init__(self, faults: list[GraphQLError]) -> None:
        self.faults = faults


def reader(schema: GraphQLSchema, operation: OperationDefinitionNode) -> Coerce:
    """How this operation's variables are coerced: as `get_variable_values` does, which does all but the usual."""
    definitions = operation.variable_definitions or ()

    def by_graphql_core(raw: Mapping[str, Any]) -> VariableValues:
        coerced = get_variable_values(
            schema, definitions, dict(raw), max_errors=MOST_REQUEST_FAULTS, hide_suggestions=True
        )
        if isinstance(coerced, list):
            raise InvalidVariables(coerced)
        return coerced

    if not definitions:
        none = VariableValues({}, {})
        return lambda _: none
    try:
        members = [_member(schema, definition) for definition in definitions]
    except Unusual:
        return by_graphql_core

    def usual(raw: Mapping[str, Any]) -> VariableValues:
        try:
            return VariableValues({}, coerced_members(members, raw))
        except Exception:  # of whatever kind the fault is, graphql-core finds it again
            return by_graphql_core(raw)

    return usual


def _member(schema: GraphQLSchema, definition: VariableDefinitionNode) -> Member:
    """Raises Unusual."""
    type_, default = cast("GraphQLInputType", type_from_ast(schema, definition.type)), definition.default_value
    name, value = definition.variable.name.value, Undefined if default is None else coerce_input_literal(default, type_)
    if default is not None and value is Undefined:
        raise Unusual
    return member(name, name, type_, value)


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
