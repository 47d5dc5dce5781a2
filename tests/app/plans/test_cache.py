"""Which operations get a plan, and how many are kept."""

import pytest

from app.execution import Executor
from app.limits import Limits
from app.plans.cache import MOST_PLANS, Plans
from domain.callers import Caller, Mode
from tests.app.plans.planning import CTX, document, plan_of
from tests.app.small_school import School, ask


def test_what_comes_once_is_not_planned() -> None:
    schema = School().schema()
    plans = Plans(schema)
    (operation,) = document(schema, "{ me { id } }").operations

    assert plans.execution(operation, {}, CTX) is None
    found = plans.execution(operation, {}, CTX)

    assert found is not None
    again = plans.execution(operation, {}, CTX)
    assert again is not None
    assert again.plan is found.plan


def test_the_least_recently_used_goes_when_room_is_short() -> None:
    schema = School().schema()
    plans = Plans(schema, most_fields=100, at_once=True)
    texts = [f"{{ me {{ id a{number}: name }} }}" for number in range(20)]
    operations = [document(schema, text).operations[0] for text in texts]
    for each in operations:
        assert plans.execution(each, {}, CTX)
        plans.execution(operations[0], {}, CTX)

    kept = [each for each in operations if plans.has_plan(each)]
    assert operations[0] in kept
    assert operations[-1] in kept
    assert 2 <= len(kept) <= 4


def test_conditions_make_plans_of_their_own_but_not_too_many() -> None:
    names = [f"c{number}" for number in range(6)]
    variables = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: name @include(if: ${name})" for name in names)
    schema = School().schema()
    (operation,) = document(schema, f"query ({variables}) {{ me {{ id {fields} }} }}").operations
    plans = Plans(schema, at_once=True)

    found = [
        plans.execution(operation, {name: bool(number >> place & 1) for place, name in enumerate(names)}, CTX)
        for number in range(2 ** len(names))
    ]

    assert sum(each is not None for each in found) == MOST_PLANS
    assert len({each.plan.source for each in found if each}) == MOST_PLANS


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{ __schema { types { name } } }", {}),
        ("query ($c: Boolean = true) { me { id @skip(if: $c) } }", {"c": None}),
    ],
)
def test_what_only_graphql_core_executes(text: str, variables: dict[str, bool]) -> None:
    assert plan_of(School().schema(), text, variables) is None


async def test_a_fault_of_planning_is_logged_and_costs_nobody_an_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise SyntaxError("no Python")

    monkeypatch.setattr("app.plans.cache.generate", broken)
    schema = School().schema()
    executor = Executor(schema, plans=Plans(schema))
    for _ in range(3):
        assert (await ask(executor, "{ me { id } }")).payload == {"data": {"me": {"id": "ada"}}}
    assert caplog.text.count("an operation could not be planned") == 1


def test_a_plan_of_very_many_fields_is_not_made() -> None:
    schema = School().schema()
    fragments = " ".join(f"fragment F{n} on Course {{ next {{ ...F{n + 1} id title }} }}" for n in range(6))
    text = f"{{ {' '.join(f'c{n}: course(id: 1) {{ ...F0 }}' for n in range(200))} }} {fragments}"
    limits = Limits(tokens=10_000, root_fields=1_000, aliases=1_000, cost=100_000)
    (operation,) = document(schema, text + " fragment F6 on Course { id }", limits).operations
    assert Plans(schema, at_once=True).execution(operation, {}, CTX) is None


async def test_a_caller_with_denied_fields_is_served_without_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(School, "planned", True)
    caller = Caller(Mode.COGNITO, user_id="ada", denied_fields=frozenset({"User.name"}))
    answer = await ask(School().executor(), "{ me { id name } }", caller=caller)
    assert answer.payload["data"] is None or answer.payload["data"]["me"] is None
    assert answer.payload["errors"][0]["errorType"] == "Unauthorized"
