"""What a subscriber is shown of an event."""

import ast
from typing import Any

import orjson
import pytest
from graphql import FragmentDefinitionNode, OperationDefinitionNode, build_schema, parse

from subscriptions.aws_subscribe import woken_by
from subscriptions.projection import project, root_fields
from subscriptions.projection_code import ShowCodes, Shown, source_of

SCHEMA = build_schema(
    """
    directive @aws_subscribe(mutations: [String!]!) on FIELD_DEFINITION
    type Query { no: Int }
    type Mutation { publishTodo: Todo  setTodo: Todo  publishOther: Todo }
    type Subscription {
      onTodo(id: ID): Todo @aws_subscribe(mutations: ["publishTodo", "setTodo"])
      onEvery: Todo @aws_subscribe(mutations: ["setTodo"])
    }
    interface Named { name: String }
    type User implements Named { id: ID! name: String! secret: String }
    type Robot implements Named { name: String model: String }
    union Actor = User | Robot
    type Todo {
      id: ID!
      title: String!
      note: String
      owner: User
      strict: User!
      tags: [String!]
      users: [User]
      solid: [User!]!
      actor: Actor
      named: Named
      myVote: Int
      grid: [[Int!]]
    }
    """
)

USER = {"id": "u1", "name": "Ada", "secret": "s"}
TODO = {"id": "t1", "title": "Write", "note": None, "owner": USER, "strict": USER, "tags": ["a"], "solid": [USER]}


def shown(text: str, payload: dict[str, Any] = TODO, *, denied: set[str] = frozenset(), **variables: Any) -> Any:  # type: ignore[assignment]
    document = parse(text)
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    [operation] = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    [root] = root_fields(operation.selection_set, fragments, variables)
    projection = project(SCHEMA, root, fragments, variables, lambda coordinate: coordinate in denied)
    answer = projection.encoded(payload)
    by_code = Shown(projection, ShowCodes())
    assert [by_code.encoded(payload) for _ in range(3)] == [answer] * 3
    return orjson.loads(answer)


def test_each_mutation_wakes_the_subscriptions_that_name_it() -> None:
    assert woken_by(SCHEMA) == {"publishTodo": ("onTodo",), "setTodo": ("onTodo", "onEvery")}


def test_a_selection_is_answered_under_its_own_names_and_in_its_own_order() -> None:
    text = "subscription { todo: onTodo { title key: id owner { __typename who: name } __typename } }"
    data = {"title": "Write", "key": "t1", "owner": {"__typename": "User", "who": "Ada"}, "__typename": "Todo"}
    assert shown(text) == {"data": {"todo": data}}
    assert list(shown(text)["data"]["todo"]) == ["title", "key", "owner", "__typename"]


def test_fragments_and_equal_fields_merge() -> None:
    text = """
        subscription { onTodo { ...Part owner { id } ... { owner { secret } } ...Part } }
        fragment Part on Todo { id owner { name } ...Deep }
        fragment Deep on Todo { title }
    """
    assert shown(text) == {"data": {"onTodo": {"id": "t1", "owner": USER, "title": "Write"}}}


def test_fields_are_skipped_and_included_as_the_variables_say() -> None:
    text = """subscription ($yes: Boolean!, $no: Boolean!) { onTodo {
        id @include(if: $no) title @skip(if: $no) note @skip(if: true) ... @include(if: $yes) { tags }
    } }"""
    assert shown(text, yes=True, no=False) == {"data": {"onTodo": {"title": "Write", "tags": ["a"]}}}


@pytest.mark.parametrize(("name", "expected"), [("User", {"id": "u1", "name": "Ada"}), ("Robot", {"model": "R"})])
def test_fragments_on_a_type_apply_to_values_of_that_type(name: str, expected: dict[str, Any]) -> None:
    text = """subscription { onTodo { actor { ... on User { id ...N } ... on Robot { model } } } }
        fragment N on User { name }"""
    actor = {"__typename": name, "id": "u1", "name": "Ada", "model": "R"}
    assert shown(text, {**TODO, "actor": actor})["data"]["onTodo"]["actor"] == expected


def test_a_fragment_that_does_not_apply_in_one_place_still_applies_in_another() -> None:
    text = """subscription { onTodo { actor { ... on Robot { ...N } ... on User { ...N } } } }
        fragment N on Named { name }"""
    actor = {"__typename": "User", "name": "Ada"}
    assert shown(text, {**TODO, "actor": actor})["data"]["onTodo"]["actor"] == {"name": "Ada"}


def test_a_value_of_unknown_type_is_null() -> None:
    text = "subscription { onTodo { actor { ... on User { id } } named { name } } }"
    payload = {**TODO, "actor": {"id": "u1"}, "named": {"__typename": "Stranger"}}
    assert shown(text, payload) == {"data": {"onTodo": {"actor": None, "named": None}}}


def test_what_the_event_lacks_is_null() -> None:
    assert shown("subscription { onTodo { id note owner { name } } }", {"id": "t1"}) == {
        "data": {"onTodo": {"id": "t1", "note": None, "owner": None}}
    }


