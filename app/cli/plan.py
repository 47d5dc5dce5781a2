"""`plan`: shows how an operation is executed once it has come twice."""

import argparse
import json
import sys

from graphql.execution.values import VariableValues

from app.cli.faults import Fault
from app.documents import Document, Documents
from app.limits import Limits
from app.plans.cache import Plans
from app.plans.printing import printed
from app.product import bound_schema
from domain.callers import USER_MODES


def plan(chosen: argparse.Namespace) -> int:
    try:
        variables = json.loads(chosen.variables)
    except json.JSONDecodeError as error:
        raise Fault("--variables takes a JSON object.") from error
    if not isinstance(variables, dict):
        raise Fault("--variables takes a JSON object.")
    schema = bound_schema(USER_MODES)
    documents = Documents(schema, Limits(), introspection=True, most=1, most_bytes=1_000_000)
    document = documents.prepared(chosen.query)
    if not isinstance(document, Document):
        raise Fault("\n".join(fault.message for fault in document.faults))
    plans = Plans(schema, at_once=True)
    known = plans.known(document, document.operations[0])
    made = plans.plan(known, VariableValues({}, variables)) if known else None
    if made is None:
        raise Fault("graphql-core executes this: see docs/execution.md for what has no plan.")
    sys.stdout.write(printed(made))
    return 0
