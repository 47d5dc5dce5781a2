"""`@aws_subscribe`: which mutation wakes which subscription fields."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from graphql import ConstDirectiveNode, FieldDefinitionNode, GraphQLSchema, ListValueNode, StringValueNode


def woken_by(schema: GraphQLSchema) -> Mapping[str, tuple[str, ...]]:
    """Subscription fields by the mutation field that wakes them, both in the SDL's order."""
    woken: dict[str, list[str]] = defaultdict(list)
    for name, field in schema.subscription_type.fields.items() if schema.subscription_type else ():
        for mutation in _mutations(field.ast_node):
            woken[mutation].append(name)
    return {mutation: tuple(names) for mutation, names in woken.items()}


def _mutations(field: FieldDefinitionNode | None) -> Iterator[str]:
    for directive in (field and field.directives) or ():
        if directive.name.value == "aws_subscribe":
            yield from _strings(directive)


def _strings(directive: ConstDirectiveNode) -> Iterator[str]:
    for argument in directive.arguments or ():
        values = argument.value.values or () if isinstance(argument.value, ListValueNode) else (argument.value,)
        yield from (value.value for value in values if isinstance(value, StringValueNode))
