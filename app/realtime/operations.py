"""A subscription as a client asks for it: read, held to the limits, and its arguments coerced."""

from collections.abc import Mapping
from typing import Any

import msgspec
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    get_named_type,
    is_leaf_type,
)
from graphql.execution.values import get_argument_values, get_variable_values

from app.documents import MOST_REQUEST_FAULTS, Document, Operation
from app.errors import ErrorObject
from app.execution import Executor, GraphQLRequest, refused_document, refused_variables
from app.limits import hold_cost, hold_values
from domain.errors import Code, DomainError
from subscriptions.hub import Arguments
from subscriptions.projection import root_fields


class Refused(Exception):
    """There will be no subscription. `errors`: at least one, as clients are shown them."""

    def __init__(self, errors: list[ErrorObject]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors


class Asked(msgspec.Struct, frozen=True, weakref=True):
    """One valid subscription operation, the same for all who ask the same.

    Attributes:
        name: its root field.
        root: the nodes that select it.
        values: coerced arguments as the gate takes them.
        arguments: what events must equal.
        variables: coerced.
    """

    name: str
    field: GraphQLField
    root: list[FieldNode]
    fragments: Mapping[str, FragmentDefinitionNode]
    values: Mapping[str, Any]
    arguments: Arguments
    variables: Mapping[str, Any]


def read(executor: Executor, request: GraphQLRequest, request_id: str) -> Asked:
    """Raises Refused, or DomainError for what is refused in one sentence."""
    document = executor.documents.prepared(request.query)
    if document.several and request.operation_name is None:
        raise _bad("Missing operation name.")
    if not isinstance(document, Document):
        raise Refused(refused_document(document, request_id).content["errors"])
    operation = document.operation(request.operation_name)
    if operation is None:
        raise _bad("The document has no operation of that name.")
    if operation.kind != "subscription":
        raise _bad("Only subscriptions are answered here; queries and mutations go over HTTP.")
    given = request.variables or {}
    hold_values(given, executor.limits)
    hold_cost(operation.cost, given, executor.limits)
    return _asked(executor, operation, given, request_id)


def _asked(executor: Executor, operation: Operation, given: Mapping[str, Any], request_id: str) -> Asked:
    schema, node, fragments = executor.schema, operation.node, operation.fragments
    variables = get_variable_values(
        schema, node.variable_definitions or (), dict(given), max_errors=MOST_REQUEST_FAULTS, hide_suggestions=True
    )
    if isinstance(variables, list):
        raise Refused(refused_variables(variables, request_id).content["errors"])
    roots = root_fields(node.selection_set, fragments, variables.coerced)
    if len(roots) != 1:
        raise _bad("A subscription selects exactly one root field.")
    name = roots[0][0].name.value
    field = schema.subscription_type.fields.get(name) if schema.subscription_type else None
    if field is None:  # __typename
        raise _bad("A subscription selects a field of Subscription.")
    try:
        values = get_argument_values(field, roots[0][0], variables, hide_suggestions=True)
    except GraphQLError:
        raise _bad("An argument has an invalid value.") from None
    return Asked(name, field, roots[0], fragments, values, _arguments(field, values), variables.coerced)


def _arguments(field: GraphQLField, values: Mapping[str, Any]) -> Arguments:
    """The given arguments as events spell their values: an explicit null is given, an absent one is not."""
    found = []
    for name, argument in field.args.items():
        key = argument.out_name or name
        if key in values:
            type_: Any = get_named_type(argument.type)
            value = values[key]
            known = value is None or not is_leaf_type(type_)
            found.append((name, value if known else type_.coerce_output_value(value)))
    return tuple(sorted(found))


def _bad(message: str) -> DomainError:
    return DomainError(Code.BAD_REQUEST, message)