def test_fields_of_the_caller_are_null_in_every_event() -> None:
    assert shown("subscription { onTodo { myVote } }", {**TODO, "myVote": 5}) == {"data": {"onTodo": {"myVote": None}}}


def test_a_missing_value_that_must_be_there_empties_the_payload_in_appsyncs_words() -> None:
    assert shown("subscription { onTodo { id title } }", {"id": "t1"}) == {
        "data": {"onTodo": None},
        "errors": [
            {
                "message": "Cannot return null for non-nullable type: 'String' within parent 'Todo' (/onTodo/title)",
                "path": ["onTodo", "title"],
            }
        ],
    }


def test_null_moves_up_to_the_nearest_nullable_parent_and_is_told_once() -> None:
    payload = {**TODO, "owner": {"id": "u1"}, "users": [USER, {"id": "u2"}]}
    answer = shown("subscription { onTodo { id owner { name } users { name } } }", payload)
    assert answer["data"] == {"onTodo": {"id": "t1", "owner": None, "users": [{"name": "Ada"}, None]}}
    assert [error["path"] for error in answer["errors"]] == [
        ["onTodo", "owner", "name"],
        ["onTodo", "users", 1, "name"],
    ]


def test_a_null_in_a_list_that_holds_none_takes_the_list_with_it() -> None:
    answer = shown("subscription { onTodo { tags } }", {**TODO, "tags": ["a", None]})
    assert answer["data"] == {"onTodo": {"tags": None}}
    assert answer["errors"][0]["message"].endswith("'String' within parent 'Todo' (/onTodo/tags[1])")
    assert shown("subscription { onTodo { solid { id } } }", {**TODO, "solid": [None]})["data"] == {"onTodo": None}


def test_lists_of_lists_keep_their_shape() -> None:
    assert shown("subscription { onTodo { grid } }", {"grid": [[1], None, [None]]})["data"] == {
        "onTodo": {"grid": [[1], None, None]}
    }


def test_a_field_that_the_subscriber_may_not_read_is_null_with_an_error() -> None:
    answer = shown("subscription { onTodo { owner { name secret } } }", denied={"User.secret"})
    assert answer["data"] == {"onTodo": {"owner": {"name": "Ada", "secret": None}}}
    [error] = answer["errors"]
    assert error["errorType"] == "Unauthorized"
    assert error["message"] == "Not Authorized to access secret on type User"
    assert error["path"] == ["onTodo", "owner", "secret"]


def test_a_forbidden_field_that_is_never_null_empties_its_parent_with_one_error() -> None:
    answer = shown("subscription { onTodo { id owner { name } } }", denied={"User.name"})
    assert answer["data"] == {"onTodo": {"id": "t1", "owner": None}}
    assert [error["errorType"] for error in answer["errors"]] == ["Unauthorized"]


def test_errors_of_one_payload_are_bounded() -> None:
    answer = shown("subscription { onTodo { users { name } } }", {"users": [{}] * 500})
    assert len(answer["errors"]) == 100


# By code

ODD: list[Any] = [None, 0, 7, "", "x", True, [], {}, [None], [[]], {"id": "u2"}, {"__typename": "User", "name": "Bo"}]
EVERYTHING = """subscription { all: onTodo {
    id title note owner { ...P } strict { ...P } tags users { ...P } solid { name } myVote grid __typename
    actor { __typename ... on User { ...P } ... on Robot { model } } named { name ... on User { secret } }
} } fragment P on User { who: name id }"""


@pytest.mark.parametrize("field", [*TODO, "users", "actor", "named", "myVote", "grid"])
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_code_shows_what_the_projection_shows_whatever_an_event_holds(field: str, value: Any) -> None:
    assert "all" in shown(EVERYTHING, {**TODO, field: value})["data"]


def test_code_holds_nothing_of_a_client_but_quoted_aliases() -> None:
    text = "subscription { value: onTodo { get: id missing: title listed: tags v0: users { import: name } } }"
    assert shown(text)["data"]["value"]["get"] == "t1"
    [root] = root_fields(parse(text).definitions[0].selection_set, {}, {})  # type: ignore[attr-defined]
    source = source_of(project(SCHEMA, root, {}, {}, lambda _: False).root)
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    assert names == {"value", "get", "v0", "v1", "i0", "missing", "listed", "a_User_1", "a_Todo_2"}


def test_those_who_ask_the_same_share_their_code_and_old_code_goes() -> None:
    def root_of(text: str) -> Any:
        [root] = root_fields(parse(text).definitions[0].selection_set, {}, {})  # type: ignore[attr-defined]
        return project(SCHEMA, root, {}, {}, lambda _: False).root

    codes = ShowCodes(most=1)
    first = codes.of(root_of('subscription { onTodo(id: "a") { id } }'))
    assert codes.of(root_of('subscription { onTodo(id: "b") { id } }')) is first
    codes.of(root_of("subscription { onTodo { title } }"))
    assert codes.of(root_of('subscription { onTodo(id: "a") { id } }')) is not first
