"""The executor of these tests plans, maps and completes as AppSync's documentation says."""

from typing import Any

import pytest

from app.appsync.fields import FieldResolver
from domain.callers import Caller, Mode
from tests.appsync.api import Api
from tests.appsync.executor import AppSync

SDL = """
schema { query: Query mutation: Mutation }
type Query {
  courses(after: AWSDateTime, tags: AWSJSON, level: Level, limit: Int): [Course]
  course(id: ID!): Course @aws_api_key @aws_cognito_user_pools
  staff: String @aws_cognito_user_pools(cognito_groups: ["Admins"])
}
type Mutation { rename(id: ID!): Course }
enum Level { EASY HARD }
type Course @aws_api_key @aws_cognito_user_pools {
  id: ID!
  title: String!
  level: Level
  facts: AWSJSON
  price: Money
  owner(short: Boolean): User!
  next: Course
}
type Money @aws_api_key @aws_cognito_user_pools { amount: Int! }
type User { name: String friend: User }
"""
RESOLVERS = (
    FieldResolver("Query", "courses", "UNIT"),
    FieldResolver("Query", "course", "UNIT"),
    FieldResolver("Query", "staff", "UNIT"),
    FieldResolver("Mutation", "rename", "UNIT"),
    FieldResolver("Course", "owner", "BATCH", 3),
    FieldResolver("User", "friend", "BATCH", 3),
)
ADA = Caller(Mode.COGNITO, user_id="u1", username="ada", groups=frozenset({"Mentors"}))


