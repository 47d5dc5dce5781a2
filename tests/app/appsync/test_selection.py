"""What is computed and returned of a field's value: what the client selected, where AppSync tells that."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from app.appsync.event import Info
from app.appsync.selection import Finish, SelectionPlans
from domain.courses import Course
from domain.money import Money
from resolvers.paging import Connection
from tests.school import School

COURSE = Course(
    id="c1", slug="sailing", title="Sailing", level="BEGINNER", language="en", category="Sports", tags=("sea",),
    state="PUBLISHED", access_model="PAID", completion_percent=100.0, owner_id="u1", lesson_count=0, duration_seconds=0,
    created_at="2026-11-21T10:00:00.000Z", updated_at="2026-11-21T10:00:00.000Z", version=1, price=Money(4200, "CHF"),
)  # fmt: skip

Plan = Callable[..., Finish | None]


@pytest.fixture
def plan(school: School) -> Plan:
    """The plan of a selection; of one's own if `plans` says so."""

    def plan(text: str, *paths: str, field: str = "getCourse", plans: SelectionPlans | None = None) -> Finish | None:
        root = school.schema.query_type
        assert root is not None
        asked = Info(field, "Query", paths, text)
        return (plans or SelectionPlans(at_once=True)).finish(asked, root.fields[field].type)

    return plan


def test_what_was_selected_and_nothing_else(plan: Plan) -> None:
    finish = plan("{ title price { amountMinor } }", "title", "price", "price/amountMinor")
    assert finish is not None
    assert finish(COURSE) == {"title": "Sailing", "price": {"amountMinor": 4200}}


def test_in_lists_too(plan: Plan) -> None:
    finish = plan("{ items { id tags } }", "items", "items/id", "items/tags", field="listCourses")
    assert finish is not None
    assert finish(Connection((COURSE,), "next")) == {"items": [{"id": "c1", "tags": ["sea"]}]}


def test_the_parent_of_a_resolver_is_whole(plan: Plan) -> None:
    finish = plan("{ owner { id } }", "owner", "owner/id")
    assert finish is not None
    whole: dict[str, Any] = finish(COURSE)
    assert whole["price"] == {"amountMinor": 4200, "currency": "CHF"}
    assert {"id", "ownerId", "title", "tags"} <= whole.keys()
    assert "owner" not in whole


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("{ title: summary }", ["title"]),
        ("{ price { currency: amountMinor } }", ["price", "price/currency"]),
        ("{ ...Some }", ["title"]),
        ("{ ... on Course { ...Some } }", ["title"]),
        ("{ title", ["title"]),
        ("{ titel }", ["titel"]),
        ("", ["title"]),
        ("{ title }", []),
        ("{ title }", ["title"] * 2_000),
    ],
)
def test_everything_where_names_are_not_told(plan: Plan, text: str, paths: list[str]) -> None:
    assert plan(text, *paths) is None


def test_what_is_not_as_its_type_says_is_left_to_the_long_way(plan: Plan) -> None:
    finish = plan("{ title version }", "title", "version")
    assert finish is not None
    for spoilt in ({"title": None}, {"version": "one"}):
        with pytest.raises(Exception, match=r".+"):
            finish(msgspec.structs.replace(COURSE, **spoilt))


def test_a_selection_is_planned_when_it_comes_again_and_forgotten_in_time(plan: Plan) -> None:
    plans = SelectionPlans(most_fields=4)
    assert plan("{ title }", "title", plans=plans) is None
    first = plan("{ title }", "title", plans=plans)
    assert first is not None
    assert plan("{ title }", "title", plans=plans) is first
    for name in ("id", "slug", "level"):
        plan(f"{{ {name} }}", name, plans=plans)
        plan(f"{{ {name} }}", name, plans=plans)
    assert plan("{ title }", "title", plans=plans) is None
