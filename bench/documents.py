"""Plans against graphql-core on documents that nobody tuned them for: the fuzz corpus, and what the demo is asked.

Both execute in this process, in turn, over the same data.
"""

import asyncio
import itertools
import random
import re
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec
import orjson
from graphql import GraphQLError, GraphQLField, OperationDefinitionNode, OperationType, parse

import resolvers
from app import sdl
from app.auth.local_issuer import user_id
from app.execution import Answer, Executor, GraphQLRequest
from app.limits import Limits
from app.plans.cache import Plans
from app.seed import DEMO_GROUPS, DEMO_USER, seed
from app.server import new_event_loop
from app.settings import Settings
from app.wiring import App, open_app
from bench import collector
from bench.report import Result
from bench.servers import ROOT
from domain.callers import Caller, Mode
from examples import room
from resolvers.registry import Resolver
from tests.fuzz import odd_schema
from tests.fuzz.comparison import differences
from tests.fuzz.operations import Operations
from tests.fuzz.world import World

DOCUMENTS = 300
SEED = 6
ROUNDS = 7
SLICE_SECONDS = 0.004
"""CPU time that one side gets for one document in one round."""
SUSPECTS = 10
"""The slowest, which are measured again and longer, as among hundreds some are slow by chance."""
PAGES = ("README.md", "docs/clients.md", "docs/operations.md", "docs/execution.md", "examples/story.py")
_ADMIN = Caller(Mode.COGNITO, user_id="ada", groups=frozenset({"Admins"}))
_LIMITS = Limits(tokens=4_000, cost=1_000_000, aliases=1_000, repeats=1_000, root_fields=1_000, directives=1_000)
_SHOWN = re.compile(r"""query"?: "((?:[^"\\]|\\.)*)"|ask\("([^"]*)"\)""")
_NEW_EACH_TIME = re.compile(rb'("(?:serverTime|nextToken)":)"(?:[^"\\]|\\.)*"')

Ask = Callable[[], Awaitable[Answer]]


class Contest(msgspec.Struct):
    """One document, asked both ways; costs are microseconds of CPU."""

    name: str
    by_plan: Ask
    by_core: Ask
    ours: float = 0
    core: float = 0
    ratio: float = 0


def measure() -> list[Result]:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_measure())


async def _measure() -> list[Result]:
    corpus, without_plan = await _corpus()
    results = await _compared(f"fuzz corpus, {len(corpus)} documents", corpus)
    results.append(
        Result(f"fuzz corpus, of {len(corpus)} documents without a plan", without_plan, None, "", None, None)
    )
    with tempfile.TemporaryDirectory() as folder:
        async with open_app(Settings.load({"DATA_DIR": folder})) as app:
            await seed(app)
            await app.workers.drain()
            asked = await _of_demo(app)
            return results + await _compared(f"the demo's own {len(asked)} queries", asked)


# The fuzz corpus


async def _corpus() -> tuple[list[Contest], int]:
    """Documents that both ways answer alike, without errors; and how many of them have no plan."""
    worlds = [ReadyWorld(sdl.load(), resolvers.registry.get), ReadyWorld(odd_schema.document(), odd_schema.resolved)]
    sides = [_sides(world) for world in worlds]
    found: list[Contest] = []
    without_plan = 0
    for number in itertools.count():
        if len(found) == DOCUMENTS:
            return found, without_plan
        world, (core, planned, plans) = worlds[number % 2], sides[number % 2]
        chance = Random(f"{SEED}.{number}")  # noqa: S311 - documents, no secrets
        text, variables = Operations(world.schema, chance, faults=0.0).make()
        request = GraphQLRequest(text, variables)
        contest = Contest(text, _asking(planned, request), _asking(core, request))
        if await _is_fit(contest):
            found.append(contest)
            without_plan += not plans.has_plan(core.documents.prepared(text).operations[0])
    raise AssertionError


def _sides(world: World) -> tuple[Executor, Executor, Plans]:
    plans = Plans(world.schema, at_once=True)
    core, planned = Executor(world.schema, limits=_LIMITS), Executor(world.schema, limits=_LIMITS, plans=plans)
    planned.documents = core.documents
    return core, planned, plans


def _asking(executor: Executor, request: GraphQLRequest) -> Ask:
    context: Any = SimpleNamespace(caller=_ADMIN)
    return lambda: executor.execute(request, context, "request")


