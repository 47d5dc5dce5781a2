"""Variables are coerced as graphql-core coerces them, and their faults are told in its words."""

from typing import Any

import pytest
from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, build_schema, parse
from graphql.execution.values import VariableValues, get_variable_values

from app import scalars
from app.documents import MOST_REQUEST_FAULTS
from app.plans import variables
from app.plans.variables import InvalidVariables, reader

SDL = """
type Query { found: Boolean }
enum Level { LOW HIGH }
input Say { roomId: ID!  body: String  mentioned: [ID!]  level: Level = LOW  at: AWSDateTime
  parts: [Part]  part: Part }
input Part { number: Int!  ratio: Float = 0.5  words: [[String]] }
input Defaults { tags: [String!] = ["a"] }
input Nested { inner: Nested  word: String }
input OneOf @oneOf { word: String  number: Int }
"""
PART = {"number": 3, "words": [["a", None], None, []]}
SAY = {
    "roomId": "01HZ",
    "body": "Hello",
    "mentioned": ["a", "b"],
    "level": "HIGH",
    "at": "2026-11-21T12:00:00Z",
    "parts": [PART, None, {"number": -5, "ratio": 1}],
    "part": PART,
}

USUAL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("$a: String!", {"a": "text", "unasked": 1}),
    ("$a: String $b: ID $c: Int $d: Boolean", {"a": None, "b": "x", "d": True}),
    ("$a: Int! = 5 $b: Level = HIGH $c: String = null", {}),
    ("$a: Int! = 5 $b: Level = HIGH", {"a": 7, "b": None}),
    ("$a: [Int!]", {"a": [1, 2]}),
    ("$a: [Level]", {"a": ["LOW", None]}),
    ("$a: Say!", {"a": SAY}),
    ("$a: Say!", {"a": {"roomId": "01HZ"}}),
    ("$a: Say!", {"a": {"body": None, "roomId": "01HZ", "mentioned": None, "part": None, "level": None}}),
    ("$a: Say $b: [Part!]!", {"b": [PART]}),
)
UNUSUAL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("$a: ID! $b: Float", {"a": 7, "b": "one"}),
    ("$a: String!", {}),
    ("$a: String!", {"a": None}),
    ("$a: String", {"a": 5}),
    ("$a: Int! = 5", {"a": None}),
    ("$a: Boolean", {"a": 1}),
    ("$a: Int", {"a": 2**31}),
    ("$a: Int", {"a": True}),
    ("$a: Level", {"a": "MIDDLE"}),
    ("$a: [String!]", {"a": "alone"}),
    ("$a: [String!]", {"a": ["a", None]}),
    ("$a: [[Int]]", {"a": [1, [2]]}),
    ("$a: [Int] = [1]", {}),
    ("$a: Say!", {"a": [SAY]}),
    ("$a: Say!", {"a": {"body": "no room"}}),
    ("$a: Say!", {"a": SAY | {"roomId": None}}),
    ("$a: Say!", {"a": SAY | {"stranger": None}}),
    ("$a: Say!", {"a": SAY | {"body": 5, "mentioned": [{}], "part": {"number": "x"}, "parts": [PART, {}]}}),
    ("$a: Say!", {"a": SAY | {"at": "yesterday"}}),
    ("$a: Say!", {"a": SAY | {"mentioned": "alone"}}),
    ("$a: Say = {roomId: 5}", {}),
    ("$a: Defaults", {"a": {}}),
    ("$a: Nested", {"a": {"inner": {"inner": None, "word": "x"}}}),
    ("$a: Nested", {"a": {"inner": 5}}),
    ("$a: OneOf", {"a": {"word": "x"}}),
    ("$a: OneOf", {"a": {"word": "x", "number": 1}}),
)


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    schema = build_schema("scalar AWSDateTime\n" + SDL)
    scalars.install(schema)
    schema.type_map["Say"].fields["roomId"].out_name = "room_id"
    return schema


@pytest.mark.parametrize(("definitions", "raw"), USUAL + UNUSUAL)
def test_values_and_faults_are_those_of_graphql_core(
    schema: GraphQLSchema, definitions: str, raw: dict[str, Any]
) -> None:
    node = operation(definitions)
    ours: VariableValues | list[GraphQLError]
    try:
        ours = reader(schema, node)(raw)
    except InvalidVariables as invalid:
        ours = invalid.faults
    theirs = get_variable_values(
        schema, node.variable_definitions or (), raw, max_errors=MOST_REQUEST_FAULTS, hide_suggestions=True
    )
    assert shown(ours) == shown(theirs)


@pytest.mark.parametrize(("definitions", "raw"), USUAL)
def test_usual_values_need_no_graphql_core(
    schema: GraphQLSchema, definitions: str, raw: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variables, "get_variable_values", None)
    assert reader(schema, operation(definitions))(raw)


def test_every_request_has_values_of_its_own(schema: GraphQLSchema) -> None:
    read = reader(schema, operation("$a: Say!"))
    first, second = read({"a": SAY}), read({"a": SAY})
    first.coerced["a"]["mentioned"].append("c")
    assert second.coerced["a"]["mentioned"] == SAY["mentioned"] == ["a", "b"]


def operation(definitions: str) -> OperationDefinitionNode:
    (node,) = parse(f"query ({definitions}) {{ found }}").definitions
    assert isinstance(node, OperationDefinitionNode)
    return node


def shown(coerced: Any) -> Any:
    """Values with their order and their types, or the words of the faults."""
    if isinstance(coerced, VariableValues):
        return repr(coerced.coerced)
    return [fault.message for fault in coerced]
