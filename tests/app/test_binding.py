"""Binding: what it refuses to serve, and how bound fields answer."""

import asyncio
from typing import Any

import pytest

import resolvers
from app import scalars, sdl
from app.binding import BindingError, bind
from domain.callers import USER_MODES, Caller, Mode
from domain.errors import Code, DomainError
from domain.records import Record
from resolvers.records import BY_TYPE
from resolvers.registry import Registry, Resolver
from tests.app.small_school import Chapter, Course, School, User, ask


class Thing(Record, frozen=True):
    id: str
    note: str | None = None


def faults(text: str, registry: dict[str, Resolver] | None = None, records: dict[str, type[Record]] | None = None):
    schema = sdl.build(sdl.merge({"test.graphql": text}))
    with pytest.raises(BindingError) as refused:
        bind(schema, registry or {}, records or {}, USER_MODES)
    return str(refused.value).splitlines()[1:]


def registry(**functions: Any) -> Registry:
    """Resolvers by coordinate, `Type__field`."""
    made = Registry()
    for name, function in functions.items():
        made.field(name.replace("__", "."))(function)
    return made


async def nothing(ctx: Any) -> None: ...


class TestRefusals:
    def test_everything_that_is_wrong_is_listed_at_once(self):
        text = """
        type Query { a: Thing  b(id: ID!): Thing }
        type Thing { id: ID!  note: String!  more: String }
        type Orphan { id: ID name: String }
        """

        async def b(ctx: Any, *, ident: str) -> None: ...

        wrong = registry(Query__b=b, Query__c=nothing)
        assert faults(text, wrong, {"Thing": Thing, "Ghost": Thing}) == [
            "Ghost has a record, but the SDL has no such object type",
            "Orphan has no record, and no resolvers for id, name",
            "Query.a has no resolver",
            "Query.b: the resolver takes ident, the SDL says id",
            "Query.c has a resolver, but the SDL has no such field",
            "Thing.more has neither a resolver nor an attribute Thing.more",
            "Thing.note is never null in the SDL, but Thing.note may be None",
        ]

    def test_nothing_is_bound_when_something_is_wrong(self):
        schema = sdl.build(sdl.merge({"a": "type Query { a: String b: String }"}))
        with pytest.raises(BindingError):
            bind(schema, registry(Query__a=nothing), {}, USER_MODES)
        assert schema.query_type.fields["a"].resolve is None

    def test_a_batch_on_a_root_field(self):
        made = Registry()
        made.batch("Query.a")(nothing)
        assert "Query.a: a root field has no sources to batch" in faults("type Query { a: String }", made)

    def test_a_batch_without_room(self):
        async def notes(ctx: Any, things: list[Thing]) -> list[str]:
            return []

        made = registry(Query__t=nothing)
        made.batch("Thing.note", most=0)(notes)
        text = "type Query { t: Thing } type Thing { note: String }"
        assert faults(text, made, {"Thing": Thing}) == ["Thing.note: a batch needs room for at least one source"]

    def test_an_optional_argument_whose_parameter_has_no_default(self):
        async def a(ctx: Any, *, limit: int | None, next_token: str = "") -> None: ...

        assert faults("type Query { a(limit: Int, nextToken: String): String }", registry(Query__a=a)) == [
            "Query.a: limit may be absent, so its default must be None",
            "Query.a: next_token may be absent, so its default must be None",
        ]

    def test_a_resolver_that_takes_no_parent_or_is_not_async(self):
        def sync(ctx: Any, thing: Thing) -> str:
            return ""

        made = registry(Query__t=nothing, Thing__id=nothing, Thing__note=sync)
        text = "type Query { t: Thing } type Thing { id: ID! note: String }"
        assert faults(text, made, {"Thing": Thing}) == [
            "Thing.id: the resolver takes 1 positional parameters instead of 2",
            "Thing.note: the resolver is not an async function",
        ]

    def test_an_attribute_for_a_field_with_arguments(self):
        text = "type Query { t: Thing } type Thing { note(upper: Boolean): String }"
        assert faults(text, registry(Query__t=nothing), {"Thing": Thing}) == [
            "Thing.note takes arguments, so an attribute cannot answer it"
        ]

    def test_suspension_is_asked_on_roots_only(self):
        async def note(ctx: Any, thing: Thing) -> str:
            return ""

        made = registry(Query__t=nothing)
        made.field("Thing.note", suspended_too=True)(note)
        text = "type Query { t: Thing } type Thing { note: String }"
        assert faults(text, made, {"Thing": Thing}) == [
            "Thing.note: only root fields ask whether the account is suspended"
        ]

    def test_abstract_types_whose_members_cannot_be_told_apart(self):
        text = """
        type Query { u: U }
        union U = A | B | C
        type A { id: ID! } type B { id: ID! } type C { id: ID! }
        """

        async def identity(ctx: Any, source: Any) -> str:
            return ""

        made = registry(Query__u=nothing, C__id=identity)
        assert faults(text, made, {"A": Thing, "B": Thing}) == [
            "U cannot be told to be C: no record is given for it",
            "U cannot tell A from B: both are Thing",
        ]

    def test_a_computed_attribute_that_may_be_none(self):
        class Computed(Record, frozen=True):
            @property
            def note(self) -> str | None:
                return None

        text = "type Query { t: Thing } type Thing { note: String! }"
        assert faults(text, registry(Query__t=nothing), {"Thing": Computed}) == [
            "Thing.note is never null in the SDL, but Computed.note may be None"
        ]

    def test_a_record_for_a_root(self):
        assert faults("type Query { a: String }", registry(Query__a=nothing), {"Query": Thing}) == [
            "Query is a root, it takes no record"
        ]


