"""From a valid operation to its plan. What is merged, included and matched is graphql-core's own decision."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    OperationType,
)
from graphql.execution.collect_fields import (
    FieldDetails,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues

from app.bound_fields import bound_field, record_of
from app.plans.arguments import arguments_of
from app.plans.leaves import coercion
from app.plans.plan import Field, Items, Leaf, Object, Plan, Selection, Shape

MOST_FIELDS = 1_000
"""Of one plan: making one takes about 30 us a field, in which nothing else happens."""


class NotPlanned(Exception):
    """The operation has something that only graphql-core does; the text says what."""


def plan(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    conditions: Mapping[str, bool],
) -> Plan:
    """
    Args:
        operation: of a valid document; `fragments` are the document's.
        conditions: the value of every variable that @skip or @include asks for.

    Raises:
        NotPlanned.
    """
    return _Planner(schema, operation, fragments, conditions).plan()


class _Planner:
    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        conditions: Mapping[str, bool],
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._fragments = {name: FragmentDetails(node, None) for name, node in fragments.items()}
        self._conditions = VariableValues({}, dict(conditions))
        self._fields = 0
        self._selections = 0

    def plan(self) -> Plan:
        operation = self._operation
        type_ = self._schema.get_root_type(operation.operation)
        if type_ is None or operation.operation is OperationType.SUBSCRIPTION or operation.directives:
            raise NotPlanned(f"a {operation.operation.value} of this kind")
        collected = collect_fields(self._schema, self._fragments, self._conditions, type_, operation)
        root = self._selection(type_, collected.grouped_field_set)
        return Plan(root, operation.operation is OperationType.MUTATION, self._fields)

    def _selection(self, type_: GraphQLObjectType, grouped: GroupedFieldSet) -> Selection:
        self._selections += 1
        number = self._selections
        fields = tuple(self._field(type_, key, details) for key, details in grouped.items())
        return Selection(number, type_.name, fields, tuple(each for each in fields if not each.is_plain))

    def _field(self, parent: GraphQLObjectType, key: str, details: list[FieldDetails]) -> Field:
        self._fields += 1
        if self._fields > MOST_FIELDS:
            raise NotPlanned(f"more than {MOST_FIELDS} fields")
        nodes = [each.node for each in details]
        name = nodes[0].name.value
        coordinate = f"{parent.name}.{name}"
        definition: GraphQLField | None = self._schema.get_field(parent, name)
        if definition is None:
            raise NotPlanned(f"{coordinate}, which does not exist")
        shape = self._shape(definition.type, details)
        if name == "__typename":
            return Field(key, coordinate, nodes, shape, constant=parent.name)
        bound = bound_field(definition)
        if bound is None:
            raise NotPlanned(f"{coordinate}, which nothing is bound to")
        return Field(key, coordinate, nodes, shape, bound, None, arguments_of(definition, nodes[0]))

    def _shape(self, type_: GraphQLOutputType, details: list[FieldDetails]) -> Shape:
        required = isinstance(type_, GraphQLNonNull)
        inner: Any = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if isinstance(inner, GraphQLList):
            return Items(required, self._shape(inner.of_type, details))
        if isinstance(inner, GraphQLScalarType | GraphQLEnumType):
            return Leaf(required, inner, coercion(inner))
        if isinstance(inner, GraphQLObjectType):
            return Object(required, inner.name, self._below(inner, details), {})
        selections = {}
        for each in self._possible(inner):
            record = record_of(each)
            if record is None:
                raise NotPlanned(f"{each.name}, whose records cannot be told from others")
            selections[record] = self._below(each, details)
        return Object(required, inner.name, None, selections)

    def _below(self, type_: GraphQLObjectType, details: list[FieldDetails]) -> Selection:
        collected = collect_subfields(self._schema, self._fragments, self._conditions, self._operation, type_, details)
        return self._selection(type_, collected.grouped_field_set)

    def _possible(self, type_: GraphQLInterfaceType | GraphQLUnionType) -> list[GraphQLObjectType]:
        return list(self._schema.get_possible_types(type_))