class Function:
    """Answers each field with what is set for it, and keeps the calls."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[Any] = []

    async def __call__(self, event: Any) -> Any:
        self.calls.append(event)
        return [self._result(each) for each in event] if isinstance(event, list) else self._result(event)

    def events(self, field: str) -> list[Any]:
        return [call for call in self.calls if not isinstance(call, list) and call["info"]["fieldName"] == field]

    def batches(self, field: str) -> list[list[Any]]:
        return [call for call in self.calls if isinstance(call, list) and call[0]["info"]["fieldName"] == field]

    def _result(self, event: Any) -> Any:
        answer = self.answers[event["info"]["fieldName"]]
        found = answer(event) if callable(answer) else answer
        return found if isinstance(found, dict) and "error" in found else {"data": found}


def course(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"c{number}", "title": f"Course {number}", **more}


def error(error_type: str, **info: Any) -> dict[str, Any]:
    return {"data": None, "error": {"message": "No.", "errorType": error_type, "errorInfo": info}}


async def ask(function: Function, query: str, caller: Caller = ADA, **variables: Any) -> dict[str, Any]:
    return await AppSync(Api.of(SDL, RESOLVERS), function).execute(query, variables, caller)


async def test_siblings_are_batched_up_to_the_resolvers_size() -> None:
    function = Function(courses=[course(n) for n in range(7)], owner=lambda event: {"name": event["source"]["id"]})
    answer = await ask(function, "{ courses { owner { name } } }")
    assert [each["owner"]["name"] for each in answer["data"]["courses"]] == [f"c{n}" for n in range(7)]
    assert [len(batch) for batch in function.batches("owner")] == [3, 3, 1]


async def test_siblings_of_different_parents_are_one_batch() -> None:
    function = Function(
        courses=[course(n) for n in range(3)], owner=lambda event: {"name": "o"}, friend={"name": "friend"}
    )
    await ask(function, "{ courses { owner { friend { name } } } }")
    assert [len(batch) for batch in function.batches("friend")] == [3]


async def test_a_source_holds_what_the_sdl_names_and_no_more() -> None:
    function = Function(course=course(1, secret="s", price={"amount": 5, "margin": 4}, next=course(2)), owner={})
    await ask(function, '{ course(id: "c1") { owner { name } next { owner { name } } } }')
    sources = sorted((event["source"] for batch in function.batches("owner") for event in batch), key=len)
    assert sources == [course(2), course(1, price={"amount": 5}, next=course(2))]


async def test_info_tells_what_is_selected() -> None:
    function = Function(course=course(1), owner={"name": "Ada"})
    query = """query ($yes: Boolean!) { course(id: 7) { ...some again: title @include(if: $yes) title @skip(if: $yes)
      price { amount } } }
    fragment some on Course { id ... on Course { who: owner(short: $yes) { name } } }"""
    await ask(function, query, yes=True)
    [event] = function.events("course")
    assert event["info"]["selectionSetList"] == ["id", "who", "who/name", "again", "price", "price/amount"]
    assert event["info"]["parentTypeName"] == "Query"
    assert event["info"]["variables"] == {"yes": True}
    assert "...some" in event["info"]["selectionSetGraphQL"]
    assert event["arguments"] == {"id": "7"}
    [[below]] = function.batches("owner")
    assert (below["arguments"], below["info"]["selectionSetList"]) == ({"short": True}, ["name"])


async def test_arguments_are_checked_and_handed_on_as_they_were_sent() -> None:
    function = Function(courses=[])
    query = (
        "query ($at: AWSDateTime, $level: Level) { courses(after: $at, level: $level, limit: null, tags: %s) { id } }"
    )
    await ask(function, query % '"[1]"', at="2026-01-01T00:00+02:00", level="HARD")
    [event] = function.events("courses")
    assert event["arguments"] == {"after": "2026-01-01T00:00+02:00", "level": "HARD", "limit": None, "tags": [1]}
    await ask(function, query % '"{}"')
    assert function.events("courses")[1]["arguments"] == {"limit": None, "tags": {}}
    refused = await ask(function, query % '"{}"', at="tomorrow")
    assert refused["data"] is None
    assert "errorType" not in refused["errors"][0]
    assert len(function.calls) == 2


async def test_values_are_completed_by_their_types() -> None:
    function = Function(course=course(1, level="EASY", facts={"a": [1]}, price={"amount": 5}))
    answer = await ask(function, '{ course(id: "c1") { __typename id level facts price { amount } next { id } } }')
    assert answer["data"]["course"] == {
        "__typename": "Course",
        "id": "c1",
        "level": "EASY",
        "facts": '{"a":[1]}',
        "price": {"amount": 5},
        "next": None,
    }


async def test_an_error_nulls_its_field_or_the_nearest_parent_that_may_be_null() -> None:
    def owner(event: Any) -> Any:
        return error("NOT_FOUND", what="user") if event["source"]["id"] == "c1" else {"name": "Ada"}

    function = Function(courses=[course(0), course(1)], owner=owner)
    answer = await ask(function, "{ courses { id owner { name } } }")
    assert answer["data"] == {"courses": [{"id": "c0", "owner": {"name": "Ada"}}, None]}
    assert answer["errors"] == [
        {
            "path": ["courses", 1, "owner"],
            "locations": [{"line": 1, "column": 16, "sourceName": None}],
            "message": "No.",
            "errorType": "NOT_FOUND",
            "data": None,
            "errorInfo": {"what": "user"},
        }
    ]


async def test_a_null_where_none_may_be_is_told_in_appsyncs_words() -> None:
    answer = await ask(Function(courses=[course(0), {"id": "c1"}]), "{ courses { id title } }")
    assert answer["data"] == {"courses": [{"id": "c0", "title": "Course 0"}, None]}
    words = "Cannot return null for non-nullable type: 'String' within parent 'Course' (/courses[1]/title)"
    assert answer["errors"] == [{"message": words, "path": ["courses", 1, "title"]}]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"courses": {}}, "Can't resolve value (/courses) : type mismatch error, expected type LIST, got OBJECT"),
        (
            {"courses": ["c"]},
            "Can't resolve value (/courses[0]) : type mismatch error, expected type OBJECT, got SCALAR",
        ),
        ({"courses": [course(1, level="ODD")]}, "Can't serialize value (/courses[0]/level)"),
    ],
)
async def test_what_does_not_fit_its_type_is_an_error(wrong: dict[str, Any], words: str) -> None:
    answer = await ask(Function(**wrong), "{ courses { level } }")
    assert [each["message"].startswith(words) for each in answer["errors"]] == [True]


@pytest.mark.parametrize(
    ("caller", "allowed"),
    [
        (ADA, False),
        (Caller(Mode.COGNITO, user_id="u1", groups=frozenset({"Admins"})), True),
        (
            Caller(Mode.COGNITO, user_id="u1", groups=frozenset({"Admins"}), denied_fields=frozenset({"Query.staff"})),
            False,
        ),
        (Caller(Mode.API_KEY), False),
    ],
)
async def test_directives_say_who_reads_a_field(caller: Caller, allowed: bool) -> None:
    function = Function(staff="room", course=course(1))
    answer = await ask(function, '{ staff course(id: "c1") { id } }', caller)
    assert answer["data"] == {"staff": "room" if allowed else None, "course": {"id": "c1"}}
    assert len(function.events("staff")) == allowed
    if not allowed:
        [refusal] = answer["errors"]
        assert refusal["errorType"] == "Unauthorized"
        assert refusal["message"] == "Not Authorized to access staff on type Query"


async def test_mutations_run_one_after_the_other() -> None:
    running: list[str] = []

    def rename(event: Any) -> Any:
        running.append(event["arguments"]["id"])
        return course(1)

    def owner(event: Any) -> Any:
        running.append("owner")
        return {"name": "Ada"}

    function = Function(rename=rename, owner=owner)
    await ask(function, 'mutation { a: rename(id: "1") { owner { name } } b: rename(id: "2") { id } }')
    assert running == ["1", "owner", "2"]


async def test_identity_is_told_in_the_form_of_its_mode() -> None:
    function = Function(course=course(1))
    for caller in (ADA, Caller(Mode.API_KEY)):
        await ask(function, '{ course(id: "c1") { id } }', caller)
    person, key = (event["identity"] for event in function.events("course"))
    assert key is None
    assert (person["sub"], person["username"], person["groups"]) == ("u1", "ada", ["Mentors"])
    assert person["claims"]["cognito:groups"] == ["Mentors"]
    assert person["defaultAuthStrategy"] == "ALLOW"