class TestTheContract:
    @pytest.mark.parametrize("mode", sorted(USER_MODES))
    def test_every_field_of_the_real_schema_has_its_answer(self, mode):
        schema = sdl.build(sdl.load())
        scalars.install(schema)
        bind(schema, resolvers.registry, BY_TYPE, frozenset({mode}))


@pytest.mark.usefixtures("each_way")
class TestAnswers:
    async def test_attributes_and_enums_and_scalars_come_from_the_record(self):
        answer = await ask(School().executor(), '{ course(id: "c1") { id title level seats createdAt } }')
        assert answer.payload == {
            "data": {
                "course": {
                    "id": "c1",
                    "title": "Algebra",
                    "level": "EASY",
                    "seats": 3,
                    "createdAt": "2026-11-21T12:00:00.000Z",
                }
            }
        }

    async def test_the_concrete_type_follows_from_the_record(self):
        query = "{ things { __typename ... on Course { title } ... on User { name } } nodes { __typename id } }"
        answer = await ask(School().executor(), query)
        assert answer.payload["data"] == {
            "things": [{"__typename": "Course", "title": "Algebra"}, {"__typename": "User", "name": "Ada"}],
            "nodes": [{"__typename": "Course", "id": "c1"}, {"__typename": "User", "id": "u1"}],
        }

    async def test_arguments_arrive_in_snake_case_and_absent_ones_do_not_arrive(self):
        school = School()
        query = """query ($f: FilterInput) {
          given: search(filter: {courseLevel: HARD, minimumSeats: null, inner: {tags: "one"}})
          variable: search(filter: $f)
          absent: search
        }"""
        await ask(school.executor(), query, {"f": {"minimumSeats": 5, "tags": None}})
        assert school.calls == [
            {"course_level": "HARD", "minimum_seats": None, "inner": {"tags": ["one"]}},
            {"minimum_seats": 5, "tags": None},
            None,
        ]

    async def test_one_call_answers_all_sources_up_to_the_largest_batch(self):
        school = School()
        answer = await ask(school.executor(), "{ courses { items { id owner { id } } } }")
        assert [course["owner"]["id"] for course in answer.payload["data"]["courses"]["items"]] == [
            "owner of c1",
            "owner of c2",
            "owner of c3",
        ]
        assert school.calls == [["c1", "c2"], ["c3"]]

    async def test_each_selection_batches_with_its_own_arguments(self):
        school = School()
        query = "query ($n: Int) { courses { items { one: reviews(stars: 1) two: reviews(stars: $n) all: reviews } } }"
        answer = await ask(school.executor(), query, {"n": 2})
        assert answer.payload["data"]["courses"]["items"][1] == {"one": ["c2 1"], "two": ["c2 2"], "all": ["c2 None"]}
        assert sorted(school.calls, key=str) == [
            (1, ["c1", "c2", "c3"]),
            (2, ["c1", "c2", "c3"]),
            (None, ["c1", "c2", "c3"]),
        ]

    async def test_nothing_is_remembered_between_requests(self):
        school = School()
        executor = school.executor()
        for _ in range(2):
            await ask(executor, "{ courses(limit: 1) { items { owner { id } } } }")
        assert school.calls == [["c1"], ["c1"]]

    async def test_an_error_among_the_values_is_that_sources_error(self):
        school = School()

        async def owners(ctx: Any, courses: list[Course]) -> list[Any]:
            return [DomainError(Code.FORBIDDEN, "Not yours.") if each.id == "c2" else User(each.id) for each in courses]

        school.registry["Course.owner"] = Resolver("Course.owner", owners, True, 100)
        answer = await ask(school.executor(), "{ courses { items { owner { id } } } }")
        assert answer.payload["data"]["courses"]["items"] == [
            {"owner": {"id": "c1"}},
            {"owner": None},
            {"owner": {"id": "c3"}},
        ]
        (error,) = answer.payload["errors"]
        assert (error["errorType"], error["path"]) == ("FORBIDDEN", ["courses", "items", 1, "owner"])

    @pytest.mark.parametrize("values", [[], [User("x")], [User("x")] * 4])
    async def test_a_batch_of_the_wrong_length_answers_nobody(self, values, caplog):
        school = School()

        async def owners(ctx: Any, courses: list[Course]) -> list[Any]:
            return values

        school.registry["Course.owner"] = Resolver("Course.owner", owners, True, 100)
        answer = await ask(school.executor(), "{ courses { items { owner { id } } } }")
        assert answer.payload["data"]["courses"]["items"] == [{"owner": None}] * 3
        assert {error["errorType"] for error in answer.payload["errors"]} == {"INTERNAL_ERROR"}
        assert f"answered {len(values)} values for 3 sources" in caplog.text

    async def test_a_batch_that_raises_is_the_error_of_all_and_is_logged_once(self, caplog):
        school = School()

        async def owners(ctx: Any, courses: list[Course]) -> list[Any]:
            raise RuntimeError("boom")

        school.registry["Course.owner"] = Resolver("Course.owner", owners, True, 100)
        answer = await ask(school.executor(), "{ courses { items { id owner { id } } } }")
        assert answer.payload["data"]["courses"]["items"] == [{"id": f"c{n}", "owner": None} for n in (1, 2, 3)]
        assert len(answer.payload["errors"]) == 3
        assert len(caplog.records) == 1

    async def test_a_suspended_user_calls_only_what_says_so(self):
        school = School()
        suspended = Caller(Mode.COGNITO, user_id="ada", suspended=True)
        answer = await ask(school.executor(), '{ me { id name } course(id: "c1") { id } }', caller=suspended)
        assert answer.payload["data"] == {"me": {"id": "ada", "name": "Ada"}, "course": None}
        assert answer.payload["errors"][0]["errorType"] == "ACCOUNT_SUSPENDED"
        refused = await ask(school.executor(), 'mutation { rename(id: "c1") { id } }', caller=suspended)
        assert refused.payload["data"] == {"rename": None}
        assert school.calls == []

    async def test_a_poisoned_record_harms_only_its_own_fields(self):
        school = School()
        school.courses["c2"] = Course("c2", seats="many", level="UNHEARD_OF")  # type: ignore[arg-type]
        school.courses["c3"] = object()
        answer = await ask(school.executor(), "{ courses { items { title seats level } } things { __typename } }")
        errors = answer.payload["errors"]
        assert {error["errorType"] for error in errors} == {"INTERNAL_ERROR"}
        assert "many" not in str(errors)
        # c3 has not even a title, which is never null: what holds it goes, as GraphQL says.
        assert answer.payload["data"]["courses"] is None
        del school.courses["c3"]
        answer = await ask(school.executor(), "{ courses { items { title seats level } } }")
        assert answer.payload["data"]["courses"]["items"] == [
            {"title": "Algebra", "seats": 3, "level": "EASY"},
            {"title": "Algebra", "seats": None, "level": None},
        ]

    async def test_a_value_of_a_foreign_record_has_no_type(self):
        school = School()
        school.courses["c1"] = Chapter("h")
        answer = await ask(school.executor(), "{ me { id } things { __typename } }")
        assert answer.payload["data"] == {"me": {"id": "ada"}, "things": None}
        assert answer.payload["errors"][0]["message"] == "Internal error."

    async def test_many_requests_at_once_do_not_mix_their_batches(self):
        school = School()
        executor = school.executor()
        answers = await asyncio.gather(*(ask(executor, "{ courses { items { owner { id } } } }") for _ in range(20)))
        assert all(answer.payload == answers[0].payload for answer in answers)
        assert len(school.calls) == 40
