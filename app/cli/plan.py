"""`plan`: shows how an operation is executed once it has come twice."""

import argparse
import json
import sys

from app.cli.faults import Fault
from app.documents import Document, Documents
from app.limits import Limits
from app.plans.cache import planned
from app.plans.planner import NotPlanned
from app.plans.printing import printed
from app.plans.variables import conditions
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
    operation = document.operations[0]
    unsaid = [
        name for name in conditions(operation.document, operation.node) if not isinstance(variables.get(name), bool)
    ]
    if unsaid:
        raise Fault(f"@skip and @include ask for {', '.join(unsaid)}: --variables has to say true or false.")
    try:
        made = planned(schema, operation, variables)
    except NotPlanned:
        raise Fault("graphql-core executes this: see docs/execution.md for what has no plan.") from None
    sys.stdout.write(printed(made))
    return 0
