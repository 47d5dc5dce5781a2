"""One field at a time, as AppSync asks."""

from typing import Any

import pytest
from graphql import GraphQLSchema

from app.appsync.event import BadEvent, Event
from app.appsync.invocation import Invocations
from domain.callers import USER_MODES, Caller
from resolvers import registry
from resolvers.records import BY_TYPE
from tests.school import Client, School

COURSE = {"slug": "sailing", "title": "Sailing", "level": "BEGINNER", "language": "en", "category": "Sports"}


def asked(coordinate: str, source: Any = None, **arguments: Any) -> dict[str, Any]:
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


def invocations(client: Client, bound_schema: GraphQLSchema) -> Invocations:
    """Every event comes from this client."""

    def identify(_: Event) -> Caller:
        return client.caller

    school = client.school
    return Invocations(
        bound_schema,
        registry,
        BY_TYPE,
        USER_MODES,
        identify=identify,
        admit=school.accounts.admit,
        context=school.context,
    )


@pytest.fixture
def as_ada(school: School, bound_schema: GraphQLSchema) -> Invocations:
    return invocations(school.as_("ada", "Mentors"), bound_schema)


async def new_course(as_ada: Invocations, slug: str = "sailing") -> dict[str, Any]:
    answer = await as_ada.answer(asked("Mutation.createCourse", input={**COURSE, "slug": slug, "accessModel": "FREE"}))
    assert isinstance(answer, dict)
    course: dict[str, Any] = answer["data"]
    return course


async def test_a_root_field_answers_all_that_the_sdl_shows_without_another_resolver(as_ada: Invocations) -> None:
    course = await new_course(as_ada)

    assert course["title"] == "Sailing"
    assert course["capacity"] is None
    assert "owner" not in course
    assert "coverKey" not in course


async def test_a_batch_answers_each_of_its_parents_in_order(as_ada: Invocations, school: School) -> None:
    first, second = await new_course(as_ada), await new_course(as_ada, "rowing")

    answers = await as_ada.answer([asked("Course.owner", course) for course in (second, first)])

    assert isinstance(answers, list)
    assert [answer["data"]["id"] for answer in answers] == [school.id("ada")] * 2


async def test_a_refusal_keeps_its_type_and_info(as_ada: Invocations) -> None:
    answer = await as_ada.answer(asked("Mutation.deleteCourse", id="no such course"))

    assert isinstance(answer, dict)
    assert answer["data"] is None
    assert answer["error"]["errorType"] == "NOT_FOUND"
    assert answer["error"]["errorInfo"] == {"retryable": False}


@pytest.mark.parametrize("event", [{}, {"info": {}}, [], [[]], "event", asked("Query.unheardOf")])
async def test_what_appsync_never_sends_is_refused(as_ada: Invocations, event: Any) -> None:
    if event == []:
        assert await as_ada.answer(event) == []
        return
    with pytest.raises(BadEvent):
        await as_ada.answer(event)
