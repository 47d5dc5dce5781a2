"""A field's arguments: worked out once where they are constant, looked up where they are a variable."""

from typing import Any

from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLNonNull,
    Undefined,
    VariableNode,
)
from graphql.execution.values import VariableValues, get_argument_values
from graphql.utilities import coerce_input_literal

from app.plans.coercion import UNCHANGEABLE
from app.plans.plan import Arguments


def arguments_of(definition: GraphQLField, node: FieldNode) -> Arguments | None:
    """How the field at this node gets its arguments; None where it can have none.

    Whatever is neither a variable alone nor a simple constant is left to graphql-core, as all faults are.
    """

    def from_graphql_core(variables: VariableValues) -> dict[str, Any]:
        return get_argument_values(definition, node, variables, hide_suggestions=True)

    constants: dict[str, Any] = {}
    looked_up: list[tuple[str, str, bool]] = []
    given = {each.name.value: each for each in node.arguments or ()}
    for name, argument in definition.args.items():
        out_name = argument.out_name or name
        literal = given.get(name)
        if literal is None and not _has_default(argument) and not _is_required(argument):
            continue
        if literal is None or _has_default(argument):
            return from_graphql_core
        if isinstance(literal.value, VariableNode):
            looked_up.append((out_name, literal.value.name.value, _is_required(argument)))
            continue
        value = _constant(literal, argument)
        if not isinstance(value, UNCHANGEABLE):
            return from_graphql_core
        constants[out_name] = value
    if not constants and not looked_up:
        return None
    if not looked_up:
        return lambda _: constants

    def from_variables(variables: VariableValues) -> dict[str, Any]:
        coerced = variables.coerced
        values = constants.copy()
        for out_name, variable, required in looked_up:
            value = coerced.get(variable, Undefined)
            if value is not Undefined and (value is not None or not required):
                values[out_name] = value
            elif required:
                return from_graphql_core(variables)
        return values

    return from_variables


def _constant(literal: ArgumentNode, argument: GraphQLArgument) -> Any:
    """Undefined for what is no value of the type, or depends on a variable."""
    return coerce_input_literal(literal.value, argument.type)


def _is_required(argument: GraphQLArgument) -> bool:
    return isinstance(argument.type, GraphQLNonNull)


def _has_default(argument: GraphQLArgument) -> bool:
    return argument.default is not None or argument.default_value is not Undefined
