"""Which operations have plans: those that came before, as long as there is room."""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import msgspec
from graphql import GraphQLSchema

from app.documents import Operation
from app.plans.generator import generate
from app.plans.plan import Plan
from app.plans.planner import NotPlanned, plan
from app.plans.runtime import Execution
from app.plans.variables import Coerce, conditions, reader
from resolvers.context import Context

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

    operation: Operation
    coerce: Coerce
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

    def execution(self, operation: Operation, variables: Mapping[str, Any], ctx: Context) -> Execution | None:
        """Of the operation's plan with these raw variables, to be run; None when graphql-core is to execute.

        Nothing has a plan at first sight: most texts that hold their own values never come again.

        Raises:
            InvalidVariables
        """
        known = self._operations.get(operation)
        if known is not None:
            self._operations.move_to_end(operation)
        else:
            known = self._met(operation)
            if known is None:
                return None
        values = known.coerce(variables)
        wanted: tuple[Any, ...] = tuple(map(values.coerced.get, known.conditions)) if known.conditions else ()
        try:
            plan = known.plans[wanted]
        except KeyError:
            plan = self._plan(known, wanted)
        return None if plan is None else Execution(plan, values, ctx)

    def has_plan(self, operation: Operation) -> bool:
        known = self._operations.get(operation)
        return known is not None and any(known.plans.values())

    def _met(self, operation: Operation) -> Known | None:
        """None at first sight."""
        if operation not in self._operations:
            self._operations[operation] = None
            self._take(_FIELDS_WITHOUT_PLAN)
            if not self._at_once:
                return None
        asked = conditions(operation.document, operation.node)
        known = self._operations[operation] = Known(operation, reader(self._schema, operation.node), asked, {})
        self._operations.move_to_end(operation)
        return known

    def _plan(self, known: Known, wanted: tuple[Any, ...]) -> Plan | None:
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
            return planned(self._schema, known.operation, values)
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


def planned(schema: GraphQLSchema, operation: Operation, conditions: Mapping[str, bool]) -> Plan:
    """A plan that can be executed. Raises NotPlanned.

    Args:
        conditions: see `plan`.
    """
    made = plan(schema, operation.node, operation.fragments, conditions)
    return generate(made, projected=not made.serial)
