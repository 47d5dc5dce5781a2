"""Plans answer what graphql-core answers; `make fuzz` asks for longer."""

import logging
from collections.abc import Iterator

import pytest

from tests.fuzz.comparison import differences
from tests.fuzz.differential import Fuzz


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    """Wrong answers are logged as the faults they are."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


async def test_plans_answer_as_graphql_core_does() -> None:
    fuzz = Fuzz()
    assert await fuzz.run(800, seed=0) == []
    assert fuzz.counted["planned"] > 600, "few operations say little"
    assert fuzz.counted["with errors"] > 200


ERROR = {"path": ["a", 0, "b"], "message": "No."}


@pytest.mark.parametrize(
    ("expected", "given", "found"),
    [
        ({"data": {"a": 1}}, {"data": {"a": 1}}, []),
        ({"data": {"a": 1}}, {"data": {"a": 1.0}}, ["data"]),
        ({"data": {"a": 1, "b": 2}}, {"data": {"b": 2, "a": 1}}, ["data"]),
        ({"data": {"a": [{"b": None}]}, "errors": [ERROR]}, {"data": {"a": [{"b": None}]}}, ["errors", "keys"]),
        (
            {"data": {"a": [{"b": None}]}, "errors": [ERROR]},
            {"data": {"a": [{"b": None}]}, "errors": [ERROR, ERROR]},
            ["errors"],
        ),
        (
            {"data": {"a": None}, "errors": [ERROR]},
            {"data": {"a": None}, "errors": [{"path": ["a", 1], "message": "Never."}]},
            [],
        ),
        ({"data": {"a": None}, "errors": [ERROR]}, {"data": {"a": None}, "errors": [{"path": ["a"]}]}, ["errors"]),
    ],
)
def test_what_counts_as_a_difference(expected: object, given: object, found: list[str]) -> None:
    assert differences(expected, given) == found  # type: ignore[arg-type] # enough of an answer
