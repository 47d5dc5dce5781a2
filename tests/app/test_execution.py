"""From a query's text to AppSync's answer."""

import asyncio
import gc
import json
from typing import Any

import pytest

from app.execution import Executor
from domain.callers import Caller, Mode
from domain.errors import conflict
from resolvers.registry import Resolver
from tests.app.small_school import IAM, STUDENT, Course, School, User, ask

TWO = 'query One { me { id } } query Two { course(id: "c1") { id } }'


pytestmark = pytest.mark.usefixtures("each_way")


@pytest.fixture
def school() -> School:
    return School()


@pytest.fixture
def executor(school: School) -> Executor:
    return school.executor()


class TestRequests:
    @pytest.mark.parametrize(
        "query", ["", "{", "}", "meow", "{}", "{ me { } }", "{ me { id }", "query", "{}}", '{ me(id: "']
    )
    async def test_what_is_no_graphql_is_a_malformed_request(self, executor, query):
        answer = await ask(executor, query)
        assert answer.status == 400
        (error,) = answer.payload["errors"]
        assert "data" not in answer.payload
        assert error["errorType"] == "MalformedHttpRequestException"
        assert error["message"] == "Unable to parse GraphQL query."

    async def test_of_several_operations_one_must_be_named(self, executor):
        answer = await ask(executor, TWO)
        assert answer.status == 400
        assert answer.payload["errors"][0]["errorType"] == "BadRequestException"
        assert answer.payload["errors"][0]["message"] == "Missing operation name."
        named = await ask(executor, TWO, operation_name="Two")
        assert named.payload == {"data": {"course": {"id": "c1"}}}

    async def test_two_anonymous_operations_run_neither(self, executor, school):
        answer = await ask(executor, 'mutation { rename(id: "c1") { id } } { me { id } }')
        assert answer.status == 400
        assert school.calls == []

    @pytest.mark.parametrize("query", ["{ me { id } }", TWO])
    async def test_an_unknown_operation_name(self, executor, query):
        answer = await ask(executor, query, operation_name="Three\r\nX")
        assert answer.status == 400
        assert answer.payload["errors"][0]["message"] == "The document has no operation of that name."

    async def test_where_only_queries_may_run_mutations_do_not(self, executor, school):
        answer = await ask(executor, 'mutation { rename(id: "c1") { id } }', queries_only=True)
        assert answer.status == 405
        assert "data" not in answer.payload
        assert school.calls == []
        query = await ask(executor, "{ me { id } }", queries_only=True)
        assert query.status == 200

    async def test_mutations_run_one_after_the_other(self, executor, school):
        query = 'mutation { a: rename(id: "c1") { id } b: rename(id: "c2") { id } c: rename(id: "nil") { id } }'
        answer = await ask(executor, query)
        assert answer.payload["data"] == {"a": {"id": "c1"}, "b": {"id": "c2"}, "c": None}
        assert school.calls == [(step, course) for course in ("c1", "c2", "nil") for step in ("start", "end")]


class TestValidationErrors:
    async def test_they_are_appsyncs(self, executor):
        answer = await ask(executor, "{badfield}")
        assert answer.status == 200
        assert answer.payload["data"] is None
        (error,) = answer.payload["errors"]
        assert error == {
            "path": None,
            "locations": [{"line": 1, "column": 2, "sourceName": None}],
            "message": "Validation error of type FieldUndefined: "
            "Field 'badfield' in type 'Query' is undefined @ 'badfield'",
            "extensions": {"requestId": "request-1"},
        }

    async def test_they_run_nothing(self, executor, school):
        await ask(executor, 'mutation { rename(id: "c1") { id } nope }')
        assert school.calls == []

    async def test_there_are_at_most_twenty(self, executor):
        fields = " ".join(f"x{n}" for n in range(20))
        fragments = " ".join(f"fragment f{n} on Query {{ {fields} }}" for n in range(20))
        answer = await ask(executor, "{ me { id } } " + fragments)
        assert len(answer.payload["errors"]) == 20

    async def test_a_bad_document_is_the_same_error_every_time_under_each_requests_id(self, executor):
        first = await ask(executor, "{ nope }")
        second = await ask(executor, "{ nope }")
        assert first == second


