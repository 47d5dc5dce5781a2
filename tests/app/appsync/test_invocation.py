"""One field at a time, as AppSync asks. What a whole operation answers, tests/appsync holds against the server."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from graphql import GraphQLSchema

from app.appsync.event import BadEvent, Event
from app.appsync.invocation import Envelope, Invocations
from datasources.local.search import SQLiteSearch
from datasources.local.sqlite import SQLiteStore
from domain.callers import USER_MODES, Caller
from resolvers import registry
from resolvers.context import Context
from resolvers.records import BY_TYPE
from tests.resolvers.authoring import new_lesson, new_module, published_course
from tests.resolvers.chat import create_room, join
from tests.school import Client, Clock, School

COURSE = {"title": "Sailing", "level": "BEGINNER", "language": "en", "category": "Sports", "accessModel": "FREE"}
HIDE_RECEIPTS = "mutation { updateSettings(input: {readReceiptsEnabled: false}) { readReceiptsEnabled } }"


def event(coordinate: str, source: Any = None, **arguments: Any) -> dict[str, Any]:
    parent, _, field = coordinate.partition(".")
    return {
        "arguments": arguments,
        "identity": None,
        "source": source,
        "request": {"headers": {}, "domainName": None},
        "prev": None,
        "info": {"fieldName": field, "parentTypeName": parent, "variables": {}},
        "stash": {},
    }


class Asking:
    """AppSync, asking for fields on behalf of one client."""

    def __init__(self, client: Client, **traits: Any) -> None:
        def identify(_: Event) -> Caller:
            return client.caller

        school = client.school
        self._invocations = Invocations(
            school.schema,
            registry,
            BY_TYPE,
            USER_MODES,
            identify=identify,
            admit=school.accounts.admit,
            **{"context": school.context, **traits},
        )

    async def one(self, coordinate: str, source: Any = None, **arguments: Any) -> Envelope:
        answer = await self._invocations.answer(event(coordinate, source, **arguments))
        assert isinstance(answer, dict)
        return answer

    async def value(self, coordinate: str, source: Any = None, **arguments: Any) -> Any:
        answer = await self.one(coordinate, source, **arguments)
        assert "error" not in answer, answer
        return answer["data"]

    async def batch(self, coordinate: str, *sources: Any, **arguments: Any) -> list[Envelope]:
        answers = await self.events([event(coordinate, source, **arguments) for source in sources])
        assert isinstance(answers, list)
        return answers

    async def events(self, given: Any) -> Envelope | list[Envelope]:
        return await self._invocations.answer(given)

    async def new_course(self, slug: str = "sailing") -> dict[str, Any]:
        course: dict[str, Any] = await self.value("Mutation.createCourse", input={**COURSE, "slug": slug})
        return course


@pytest.fixture
async def school(sqlite_store: SQLiteStore, bound_schema: GraphQLSchema) -> School:
    """What is asked here is the same over every engine."""
    return School(sqlite_store, await SQLiteSearch.over(sqlite_store), bound_schema, Clock())


@pytest.fixture
def ada(school: School) -> Client:
    return school.as_("ada", "Mentors")


@pytest.fixture
def asking(ada: Client) -> Asking:
    return Asking(ada)


class TestOneField:
    async def test_a_root_field_answers_all_that_the_sdl_shows_without_another_resolver(self, asking: Asking) -> None:
        course = await asking.new_course()

        assert course["title"] == "Sailing"
        assert course["capacity"] is None
        assert "owner" not in course
        assert "coverKey" not in course

    async def test_a_page_holds_its_items(self, asking: Asking, ada: Client) -> None:
        await published_course(ada, "rowing")
        await ada.school.drain()

        page = await asking.value("Query.listCourses")
        assert [course["slug"] for course in page["items"]] == ["rowing"]
        assert page["nextToken"] is None

    async def test_arguments_are_coerced_as_on_the_server(self, asking: Asking, ada: Client) -> None:
        course = await asking.new_course()
        given = {"id": course["id"], "startsAt": "2036-10-01T10:00:00+02:00", "capacity": None}
        changed = await asking.value("Mutation.updateCourse", input=given)

        assert changed["startsAt"] == "2036-10-01T08:00:00.000Z"

    async def test_a_value_that_does_not_fit_its_type_is_refused(self, asking: Asking) -> None:
        answer = await asking.one("Query.listCourses", limit="many")

        assert answer["error"]["errorType"] == "BAD_REQUEST"
        assert "many" not in answer["error"]["message"]

    async def test_arguments_are_bounded(self, asking: Asking) -> None:
        answer = await asking.one("Query.getPresence", userIds=["x"] * 20_000)

        assert answer["error"]["errorType"] == "QUERY_TOO_COMPLEX"

    async def test_a_refusal_keeps_its_type_and_info(self, asking: Asking) -> None:
        answer = await asking.one("Mutation.deleteCourse", id="no such course")

        assert answer["data"] is None
        assert answer["error"] == {
            "message": "No such course.",
            "errorType": "NOT_FOUND",
            "errorInfo": {"retryable": False},
        }

    async def test_roles_that_were_taken_are_gone_whatever_the_token_says(self, school: School, ada: Client) -> None:
        root = school.as_("root", "Admins")
        await ada.run("{ getMe { id } }")
        ada.school.clock.advance(seconds=1)
        await root.data("mutation ($id: ID!) { setUserRoles(userId: $id, roles: [STUDENT]) { id } }", id=ada.id)

        answer = await Asking(ada).one("Mutation.createCourse", input={**COURSE, "slug": "sailing"})
        assert answer["error"]["errorType"] == "Unauthorized"

    async def test_a_suspended_account_is_told_so(self, school: School, ada: Client) -> None:
        await ada.run("{ getMe { id } }")
        suspend = 'mutation ($id: ID!) { suspendUser(userId: $id, reason: "spam") { id } }'
        await school.as_("root", "Admins").data(suspend, id=ada.id)

        answer = await Asking(ada).one("Query.listMyRooms")
        assert answer["error"]["errorType"] == "ACCOUNT_SUSPENDED"

    async def test_a_bug_is_masked_and_logged_with_the_requests_id(
        self, ada: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        def context(_: Caller) -> Context:
            raise RuntimeError("a secret of ours")

        with caplog.at_level(logging.ERROR):
            answer = await Asking(ada, context=context).one("Query.getMe")
        assert answer["error"]["errorType"] == "INTERNAL_ERROR"
        assert answer["error"]["errorInfo"]["requestId"] in caplog.text
        assert "secret" not in str(answer)

    async def test_a_call_ends_in_time(self, ada: Client) -> None:
        async def never(_: Caller) -> Caller:
            return await asyncio.get_running_loop().create_future()

        asking = Asking(ada, seconds=0.01)
        asking._invocations._admit = never
        answer = await asking.one("Query.getMe")
        assert answer["error"]["errorType"] == "TIMEOUT"


class TestBatches:
    async def test_each_parent_is_answered_in_order(self, asking: Asking, ada: Client) -> None:
        first, second = await asking.new_course(), await asking.new_course("rowing")
        await published_course(ada, "diving")

        answers = await asking.batch("Course.owner", second, first)
        assert [answer["data"]["id"] for answer in answers] == [ada.id] * 2

    async def test_an_error_is_that_parents_alone(self, asking: Asking) -> None:
        known = await asking.new_course()
        resource = {"id": "r", "lessonId": "l.x", "title": "Charts", "linkUrl": None}

        [gone] = await asking.batch("LessonResource.media", resource)
        assert gone == {"data": None}
        bad, good = await asking.events(  # type: ignore[misc] # a list is answered with a list
            [event("Course.modules", known, limit=0), event("Course.modules", known, limit=1)]
        )
        assert bad["error"]["errorInfo"]["field"] == "limit"
        assert good["data"] == {"items": [], "nextToken": None}

    async def test_many_parents_are_one_read(self, school: School, ada: Client, asking: Asking) -> None:
        courses = [await asking.new_course(f"course-{number}") for number in range(3)]
        calls: list[int] = []
        summaries = school.sources.users.summaries

        async def counted(user_ids: Any) -> Any:
            calls.append(len(user_ids))
            return await summaries(user_ids)

        sources = counting_context(school, summaries=counted)
        answers = await Asking(ada, context=sources).batch("Course.owner", *courses)
        assert len(answers) == 3
        assert calls == [3]

    async def test_an_empty_batch_has_an_empty_answer(self, asking: Asking) -> None:
        assert await asking.events([]) == []


class TestSources:
    """A parent holds what the SDL shows, and nothing else."""

    async def test_what_the_sdl_does_not_show_is_read_again(self, school: School, ada: Client, asking: Asking) -> None:
        course = await published_course(ada, "sailing")
        module = await new_module(ada, course)
        lesson = await new_lesson(ada, module, body="Mind the boom.")

        shown = await asking.value("Query.getLesson", id=lesson)
        assert "body" not in shown
        [answer] = await asking.batch("Lesson.body", shown)
        assert answer == {"data": "Mind the boom."}

    async def test_keys_that_the_sdl_does_not_name_do_not_count(self, asking: Asking, ada: Client) -> None:
        course = await asking.new_course()
        forged = {**course, "coverKey": "faces/somebody", "cover_key": "faces/somebody"}

        assert await asking.batch("Course.coverImageUrl", forged) == [{"data": None}]

    async def test_nulls_may_be_left_out(self, asking: Asking, ada: Client) -> None:
        course = {name: value for name, value in (await asking.new_course()).items() if value is not None}

        [answer] = await asking.batch("Course.owner", course)
        assert answer["data"]["id"] == ada.id

    async def test_every_resolver_that_wants_whole_records_has_a_way_to_read_them(self) -> None:
        wanted = {resolver.coordinate.partition(".")[0] for resolver in registry.values() if resolver.whole}

        assert wanted == registry.rereads.keys()

    @pytest.mark.parametrize("source", [None, "a course", []])
    async def test_a_strange_parent_is_nothing_of_appsyncs(self, asking: Asking, source: Any) -> None:
        with pytest.raises(BadEvent):
            await asking.batch("Course.owner", source)


class TestSubscriptions:
    async def test_a_gate_lets_members_listen(self, school: School, ada: Client, asking: Asking) -> None:
        room = await create_room(ada)
        answer = await asking.one("Subscription.onMessage", roomId=room["id"])

        assert answer["data"] is None
        assert answer["filter"] is None
        mine = {"fieldName": "userId", "operator": "eq", "value": ada.id}
        assert answer["ends"] == {"filterGroup": [{"filters": [mine]}]}

    async def test_a_gate_refuses_others(self, school: School, ada: Client) -> None:
        room = await create_room(ada, "PRIVATE")
        answer = await Asking(school.as_("ben")).one("Subscription.onMessage", roomId=room["id"])

        assert answer["error"]["errorType"] == "NOT_FOUND"

    async def test_a_narrowing_filter_says_what_the_arguments_say_too(self, school: School, ada: Client) -> None:
        room, ben = await create_room(ada), school.as_("ben")
        await join(ben, room)
        await ben.data(HIDE_RECEIPTS)

        answer = await Asking(ben).one("Subscription.onReadReceipt", roomId=room["id"], userId=ada.id)
        [entry] = answer["filter"]["filterGroup"]
        compared = [(each["fieldName"], each["operator"], each["value"]) for each in entry["filters"]]
        assert sorted(compared) == sorted(
            [("roomId", "eq", room["id"]), ("userId", "eq", ben.id), ("userId", "eq", ada.id)]
        )

    async def test_who_loses_a_right_loses_the_subscriptions_to_it(self, school: School, ada: Client) -> None:
        room, ben = await create_room(ada), school.as_("ben")
        await join(ben, room)

        answer = await Asking(ben).one("Mutation.leaveRoom", roomId=room["id"])
        assert answer["data"]["status"] == "LEFT"
        assert {each["subscriptionField"] for each in answer["ended"]} >= {"onMessage", "onNotification"}
        assert {each["payload"]["userId"] for each in answer["ended"]} == {ben.id}
        assert len(answer["ended"]) <= 5


STRANGE: list[Any] = [{}, {"info": {}}, [[]], "event", None, 7, event("Query.unheardOf"), event("Course.title", {})]


@pytest.mark.parametrize("strange", STRANGE)
async def test_what_appsync_never_sends_is_refused(asking: Asking, strange: Any) -> None:
    with pytest.raises(BadEvent):
        await asking.events(strange)


def counting_context(school: School, summaries: Callable[[Any], Awaitable[Any]]) -> Callable[[Caller], Context]:
    """The school's contexts, whose users are summed up by this function."""

    class Users:
        def __getattr__(self, name: str) -> Any:
            return summaries if name == "summaries" else getattr(school.sources.users, name)

    def context(caller: Caller) -> Context:
        given = school.context(caller)
        return msgspec.structs.replace(given, sources=msgspec.structs.replace(given.sources, users=Users()))

    return context
