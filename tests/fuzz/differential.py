"""One random operation after the other, executed both ways."""

from collections import Counter
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec

import resolvers
from app import sdl
from app.execution import Executor, GraphQLRequest
from app.limits import Limits
from app.plans.cache import Plans
from domain.callers import Caller, Mode
from tests.fuzz import odd_schema
from tests.fuzz.comparison import differences
from tests.fuzz.operations import Operations
from tests.fuzz.world import World

CALLERS = (
    Caller(Mode.COGNITO, user_id="ada", groups=frozenset({"Admins"})),
    Caller(Mode.COGNITO, user_id="bob", groups=frozenset({"Students"})),
    Caller(Mode.COGNITO, user_id="eve", suspended=True),
    Caller(Mode.IAM),
    Caller(Mode.API_KEY),
)
CHAOS = (0.0, 0.0, 0.0, 0.01, 0.01, 0.05, 0.05, 0.2, 0.2, 0.5)
"""The share of wrong values in each of a document's answers."""
ANSWERS = len(CHAOS)
_LIMITS = Limits(tokens=4_000, cost=1_000_000, aliases=1_000, repeats=1_000, root_fields=1_000, directives=1_000)


class Difference(msgspec.Struct, frozen=True):
    """One operation that was not answered equally."""

    seed: str
    kinds: list[str]
    text: str
    variables: dict[str, Any]
    expected: Any
    given: Any


class Fuzz:
    """Runs operations.

    Attributes:
        counted: operations by what became of them: "planned", "left to graphql-core", "invalid", and "with errors".
    """

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self._sides = [
            _Side(World(sdl.load(), resolvers.registry.get)),
            _Side(World(odd_schema.document(), odd_schema.resolved)),
        ]

    async def run(self, count: int, seed: int) -> list[Difference]:
        """`count` executions, of a tenth as many documents."""
        found = []
        for number in range(0, count, ANSWERS):
            side = self._sides[number // ANSWERS % len(self._sides)]
            chance = Random(f"{seed}.{number}")
            text, variables = Operations(side.world.schema, chance, faults=0.03).make()
            request = GraphQLRequest(text, variables)
            for answer in range(min(ANSWERS, count - number)):
                side.world.seed, side.world.chaos = f"{seed}.{number + answer}", CHAOS[answer]
                caller = CALLERS[0] if chance.random() < 0.6 else chance.choice(CALLERS)
                difference = await self._one(side, request, caller)
                if difference is not None:
                    found.append(difference)
        return found

    async def _one(self, side: "_Side", request: GraphQLRequest, caller: Caller) -> Difference | None:
        expected = (await side.core.execute(request, _context(caller), "request")).payload
        given = (await side.planned.execute(request, _context(caller), "request")).payload
        if "data" not in expected or (expected["data"] is None and expected["errors"][0]["path"] is None):
            self.counted["invalid"] += 1
        elif side.has_plan(request.query):
            self.counted["planned"] += 1
        else:
            self.counted["left to graphql-core"] += 1
        self.counted["with errors"] += "errors" in expected
        kinds = differences(expected, given)
        if not kinds:
            return None
        return Difference(str(side.world.seed), kinds, request.query, dict(request.variables or {}), expected, given)


class _Side:
    """A schema and both ways to execute on it; they read documents together."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._plans = Plans(world.schema, at_once=True)
        self.core = Executor(world.schema, limits=_LIMITS)
        self.planned = Executor(world.schema, limits=_LIMITS, plans=self._plans)
        self.planned.documents = self.core.documents

    def has_plan(self, text: str) -> bool:
        document = self.core.documents.prepared(text)
        return hasattr(document, "operations") and self._plans.has_plan(document.operations[0])


def _context(caller: Caller) -> Any:
    return SimpleNamespace(caller=caller)