class TestVariables:
    @pytest.mark.parametrize(
        ("variables", "message"),
        [
            ({}, "Variable 'id' has coerced Null value for NonNull type 'ID!'"),
            ({"id": None}, "Variable 'id' has coerced Null value for NonNull type 'ID!'"),
            ({"id": {"a": 1}}, "Variable 'id' has an invalid value: 'id' is not a valid 'ID'"),
            (
                {"id": "c1", "f": {"minimumSeats": 2**40}},
                "'f.minimumSeats' is not a valid 'Int': it must fit into 32 bits",
            ),
            ({"id": "c1", "f": {"courseLevel": "EASYY"}}, "'f.courseLevel' is not a valid 'Level'"),
            ({"id": "c1", "f": {"courseLevle": "EASY"}}, "'f' contains a field not in 'FilterInput': 'courseLevle'"),
            ({"id": "c1", "f": [1]}, "'f' is not a valid 'FilterInput'"),
            ({"id": "c1", "f": {"tags": ["a", None]}}, "'f.tags[1]' is not a valid 'String!': it must not be null"),
        ],
    )
    async def test_wrong_values_are_named_but_not_repeated(self, executor, school, variables, message):
        query = "query ($id: ID!, $f: FilterInput) { course(id: $id) { id } search(filter: $f) }"
        answer = await ask(executor, query, variables)
        assert answer.status == 200
        assert answer.payload["data"] is None
        (error,) = answer.payload["errors"]
        assert error["message"].endswith(message)
        assert error["path"] is None
        assert "errorType" not in error
        assert school.calls == []

    async def test_neither_long_values_nor_suggestions_come_back(self, executor):
        secret = "s3cret" * 10_000
        variables = {"f": {"courseLevel": secret, "minimumSeats": secret, secret: 1, "tags": {"a": secret}}}
        answer = await ask(executor, "query ($f: FilterInput) { search(filter: $f) }", variables)
        text = json.dumps(answer.payload)
        assert len(text) < 4_000
        assert "Did you mean" not in text

    async def test_a_null_that_only_execution_can_see(self, executor, school):
        query = 'query ($id: ID = "c1") { course(id: $id) { id } me { id } }'
        answer = await ask(executor, query, {"id": None})
        assert answer.payload["data"] == {"course": None, "me": {"id": "ada"}}
        (error,) = answer.payload["errors"]
        assert error["errorType"] == "BAD_REQUEST"
        assert error["path"] == ["course"]

    async def test_deep_variables_are_an_error(self, executor):
        deep: dict[str, Any] = {}
        for _ in range(5_000):
            deep = {"inner": deep}
        answer = await ask(executor, "query ($f: FilterInput) { search(filter: $f) }", {"f": deep})
        assert answer.payload["data"] is None
        assert len(answer.payload["errors"]) == 1

    async def test_variables_can_make_a_document_too_dear(self, executor):
        query = "query ($n: Int) { courses(limit: $n) { items { chapters(limit: $n) { items { id } } } } }"
        assert (await ask(executor, query, {"n": 2})).payload["data"]
        answer = await ask(executor, query, {"n": 100})
        assert answer.status == 200
        assert answer.payload["data"] is None
        assert answer.payload["errors"][0]["errorType"] == "QUERY_TOO_COMPLEX"
        assert answer.payload["errors"][0]["errorInfo"] == {
            "limit": "cost",
            "allowed": 5000,
            "actual": 20201,
            "retryable": False,
        }

    @pytest.mark.parametrize("values", [["a"] * 20_000, {f"a{n}": 1 for n in range(20_000)}, [["a"] * 99] * 110])
    async def test_floods_of_values_are_refused_before_each_is_checked(self, executor, school, values):
        answer = await ask(executor, "query ($f: FilterInput) { search(filter: $f) }", {"f": {"tags": values}})
        assert answer.payload["data"] is None
        (error,) = answer.payload["errors"]
        assert (error["errorType"], error["errorInfo"]["limit"]) == ("QUERY_TOO_COMPLEX", "values")
        assert school.calls == []

    async def test_few_of_many_wrong_values_are_named(self, executor):
        variables = {"f": {"tags": [1] * 9_000}}
        answer = await ask(executor, "query ($f: FilterInput) { search(filter: $f) }", variables)
        assert len(answer.payload["errors"]) <= 21


