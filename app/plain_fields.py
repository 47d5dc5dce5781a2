"""Fields that are a record's attribute: most fields of most answers.

graphql-core gives each of them a path, a resolve info, arguments and several type checks, which only resolvers
need; here they are read and coerced, with the same outcome. Whatever is not as simple goes graphql-core's way,
and so does a plain field that fails: it alone says what is wrong, and where.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import graphql
from graphql import GraphQLNonNull, GraphQLObjectType, GraphQLOutputType, Undefined, is_leaf_type
from graphql.execution.collect_fields import GroupedFieldSet
from graphql.pyutils import AwaitableOrValue, Path

from app.scope import RequestScope

Read = Callable[[Any], Any]
"""From a record to the field's value in the answer; raises when it has none."""

_READS = "plain fields"
"""The key in a type's extensions: `Read` by field name."""


def reader(attribute: str, type_: GraphQLOutputType) -> Read | None:
    """How to read an attribute as a field of this type; None when it is no scalar or enum."""
    required = isinstance(type_, GraphQLNonNull)
    leaf = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if not is_leaf_type(leaf):
        return None
    coerce = leaf.coerce_output_value

    def read(record: Any) -> Any:
        value = getattr(record, attribute)
        if value is None:
            if required:
                raise ValueError(attribute)
            return None
        if isinstance(value, Exception):
            raise value
        value = coerce(value)
        if value is None or value is Undefined:
            raise ValueError(attribute)
        return value

    return read


def install(type_: GraphQLObjectType, reads: Mapping[str, Read]) -> None:
    """Tell which fields of a type are plain, for `PlainFieldsExecutor`."""
    type_.extensions = {**type_.extensions, _READS: reads}


class PlainFieldsExecutor(graphql.Executor[RequestScope]):
    """graphql-core's executor, with the short way for plain fields. Written against graphql-core 3.3.2."""

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        reads = parent_type.extensions.get(_READS)
        if not reads or self.middleware_manager is not None:
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        results: dict[str, Any] = {}
        others: GroupedFieldSet = {}
        for response_name, nodes in grouped_field_set.items():
            results[response_name] = None  # keeps the order that the client asked for
            read = reads.get(nodes[0].node.name.value)
            if read is not None:
                try:
                    results[response_name] = read(source_value)
                except Exception:
                    others[response_name] = nodes
            else:
                others[response_name] = nodes
        if not others:
            return results
        rest = super().execute_fields(parent_type, source_value, path, others, position_context)
        if isinstance(rest, dict):
            results.update(rest)
            return results
        return _joined(results, rest)


async def _joined(results: dict[str, Any], rest: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    results.update(await rest)
    return results
