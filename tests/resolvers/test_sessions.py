"""Sessions: seen in use, listed, and ended by their owner, an admin or the backend."""

from typing import Any

import pytest

from datasources.tables import AUDIT_EVENTS
from domain.errors import Code, DomainError
from tests.school import Client, School

LIST = """query ($limit: Int, $nextToken: String) {
  listMySessions(limit: $limit, nextToken: $nextToken) {
    items { id userId deviceName ipAddress createdAt lastSeenAt revokedAt } nextToken
  }
}"""
REVOKE = "mutation ($id: ID!) { revokeSession(id: $id) { id userId revokedAt } }"
REVOKE_ALL = "mutation ($userId: ID) { revokeAllSessions(userId: $userId) { id version } }"


async def sessions(client: Client, **variables: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.data(LIST, **variables))["listMySessions"]["items"]
    return items


async def is_refused(client: Client) -> bool:
    """Our server refuses the request, AppSync every field of it: there the account is asked for behind the field."""
    try:
        errors = (await client.run("{ getMe { id } }")).get("errors", [])
    except DomainError as refusal:
        return refusal.code is Code.UNAUTHORIZED_REQUEST
    return [error["errorType"] for error in errors] == [Code.UNAUTHORIZED_REQUEST]


async def test_a_session_is_listed_with_its_device(school: School) -> None:
    agent = "Mozilla/5.0 (Windows NT 10.0) Firefox/130.0"
    ada = school.as_("ada", session_id="s1", user_agent=agent, ip_address="203.0.113.7")
    assert await sessions(ada) == [
        {
            "id": "s1",
            "userId": ada.id,
            "deviceName": "Firefox on Windows",
            "ipAddress": "203.0.113.7",
            "createdAt": school.clock.now(),
            "lastSeenAt": school.clock.now(),
            "revokedAt": None,
        }
    ]
    assert await sessions(school.as_("bob", session_id="s2")) != await sessions(ada)


@pytest.mark.parametrize("limit", [1, 7, 100])
async def test_sessions_come_most_recent_first_and_each_once(school: School, limit: int) -> None:
    for number in range(9):
        await school.as_("ada", session_id=f"s{number}").data(LIST)
        school.clock.advance(seconds=10)
    ada = school.as_("ada", session_id="s3")
    found: list[str] = []
    token = None
    while True:
        page = (await ada.data(LIST, limit=limit, nextToken=token))["listMySessions"]
        found += [session["id"] for session in page["items"]]
        assert len(found) <= 9
        if (token := page["nextToken"]) is None:
            break
        school.clock.advance(seconds=301)
        await school.as_("ada", session_id=f"new{len(found)}").data(LIST)  # signs in while we read
        await ada.data(LIST)  # and an old session is used
    assert found == [f"s{number}" for number in reversed(range(9))]


async def test_a_revoked_session_is_refused_and_the_others_work(school: School) -> None:
    phone, tablet = school.as_("ada", session_id="phone"), school.as_("ada", session_id="tablet")
    await tablet.data(LIST)
    revoked = (await phone.data(REVOKE, id="tablet"))["revokeSession"]
    assert revoked == {"id": "tablet", "userId": phone.id, "revokedAt": school.clock.now()}
    assert await is_refused(tablet)
    assert not await is_refused(phone)


async def test_revoking_again_changes_nothing(school: School) -> None:
    phone, tablet = school.as_("ada", session_id="phone"), school.as_("ada", session_id="tablet")
    await tablet.data(LIST)
    first = await phone.data(REVOKE, id="tablet")
    school.clock.advance(seconds=5)
    assert await phone.data(REVOKE, id="tablet") == first


async def test_the_session_of_another_is_as_unknown_as_none(school: School) -> None:
    ada, bob = school.as_("ada", session_id="hers"), school.as_("bob", session_id="his")
    moderator = school.as_("mo", "Moderators", session_id="theirs")
    await ada.data(LIST)
    for client in (bob, moderator):
        foreign, unknown = await client.refusal(REVOKE, id="hers"), await client.refusal(REVOKE, id="nothing")
        assert foreign == unknown
        assert foreign["errorType"] == "NOT_FOUND"
    assert not await is_refused(ada)


async def test_admins_and_the_backend_end_any_session(school: School) -> None:
    root = school.as_("root", "Admins", session_id="own")
    for client, is_audited in ((root, True), (school.backend, False)):
        ada = school.as_("ada", session_id=f"hers{is_audited}")
        await ada.data(LIST)
        revoked = (await client.data(REVOKE, id=f"hers{is_audited}"))["revokeSession"]
        assert revoked["userId"] == ada.id
        assert await is_refused(ada)
        assert (await client.refusal(REVOKE, id="nothing"))["errorType"] == "NOT_FOUND"
    assert len(await audit(school, "revokeSession")) == 1
    await root.data(REVOKE, id="own")
    assert len(await audit(school, "revokeSession")) == 1  # ending one's own is no staff work


async def test_ending_all_sessions_ends_this_one_too_and_leaves_the_next(school: School) -> None:
    phone, tablet = school.as_("ada", session_id="phone"), school.as_("ada", session_id="tablet")
    await tablet.data(LIST)
    assert (await phone.data(REVOKE_ALL))["revokeAllSessions"] == {"id": phone.id, "version": 2}
    assert await is_refused(phone)
    assert await is_refused(tablet)
    ended_at = school.clock.now()
    school.clock.advance(seconds=1)
    again = school.as_("ada", session_id="again")
    ended = {session["id"]: session["revokedAt"] for session in await sessions(again)}
    assert ended == {"again": None, "phone": ended_at, "tablet": ended_at}


async def test_only_admins_end_all_sessions_of_another(school: School) -> None:
    ada, root = school.as_("ada"), school.as_("root", "Admins")
    await ada.data(LIST)
    for client in (school.as_("bob"), school.as_("mo", "Moderators")):
        foreign = await client.refusal(REVOKE_ALL, userId=ada.id)
        assert foreign == await client.refusal(REVOKE_ALL, userId="nobody")
        assert foreign["errorType"] == "FORBIDDEN"
    assert (await root.refusal(REVOKE_ALL, userId="nobody"))["errorType"] == "NOT_FOUND"
    assert not await is_refused(ada)
    await root.data(REVOKE_ALL, userId=ada.id)
    assert await is_refused(ada)
    assert len(await audit(school, "revokeAllSessions")) == 1


async def audit(school: School, action: str) -> list[dict[str, Any]]:
    """Audit events of the action, whoever did it."""
    pages = [await school.store.query(AUDIT_EVENTS, f"{school.clock.now()[:10]}#{shard}") for shard in range(4)]
    return [item for page in pages for item in page.items if item["action"] == action]