class TestFieldErrors:
    async def test_a_domain_error_travels_whole(self, school):
        async def rename(ctx: Any, *, id: str, title: str | None = None) -> None:
            raise conflict(7)

        school.registry["Mutation.rename"] = Resolver("Mutation.rename", rename)
        answer = await ask(school.executor(), 'mutation {\n  renamed: rename(id: "c1") { id } }')
        info = {"currentVersion": 7, "retryable": False}
        assert answer.payload == {
            "data": {"renamed": None},
            "errors": [
                {
                    "path": ["renamed"],
                    "data": None,
                    "errorType": "CONFLICT",
                    "errorInfo": info,
                    "locations": [{"line": 2, "column": 3, "sourceName": None}],
                    "message": "The record was changed by somebody else; read it again.",
                    "extensions": {"errorType": "CONFLICT", "errorInfo": info, "requestId": "request-1"},
                }
            ],
        }

    async def test_a_bug_is_masked_and_logged_with_the_requests_id(self, executor, caplog):
        answer = await ask(executor, "{ broken me { id } }")
        assert answer.payload["data"] == {"broken": None, "me": {"id": "ada"}}
        (error,) = answer.payload["errors"]
        assert error["errorType"] == "INTERNAL_ERROR"
        assert error["message"] == "Internal error."
        assert error["errorInfo"] == {"requestId": "request-1", "retryable": True}
        assert "hunter2" not in json.dumps(answer.payload)
        assert "arn:" not in json.dumps(answer.payload)
        assert "request-1" in caplog.text
        assert "RuntimeError" in caplog.text

    async def test_null_in_non_null_is_told_in_appsyncs_words(self, school):
        school.courses["c2"] = Course("c2", title=None)  # type: ignore[arg-type]
        executor = school.executor()
        answer = await ask(executor, "{ courses { items { title } } }")
        assert answer.payload["data"] == {"courses": None}
        (error,) = answer.payload["errors"]
        assert (
            error["message"]
            == "Cannot return null for non-nullable type: 'String' within parent 'Course' (/courses/items[1]/title)"
        )
        assert error["path"] == ["courses", "items", 1, "title"]
        assert "errorType" not in error

    async def test_a_null_item_in_a_list_of_non_nulls(self, school):
        async def things(ctx: Any) -> list[Any]:
            return [User("u"), None]

        school.registry["Query.things"] = Resolver("Query.things", things)
        answer = await ask(school.executor(), "{ things { __typename } }")
        assert answer.payload["data"] == {"things": None}
        assert answer.payload["errors"][0]["message"].endswith("type: 'Thing' within parent 'Query' (/things[1])")

    async def test_an_answer_has_at_most_a_hundred_errors(self, school):
        school.courses = {f"c{n}": Course(f"c{n}", seats="?") for n in range(150)}  # type: ignore[arg-type]
        answer = await ask(school.executor(), "{ courses(limit: 150) { items { seats } } }")
        assert answer.payload["data"]["courses"]["items"] == [{"seats": None}] * 150
        assert len(answer.payload["errors"]) == 100

    async def test_an_unknown_id_and_a_bug_leave_other_fields_whole(self, executor):
        answer = await ask(executor, '{ course(id: "nil") { id } me { name } }')
        assert answer.payload == {"data": {"course": None, "me": {"name": "Ada"}}}