class ReadyWorld(World):
    """Its resolvers remember what they answered, and give it at once: what is timed is execution alone."""

    def _resolver(self, coordinate: str, field: GraphQLField, like: Resolver, *, is_root: bool) -> Callable[..., Any]:
        made_up: Any = super()._resolver(coordinate, field, like, is_root=is_root)
        known: dict[tuple[Any, str], Any] = {}

        async def ready(ctx: Any, source: Any = None, **arguments: Any) -> Any:
            about = tuple(map(_name, source)) if isinstance(source, list) else _name(source)
            question = (about, repr(arguments) if arguments else "")
            if question not in known:
                known[question] = await made_up(ctx, source, **arguments)
            return known[question]

        ready.__signature__ = made_up.__signature__  # type: ignore[attr-defined] # what `bind` reads
        return ready


def _name(source: Any) -> Any:
    return getattr(source, "fuzz_key", None)


# The demo school


async def _of_demo(app: App) -> list[Contest]:
    """GraphiQL's first tab, the room client's query, and every query without variables that pages and story show."""
    core = Executor(app.executor.schema)
    groups = frozenset(DEMO_GROUPS)
    caller = await app.admit(Caller(Mode.COGNITO, user_id(DEMO_USER), groups, username=DEMO_USER))

    def asking(executor: Executor, request: GraphQLRequest) -> Ask:
        return lambda: executor.execute(request, app.context(caller), "request")

    contests = [Contest(name, asking(app.executor, each), asking(core, each)) for name, each in _demo_queries()]
    for contest in contests:
        if not await _is_fit(contest):
            raise RuntimeError(f"the demo school does not answer {contest.name}")
    return contests


def _demo_queries() -> list[tuple[str, GraphQLRequest]]:
    tab = (ROOT / "app/graphiql/examples.graphql").read_text(encoding="utf-8")
    named = [
        (node.name.value, GraphQLRequest(tab, operation_name=node.name.value))
        for node in parse(tab).definitions
        if isinstance(node, OperationDefinitionNode) and node.operation is OperationType.QUERY and node.name
    ]
    changes = GraphQLRequest(room.CHANGES, {"roomId": "common-room", "after": 0})
    shown = {
        (quoted or asked).replace('\\"', '"')
        for page in PAGES
        for quoted, asked in _SHOWN.findall((ROOT / page).read_text(encoding="utf-8"))
    }
    plain = [(text, GraphQLRequest(text)) for text in sorted(shown) if _is_plain_query(text)]
    return [*named, ("the room client", changes), *plain]


def _is_plain_query(text: str) -> bool:
    try:
        (node,) = parse(text).definitions
    except (GraphQLError, ValueError):
        return False
    return (
        isinstance(node, OperationDefinitionNode)
        and node.operation is OperationType.QUERY
        and not node.variable_definitions
    )


# The contest


async def _is_fit(contest: Contest) -> bool:
    """Whether there is something to compare: an answer without errors. Raises RuntimeError when the two differ."""
    await contest.by_plan()  # at second sight there is a plan
    by_plan, by_core = [_lasting(await ask()) for ask in (contest.by_plan, contest.by_core)]
    if differences(by_core, by_plan):
        raise RuntimeError(f"answered differently: {contest.name}")
    return "errors" not in by_core and bool(by_core.get("data"))


def _lasting(answer: Answer) -> Any:
    """The answer without what is another each time: the time, and sealed positions in lists."""
    return orjson.loads(_NEW_EACH_TIME.sub(rb"\1null", answer.body))


async def _compared(title: str, contests: Sequence[Contest]) -> list[Result]:
    with collector.as_in_the_product():
        for contest in contests:
            await _time(contest, ROUNDS)
        for contest in sorted(contests, key=lambda each: each.ratio)[:SUSPECTS]:
            await _time(contest, 5 * ROUNDS)
    worst = min(contests, key=lambda each: each.ratio)
    middle = {name: statistics.median(getattr(each, name) for each in contests) for name in ("ours", "core", "ratio")}
    what = f"{title}, plan against graphql-core"
    return [
        Result(f"{what}, median", middle["ours"], middle["core"], "us CPU", middle["ratio"], None),
        Result(f"{what}, worst", worst.ours, worst.core, "us CPU", worst.ratio, None),
    ]


async def _time(contest: Contest, rounds: int) -> None:
    sides = (contest.by_plan, contest.by_core)
    counts = [max(1, round(SLICE_SECONDS / await _cost(side, 2))) for side in sides]
    costs: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for place in random.sample(range(2), 2):
            costs[place].append(await _cost(sides[place], counts[place]) * 1e6)
    contest.ours, contest.core = map(statistics.median, costs)
    contest.ratio = statistics.median(core / ours for ours, core in zip(*costs, strict=True))


async def _cost(ask: Ask, times: int) -> float:
    """Seconds of CPU for one answer, its JSON included."""
    before = time.process_time()
    for _ in range(times):
        _ = (await ask()).body
    return (time.process_time() - before) / times
