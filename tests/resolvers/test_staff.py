"""What staff does to accounts: roles, suspension, and the audit log of both."""

from functools import partial
from typing import Any

import pytest

from datasources.tables import AUDIT_EVENTS, COUNTERS
from tests.races import at_once, successes
from tests.school import Client, School

ME = "{ getMe { id status roles version } }"
ROLES = """mutation ($userId: ID!, $roles: [Role!]!, $expectedVersion: Int) {
  setUserRoles(userId: $userId, roles: $roles, expectedVersion: $expectedVersion) { id roles version }
}"""
SUSPEND = """mutation ($userId: ID!, $reason: String!, $expectedVersion: Int) {
  suspendUser(userId: $userId, reason: $reason, expectedVersion: $expectedVersion) { id status version }
}"""
REINSTATE = """mutation ($userId: ID!, $expectedVersion: Int) {
  reinstateUser(userId: $userId, expectedVersion: $expectedVersion) { id status version }
}"""
REVOKE_ALL = "mutation ($userId: ID!) { revokeAllSessions(userId: $userId) { id } }"
LIST = "query ($role: Role) { listUsers(filter: {role: $role}) { items { id } } }"


@pytest.fixture
async def root(school: School) -> Client:
    """An admin who signed in."""
    root = school.as_("root", "Admins")
    await root.data(ME)
    return root


async def signed_in(school: School, username: str, *groups: str) -> Client:
    client = school.as_(username, *groups)
    await client.data(ME)
    return client


async def audit(school: School, target: str) -> list[dict[str, Any]]:
    """Audit events about a user, oldest first."""
    return (await school.store.query(AUDIT_EVENTS, target, index="TargetIndex")).items


async def admins(school: School) -> int:
    item = await school.store.get(COUNTERS, {"name": "ADMINS"})
    return 0 if item is None else item["value"]


async def holders(client: Client, role: str) -> set[str]:
    return {item["id"] for item in (await client.data(LIST, role=role))["listUsers"]["items"]}


async def test_roles_are_replaced_at_once_for_the_token_in_use(school: School, root: Client) -> None:
    ada = await signed_in(school, "ada", "Mentors")
    changed = await root.data(ROLES, userId=ada.id, roles=["MODERATOR", "ADMIN", "MODERATOR"])
    assert changed["setUserRoles"] == {"id": ada.id, "roles": ["ADMIN", "MODERATOR"], "version": 2}
    bob = await signed_in(school, "bob")
    await ada.data(REVOKE_ALL, userId=bob.id)  # as an admin now
    assert ada.id in await holders(root, "ADMIN")
    assert ada.id not in await holders(root, "MENTOR")
    await root.data(ROLES, userId=ada.id, roles=["STUDENT"])
    assert (await ada.refusal(REVOKE_ALL, userId=bob.id))["errorType"] == "FORBIDDEN"
    assert (await ada.refusal(LIST, role="ADMIN"))["errorType"] == "Unauthorized"
    assert await holders(root, "ADMIN") == {root.id}


async def test_a_newer_token_has_the_last_word_on_groups(school: School, root: Client) -> None:
    ada = await signed_in(school, "ada")
    await root.data(ROLES, userId=ada.id, roles=["STUDENT"])
    school.clock.advance(seconds=1)
    assert root.id in await holders(school.as_("ada", "Admins"), "ADMIN")


async def test_a_user_has_at_least_one_role(school: School, root: Client) -> None:
    error = await root.refusal(ROLES, userId=root.id, roles=[])
    assert (error["errorType"], error["errorInfo"]["field"]) == ("BAD_REQUEST", "roles")


async def test_the_last_admin_stays(school: School, root: Client) -> None:
    error = await root.refusal(ROLES, userId=root.id, roles=["MENTOR"])
    assert error["errorType"] == "LAST_ADMIN"
    assert (await root.data(ME))["getMe"] == {"id": root.id, "status": "ACTIVE", "roles": ["ADMIN"], "version": 1}
    assert await audit(school, root.id) == []