class TestTime:
    async def test_an_operation_that_takes_too_long_ends_with_one_error(self, school):
        executor = school.executor(seconds=0.05)
        answer = await ask(executor, "{ slow me { id } }")
        assert answer.status == 200
        assert answer.payload["data"] is None
        (error,) = answer.payload["errors"]
        assert error["errorType"] == "TIMEOUT"
        assert error["errorInfo"]["retryable"] is True
        assert school.calls == ["cancelled"]

    async def test_batches_end_with_their_operation(self, school, caplog):
        ended = asyncio.Event()

        async def owners(ctx: Any, courses: list[Course]) -> list[Any]:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return []

        school.registry["Course.owner"] = Resolver("Course.owner", owners, True, 100)
        before = asyncio.all_tasks()
        answer = await ask(school.executor(seconds=0.05), "{ courses { items { owner { id } } } }")
        assert answer.payload["errors"][0]["errorType"] == "TIMEOUT"
        await asyncio.wait_for(ended.wait(), 5)
        await asyncio.sleep(0)
        gc.collect()
        assert asyncio.all_tasks() == before
        assert caplog.records == []

    async def test_a_resolvers_own_timeout_is_not_the_operations(self, school):
        async def broken(ctx: Any) -> str:
            async with asyncio.timeout(0):
                await asyncio.sleep(1)
            return ""

        school.registry["Query.broken"] = Resolver("Query.broken", broken)
        answer = await ask(school.executor(), "{ broken me { id } }")
        assert answer.payload["data"] == {"broken": None, "me": {"id": "ada"}}
        assert answer.payload["errors"][0]["errorType"] == "INTERNAL_ERROR"

    async def test_a_caller_that_goes_away_cancels_the_work(self, school, executor):
        task = asyncio.create_task(ask(executor, "{ slow }"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert school.calls == ["cancelled"]


class TestIntrospection:
    async def test_switched_off_its_fields_are_undefined(self, school):
        executor = school.executor(introspection=False)
        for field, query in (
            ("__schema", "{ __schema { types { name } } }"),
            ("__type", '{ __type(name: "Course") { fields { name } } }'),
            ("__schema", "{ ...f } fragment f on Query { x: __schema { queryType { name } } }"),
        ):
            answer = await ask(executor, query)
            assert answer.payload["data"] is None
            assert (
                f"FieldUndefined: Field '{field}' in type 'Query' is undefined"
                in answer.payload["errors"][0]["message"]
            )
        assert (await ask(executor, "{ __typename }")).payload == {"data": {"__typename": "Query"}}

    async def test_switched_on_it_cannot_be_nested_without_end(self, executor):
        query = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
        answer = await ask(executor, query)
        assert answer.payload["data"] is None
        assert "MaxIntrospectionDepth" in answer.payload["errors"][0]["message"]


class TestDocumentCache:
    async def test_every_caller_of_a_cached_document_is_judged_anew(self, executor):
        for caller, allowed in ((STUDENT, True), (IAM, False), (STUDENT, True)):
            answer = await ask(executor, "{ me { id } }", caller=caller)
            assert (answer.payload["data"]["me"] is not None) is allowed

    async def test_a_cached_documents_errors_carry_the_present_request(self, executor):
        await ask(executor, "{ nope }")
        caller = Caller(Mode.API_KEY)
        answer = await ask(executor, "{ nope }", caller=caller)
        assert answer.payload["errors"][0]["extensions"]["requestId"] == "request-1"


async def test_texts_and_numbers_of_a_class_of_their_own_are_written_as_such(
    school: School, executor: Executor
) -> None:
    class Title(str):
        __slots__ = ()

    class Seats(int):
        pass

    school.courses["c1"] = Course("c1", title=Title("Algebra"), seats=Seats(7))
    answer = await ask(executor, '{ course(id: "c1") { title seats } }')
    assert answer.payload == {"data": {"course": {"title": "Algebra", "seats": 7}}}
