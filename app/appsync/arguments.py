"""A field's arguments, coerced by the schema that the server runs."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    NameNode,
    VariableDefinitionNode,
    VariableNode,
    parse_type,
)
from graphql.execution.values import get_argument_values, get_variable_values

from app.limits import Limits, hold_values
from app.validation_messages import variable_messages
from domain.errors import Code, DomainError

MOST_FAULTS = 1


class Arguments:
    """How the arguments of one field are read: as if they were variables of an operation that selects it."""

    def __init__(self, schema: GraphQLSchema, name: str, field: GraphQLField) -> None:
        self._schema = schema
        self._field = field
        self._types = {each: parse_type(str(argument.type)) for each, argument in field.args.items()}
        given = tuple(ArgumentNode(name=NameNode(value=each), value=_variable(each)) for each in field.args)
        self._node = FieldNode(name=NameNode(value=name), arguments=given)

    def read(self, given: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
        """By snake_case names; an absent argument is not there, an explicit null is None.

        Raises:
            DomainError: BAD_REQUEST, QUERY_TOO_COMPLEX.
        """
        if not self._field.args:
            return {}
        hold_values(given, limits)
        definitions = [
            VariableDefinitionNode(variable=_variable(name), type=type_)
            for name, type_ in self._types.items()
            if name in given
        ]
        variables = get_variable_values(
            self._schema, definitions, dict(given), max_errors=MOST_FAULTS, hide_suggestions=True
        )
        if isinstance(variables, list):
            raise DomainError(Code.BAD_REQUEST, variable_messages(variables)[0], rule="TYPE")
        try:
            return get_argument_values(self._field, self._node, variables, hide_suggestions=True)
        except GraphQLError:
            raise DomainError(Code.BAD_REQUEST, "A required argument is missing.", rule="REQUIRED") from None


def _variable(name: str) -> VariableNode:
    return VariableNode(name=NameNode(value=name))