async def test_two_admins_who_remove_each_other_at_once_leave_one(school: School, root: Client) -> None:
    other = await signed_in(school, "other", "Admins")
    payloads = await at_once(
        [
            partial(root.run, ROLES, userId=other.id, roles=["STUDENT"]),
            partial(other.run, ROLES, userId=root.id, roles=["STUDENT"]),
        ]
    )
    errors = [payload["errors"][0]["errorType"] for payload in successes(payloads) if "errors" in payload]
    assert errors == ["LAST_ADMIN"]
    roles = [(await client.data(ME))["getMe"]["roles"] for client in (root, other)]
    assert sorted(roles) == [["ADMIN"], ["STUDENT"]]
    assert await admins(school) == 1
    assert len(await audit(school, root.id)) + len(await audit(school, other.id)) == 1


async def test_many_changes_of_roles_at_once_leave_rows_count_and_audit_in_step(school: School, root: Client) -> None:
    ada = await signed_in(school, "ada")
    wanted = [["ADMIN"], ["STUDENT"], ["ADMIN", "MENTOR"], ["MODERATOR"], ["ADMIN"], ["MENTOR"]]
    payloads = successes(await at_once([partial(root.run, ROLES, userId=ada.id, roles=roles) for roles in wanted]))
    done = [payload for payload in payloads if "errors" not in payload]
    assert {payload["errors"][0]["errorType"] for payload in payloads if "errors" in payload} <= {"THROTTLED"}
    me = (await ada.data(ME))["getMe"]
    assert me["version"] == 1 + len(done) == 1 + len(await audit(school, ada.id))
    for role in ("STUDENT", "MENTOR", "ADMIN", "MODERATOR"):
        assert (ada.id in await holders(root, role)) is (role in me["roles"])
    assert await admins(school) == 1 + ("ADMIN" in me["roles"])


async def test_a_suspended_user_may_see_who_he_is_and_nothing_else(school: School, root: Client) -> None:
    ada = await signed_in(school, "ada")
    done = await school.as_("mo", "Moderators").data(SUSPEND, userId=ada.id, reason="Spam.")
    assert done["suspendUser"] == {"id": ada.id, "status": "SUSPENDED", "version": 2}
    assert (await ada.data("{ getMe { status settings { locale } } }"))["getMe"]["status"] == "SUSPENDED"
    for query in (
        "{ listMySessions { items { id } } }",
        "{ getServerInfo { apiVersion } }",
        'mutation { updateProfile(input: {bio: "x"}) { id } }',
    ):
        assert (await ada.refusal(query))["errorType"] == "ACCOUNT_SUSPENDED"
    await root.data(REINSTATE, userId=ada.id)
    assert (await ada.data("{ listMySessions { items { id } } }"))["listMySessions"]["items"] == []


async def test_only_active_accounts_are_suspended_and_only_suspended_ones_reinstated(
    school: School, root: Client
) -> None:
    ada = await signed_in(school, "ada")
    error = await root.refusal(REINSTATE, userId=ada.id)
    assert (error["errorType"], error["errorInfo"]["status"]) == ("INVALID_STATE", "ACTIVE")
    await root.data(SUSPEND, userId=ada.id, reason="Spam.")
    error = await root.refusal(SUSPEND, userId=ada.id, reason="Spam.")
    assert (error["errorType"], error["errorInfo"]["status"]) == ("INVALID_STATE", "SUSPENDED")


async def test_moderators_decide_on_no_admin(school: School, root: Client) -> None:
    moderator = await signed_in(school, "mo", "Moderators")
    other = await signed_in(school, "other", "Admins")
    assert (await moderator.refusal(SUSPEND, userId=root.id, reason="Coup."))["errorType"] == "FORBIDDEN"
    await root.data(SUSPEND, userId=other.id, reason="Rogue.")
    assert (await moderator.refusal(REINSTATE, userId=other.id))["errorType"] == "FORBIDDEN"


async def test_the_last_active_admin_is_not_suspended(school: School, root: Client) -> None:
    # A token of the development tool may name Admins for a user who holds no such role.
    await signed_in(school, "tool")
    error = await school.as_("tool", "Admins").refusal(SUSPEND, userId=root.id, reason="Coup.")
    assert error["errorType"] == "LAST_ADMIN"
    other = await signed_in(school, "other", "Admins")
    await root.data(SUSPEND, userId=other.id, reason="Rogue.")
    assert await admins(school) == 1
    await root.data(ROLES, userId=other.id, roles=["ADMIN", "MENTOR"])  # a suspended admin counts for nothing
    assert (await root.refusal(ROLES, userId=root.id, roles=["MENTOR"]))["errorType"] == "LAST_ADMIN"
    await root.data(REINSTATE, userId=other.id)
    assert await admins(school) == 2


