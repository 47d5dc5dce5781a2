"""What stands in generated code."""

import ast
import re

import pytest

from app.access import object_types
from app.plans.support import NAMES
from app.sdl import snake
from tests.app.plans.planning import plan_of
from tests.app.small_school import School

HOSTILE = r'''
query Q($__import__: ID = "\"); import os; (\"", $x: Boolean!) {
  __import__: courses(limit: 2) {
    exec: items {
      None: id  record: title  v0: seats  lambda: level  __class__: createdAt  __typename
      eval: reviews(stars: 3)
      print: chapters(nextToken: """{record.__class__}'\"""""") { open: items { id } import: nextToken }
      owner { Projection: name  a_User_3: id  ...F @include(if: $x) }
    }
  }
  reading: things { __typename ... on Course { is: title and: id } ... on User { listed: name something: id } }
  course(id: $__import__) { id id: id __typename next { next { title } } }
}
fragment F on User { __dict__: id }
'''
_PREFIXED = re.compile(r"(a|of|record)_[A-Za-z]+_\d+|finish_\d+(_several)?|(leaf|type|names)_[A-Za-z]+|[vi]\d")


@pytest.mark.parametrize("x", [True, False])
def test_nothing_of_a_client_but_quoted_names(x: bool) -> None:
    schema = School().schema()
    plan = plan_of(schema, HOSTILE, {"x": x})
    assert plan is not None
    attributes = {snake(name) for type_ in object_types(schema) for name in type_.fields}
    aliases = set(re.findall(r"\w+", HOSTILE))

    for node in ast.walk(ast.parse(plan.source)):
        if isinstance(node, ast.Name):
            assert node.id in {*NAMES, "str", "int", "list", "record", "value"} | attributes or _PREFIXED.fullmatch(
                node.id
            )
        elif isinstance(node, ast.Attribute):
            assert node.attr in attributes | {"__class__"}
        elif isinstance(node, ast.Constant):
            assert isinstance(node.value, int | None) or node.value in aliases | attributes
        else:
            assert not isinstance(node, ast.Import | ast.ImportFrom | ast.Global | ast.Lambda | ast.JoinedStr)


def test_values_of_arguments_are_nowhere_in_it() -> None:
    plan = plan_of(School().schema(), '{ course(id: "s3cret") { id reviews(stars: 31337) } }')
    assert plan is not None
    assert "s3cret" not in plan.source
    assert "31337" not in plan.source


def test_records_without_resolvers_below_are_read_by_msgspec() -> None:
    plan = plan_of(School().schema(), "{ courses { nextToken items { id created: createdAt seats level } } }")
    assert plan is not None
    assert plan.source.count("def ") == 0
    assert "rename={'created_at': 'created'}" in plan.source


@pytest.mark.parametrize("selection", ["__typename", "one: title two: title", "id owner { id }"])
def test_and_else_by_a_function(selection: str) -> None:
    plan = plan_of(School().schema(), f'{{ course(id: "c1") {{ {selection} }} }}')
    assert plan is not None
    assert "def a_Course_2(record):" in plan.source


def test_what_a_mutation_answers_can_be_read_by_whoever_is_told_of_it() -> None:
    plan = plan_of(School().schema(), 'mutation { rename(id: "c1") { id title } }')
    assert plan is not None
    assert "Projection" not in plan.source
