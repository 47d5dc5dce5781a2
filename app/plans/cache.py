"""Which operations have plans: those that came before, as long as there is room."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from graphql import GraphQLSchema, OperationDefinitionNode
from graphql.execution.values import VariableValues

from app.documents import Document, Operation, fragments
from app.plans.generator import generate
from app.plans.plan import Plan
from app.plans.planner import NotPlanned, plan
from app.plans.variables import Coerced, conditions, reader

log = logging.getLogger(__name__)

MOST_PLANS = 16
"""Of one operation, one for each combination of what @skip and @include say."""

_FIELDS_WITHOUT_PLAN = 20
"""What an operation takes by itself, as if it were that many planned fields."""


class Known(msgspec.Struct, eq=False):
    """An operation that came at least twice.

    Attributes:
        coerce: its variables.
        conditions: the variables that its @skip and @include ask for.
        plans: by the values of these; None for what only graphql-core can do.
    """

    document: Document
    operation: Operation
    node: OperationDefinitionNode
    coerce: Callable[[Mapping[str, Any]], Coerced]
    conditions: tuple[str, ...]
    plans: dict[tuple[bool, ...], Plan | None]
    size: int = _FIELDS_WITHOUT_PLAN


class Plans:
    """The plans for one schema, the least recently used operation going first.

    Args:
        most_fields: of all kept plans together; each takes about 2 KB.
        at_once: plans operations when they come first, and lets faults of planning out; for tests.
    """

    def __init__(self, schema: GraphQLSchema, *, most_fields: int = 20_000, at_once: bool = False) -> None:
        self._schema = schema
        self._at_once = at_once
        self._room = most_fields
        self._operations: OrderedDict[Operation, Known | None] = OrderedDict()

    def known(self, document: Document, operation: Operation) -> Known | None:
        """None at first sight: most texts that hold their own values never come again."""
        known = self._operations.get(operation)
        if known is None:
            if operation not in self._operations:
                self._operations[operation] = None
                self._take(_FIELDS_WITHOUT_PLAN)
                if not self._at_once:
                    return None
            node = operation_node(document, operation)
            asked = conditions(document.ast, node)
            known = Known(document, operation, node, reader(self._schema, node), asked, {})
            self._operations[operation] = known
        self._operations.move_to_end(operation)
        return known

    def has_plan(self, operation: Operation) -> bool:
        known = self._operations.get(operation)
        return known is not None and any(known.plans.values())

    def plan(self, known: Known, values: VariableValues) -> Plan | None:
        """None when graphql-core is to execute."""
        wanted: tuple[Any, ...] = tuple(map(values.coerced.get, known.conditions)) if known.conditions else ()
        if wanted in known.plans:
            return known.plans[wanted]
        if len(known.plans) >= MOST_PLANS or not all(isinstance(each, bool) for each in wanted):
            return None
        made = self._made(known, dict(zip(known.conditions, wanted, strict=True)))
        known.plans[wanted] = made
        if made is not None and known.operation in self._operations:
            known.size += made.fields
            self._take(made.fields)
        return made

    def _made(self, known: Known, values: Mapping[str, bool]) -> Plan | None:
        try:
            made = plan(self._schema, known.node, fragments(known.document.ast), values)
            return generate(made, projected=not made.serial)
        except NotPlanned:
            return None
        except Exception:
            if self._at_once:
                raise
            log.exception("an operation could not be planned; graphql-core executes it")
            return None

    def _take(self, fields: int) -> None:
        self._room -= fields
        while self._room < 0 and len(self._operations) > 1:
            _, gone = self._operations.popitem(last=False)
            self._room += gone.size if gone else _FIELDS_WITHOUT_PLAN


def operation_node(document: Document, operation: Operation) -> OperationDefinitionNode:
    nodes = [each for each in document.ast.definitions if isinstance(each, OperationDefinitionNode)]
    return nodes[document.operations.index(operation)]
