"""Which operations get a plan, and how many are kept."""

import msgspec
import pytest
from graphql import parse
from graphql.execution.values import VariableValues

from app.documents import Document
from app.execution import Executor
from app.plans.cache import MOST_PLANS, Plans
from domain.callers import Caller, Mode
from tests.app.plans.planning import document, plan_of
from tests.app.small_school import School, ask

NO_VALUES = VariableValues({}, {})


def test_what_comes_once_is_not_planned() -> None:
    schema = School().schema()
    plans, prepared = Plans(schema), document(schema, "{ me { id } }")
    (operation,) = prepared.operations

    assert plans.known(prepared, operation) is None
    known = plans.known(prepared, operation)

    assert known is not None
    plan = plans.plan(known, NO_VALUES)
    assert plan is not None
    assert plans.plan(known, NO_VALUES) is plan


def test_the_least_recently_used_goes_when_room_is_short() -> None:
    schema = School().schema()
    plans = Plans(schema, most_fields=100, at_once=True)
    documents = [document(schema, f"{{ me {{ id a{number}: name }} }}") for number in range(20)]
    for each in documents:
        (operation,) = each.operations
        known = plans.known(each, operation)
        assert known is not None
        assert plans.plan(known, NO_VALUES)
        plans.known(documents[0], documents[0].operations[0])

    kept = [each for each in documents if plans.has_plan(each.operations[0])]
    assert documents[0] in kept
    assert documents[-1] in kept
    assert 2 <= len(kept) <= 4


def test_conditions_make_plans_of_their_own_but_not_too_many() -> None:
    names = [f"c{number}" for number in range(6)]
    variables = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: name @include(if: ${name})" for name in names)
    schema = School().schema()
    prepared = document(schema, f"query ({variables}) {{ me {{ id {fields} }} }}")
    plans = Plans(schema, at_once=True)
    known = plans.known(prepared, prepared.operations[0])
    assert known is not None

    made = [
        plans.plan(known, VariableValues({}, {name: bool(number >> place & 1) for place, name in enumerate(names)}))
        for number in range(2 ** len(names))
    ]

    assert sum(plan is not None for plan in made) == MOST_PLANS
    assert len({plan.source for plan in made if plan}) == MOST_PLANS


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{ __schema { types { name } } }", {}),
        ("query ($c: Boolean = true) { me { id @skip(if: $c) } }", {"c": None}),
        ("query ($c: Boolean = true) { me { id @skip(if: $c) } }", {}),
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
    ast = parse(text + " fragment F6 on Course { id }")
    (operation,) = document(schema, "{ me { id } }").operations
    prepared = Document(ast, (msgspec.structs.replace(operation),), several=False)
    plans = Plans(schema, at_once=True)
    known = plans.known(prepared, prepared.operations[0])
    assert known is not None
    assert plans.plan(known, NO_VALUES) is None


async def test_a_caller_with_denied_fields_is_served_without_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(School, "planned", True)
    caller = Caller(Mode.COGNITO, user_id="ada", denied_fields=frozenset({"User.name"}))
    answer = await ask(School().executor(), "{ me { id name } }", caller=caller)
    assert answer.payload["data"] is None or answer.payload["data"]["me"] is None
    assert answer.payload["errors"][0]["errorType"] == "Unauthorized"
