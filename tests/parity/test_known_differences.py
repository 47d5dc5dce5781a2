"""The differences that docs/parity.md names are the ones there are."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema

from domain.callers import Caller, Mode
from domain.errors import Code, DomainError
from tests.parity.generated import Known
from tests.parity.recording import FOLDER
from tests.parity.twins import Twins, twins
from tests.resolvers.authoring import DELETE_LESSON, LESSON, LESSON_ITSELF
from tests.runtimes import Server
from tests.school import Client, School

LIST_USERS = "{ listUsers(limit: 1) { items { id } } }"
REVOKE_SESSION = 'mutation { revokeSession(id: "tablet") { id } }'
ROLES = "mutation ($id: ID!) { setUserRoles(userId: $id, roles: [ADMIN]) { roles } }"


@pytest.fixture
async def apart(
    planted: Path, tmp_path: Path, bound_schema: GraphQLSchema, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Twins]:
    """Twins whose answers are not kept for the comparison."""
    monkeypatch.delenv(FOLDER, raising=False)
    async with twins(planted, tmp_path, bound_schema) as both:
        yield both


def error_of(payload: dict[str, Any]) -> dict[str, Any]:
    [error] = payload["errors"]
    return dict(error)


async def test_an_ended_session_is_refused_with_the_request_or_with_each_field(apart: Twins) -> None:
    def signed_in(school: School, session: str) -> Client:
        return school.as_("ben", session_id=session)

    for school in (apart.server, apart.appsync):
        await signed_in(school, "tablet").data("{ getMe { id } }")
        await signed_in(school, "phone").data(REVOKE_SESSION)
    with pytest.raises(DomainError) as refusal:
        await signed_in(apart.server, "tablet").run("{ getMe { id } }")
    assert refusal.value.code is Code.UNAUTHORIZED_REQUEST
    payload = await signed_in(apart.appsync, "tablet").run("{ getMe { id } }")
    assert payload["data"] == {"getMe": None}
    assert error_of(payload)["errorType"] == Code.UNAUTHORIZED_REQUEST


async def test_a_granted_role_opens_fields_of_a_group_at_once_or_with_the_next_token(apart: Twins) -> None:
    for school in (apart.server, apart.appsync):
        await school.as_("root", "Admins").data(ROLES, id=school.id("ben"))
    assert (await apart.server.as_("ben").run(LIST_USERS))["data"]["listUsers"] is not None
    payload = await apart.appsync.as_("ben").run(LIST_USERS)
    assert error_of(payload)["errorType"] == Code.UNAUTHORIZED_FIELD
    apart.appsync.clock.advance(seconds=1)
    assert (await apart.appsync.as_("ben", "Admins").run(LIST_USERS))["data"]["listUsers"] is not None


async def test_of_what_is_gone_fields_that_are_read_anew_are_told_or_null(apart: Twins, known: Known) -> None:
    whole = DELETE_LESSON.replace(LESSON_ITSELF, LESSON)
    root = "Admins"
    server = (await apart.server.as_("root", root).data(whole, id=known["lesson"][0]))["deleteLesson"]
    appsync = (await apart.appsync.as_("root", root).data(whole, id=known["lesson"][0]))["deleteLesson"]
    assert server["body"] is not None
    assert appsync == {**server, "body": None, "activityId": None, "resources": None}


async def test_appsyncs_own_refusals_have_no_error_info(apart: Twins) -> None:
    server = error_of(await Client(apart.server, Caller(Mode.API_KEY)).run("{ getMe { id } }"))
    appsync = error_of(await Client(apart.appsync, Caller(Mode.API_KEY)).run("{ getMe { id } }"))
    assert (server["errorType"], server["errorInfo"]) == ("Unauthorized", {"retryable": False})
    assert (appsync["errorType"], appsync["errorInfo"]) == ("Unauthorized", None)
    assert ("extensions" in server, "extensions" in appsync) == (True, False)


async def test_documents_are_held_to_our_limits_by_our_server_only(apart: Twins, bound_schema: GraphQLSchema) -> None:
    query = "{ listMyRooms { items { " + "room { myMembership { " * 5 + "status" + " } }" * 5 + " } } }"
    school = apart.server
    limited = Server(bound_schema, school.accounts.admit, school.context)
    refusal = error_of(await limited.answer(query, {}, school.as_("ben").caller))
    assert refusal["errorType"] == Code.QUERY_TOO_COMPLEX
    assert "errors" not in await apart.appsync.as_("ben").run(query)