async def test_an_admin_may_suspend_himself_but_for_the_last_one(school: School, root: Client) -> None:
    assert (await root.refusal(SUSPEND, userId=root.id, reason="Holiday."))["errorType"] == "LAST_ADMIN"
    assert await audit(school, root.id) == []
    await signed_in(school, "other", "Admins")
    assert (await root.data(SUSPEND, userId=root.id, reason="Holiday."))["suspendUser"]["status"] == "SUSPENDED"
    assert await admins(school) == 1


async def test_two_admins_who_suspend_each_other_at_once_leave_one(school: School, root: Client) -> None:
    other = await signed_in(school, "other", "Admins")
    payloads = await at_once(
        [
            partial(root.run, SUSPEND, userId=other.id, reason="Rogue."),
            partial(other.run, SUSPEND, userId=root.id, reason="Rogue."),
        ]
    )
    errors = [payload["errors"][0]["errorType"] for payload in successes(payloads) if "errors" in payload]
    assert len(errors) == 1
    assert errors[0] in ("LAST_ADMIN", "ACCOUNT_SUSPENDED")
    assert await admins(school) == 1


async def test_staff_writes_are_held_to_the_expected_version(school: School, root: Client) -> None:
    ada = await signed_in(school, "ada")
    for query, more in ((ROLES, {"roles": ["MENTOR"]}), (SUSPEND, {"reason": "Spam."}), (REINSTATE, {})):
        error = await root.refusal(query, userId=ada.id, expectedVersion=7, **more)
        assert (error["errorType"], error["errorInfo"]["currentVersion"]) == ("CONFLICT", 1)
    calls = [partial(root.run, ROLES, userId=ada.id, roles=["MENTOR"], expectedVersion=1)] * 20
    payloads = successes(await at_once(calls))
    errors = [payload["errors"][0]["errorType"] for payload in payloads if "errors" in payload]
    assert errors == ["CONFLICT"] * 19
    assert (await ada.data(ME))["getMe"]["version"] == 2


async def test_unknown_users_are_not_found(school: School, root: Client) -> None:
    for query, more in ((ROLES, {"roles": ["MENTOR"]}), (SUSPEND, {"reason": "Spam."}), (REINSTATE, {})):
        assert (await root.refusal(query, userId="nobody", **more))["errorType"] == "NOT_FOUND"
        assert (await root.refusal(query, userId="", **more))["errorType"] == "BAD_REQUEST"
    assert await audit(school, "nobody") == []


async def test_a_suspension_has_a_reason(school: School, root: Client) -> None:
    ada = await signed_in(school, "ada")
    for reason in ("", " ", "x" * 501):
        error = await root.refusal(SUSPEND, userId=ada.id, reason=reason)
        assert (error["errorType"], error["errorInfo"]["field"]) == ("BAD_REQUEST", "reason")


async def test_each_staff_mutation_leaves_one_audit_event_without_personal_data(school: School, root: Client) -> None:
    ada = await signed_in(school, "ada")
    await root.data(ROLES, userId=ada.id, roles=["MENTOR"])
    await root.data(SUSPEND, userId=ada.id, reason="Ada wrote to bob@example.org.")
    await root.data(REINSTATE, userId=ada.id)
    await root.refusal(REINSTATE, userId=ada.id)
    events = await audit(school, ada.id)
    assert {event["action"]: event["details"] for event in events} == {
        "setUserRoles": {"roles": ["MENTOR"]},
        "suspendUser": {"status": "SUSPENDED"},
        "reinstateUser": {"status": "ACTIVE"},
    }
    assert len(events) == 3
    assert {event["actorId"] for event in events} == {root.id}
    assert "bob@example.org" not in str(events)


async def test_students_and_the_backend_do_no_staff_work(school: School, root: Client) -> None:
    ada = await signed_in(school, "ada")
    for client in (ada, school.as_("bob", "Mentors"), school.visitor, school.backend):
        for query, more in ((ROLES, {"roles": ["ADMIN"]}), (SUSPEND, {"reason": "x"}), (REINSTATE, {})):
            assert (await client.refusal(query, userId=ada.id, **more))["errorType"] == "Unauthorized"
    moderator = school.as_("mo", "Moderators")
    assert (await moderator.refusal(ROLES, userId=moderator.id, roles=["ADMIN"]))["errorType"] == "Unauthorized"
