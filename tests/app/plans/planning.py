"""Plans of the small school."""

from typing import Any

from graphql import GraphQLSchema
from graphql.execution.values import VariableValues

from app.documents import Document, Documents
from app.limits import Limits
from app.plans.cache import Plans
from app.plans.plan import Plan


def document(schema: GraphQLSchema, text: str) -> Document:
    documents = Documents(schema, Limits(), introspection=True, most=10, most_bytes=1_000_000)
    prepared = documents.prepared(text)
    assert isinstance(prepared, Document), prepared
    return prepared


def plan_of(schema: GraphQLSchema, text: str, variables: dict[str, Any] | None = None) -> Plan | None:
    """None for what graphql-core executes."""
    prepared = document(schema, text)
    plans = Plans(schema, at_once=True)
    known = plans.known(prepared, prepared.operations[0])
    assert known is not None
    return plans.plan(known, VariableValues({}, variables or {}))
