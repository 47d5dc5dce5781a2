"""Plans of the small school."""

from types import SimpleNamespace
from typing import Any

from graphql import GraphQLSchema

from app.documents import Document, Documents
from app.limits import Limits
from app.plans.cache import Plans
from app.plans.plan import Plan

CTX: Any = SimpleNamespace()
"""Of executions that are not run."""


def document(schema: GraphQLSchema, text: str, limits: Limits | None = None) -> Document:
    documents = Documents(schema, limits or Limits(), introspection=True, most=10, most_bytes=1_000_000)
    prepared = documents.prepared(text)
    assert isinstance(prepared, Document), prepared
    return prepared


def plan_of(schema: GraphQLSchema, text: str, variables: dict[str, Any] | None = None) -> Plan | None:
    """None for what graphql-core executes."""
    (operation,) = document(schema, text).operations
    execution = Plans(schema, at_once=True).execution(operation, variables or {}, CTX)
    return None if execution is None else execution.plan
