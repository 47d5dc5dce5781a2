"""Accounts and profiles, as their owners, everybody and staff see them."""

from functools import partial
from typing import Any

import pytest

from tests.races import at_once, successes
from tests.school import Client, School

ME = """{ getMe { id displayName email phone bio roles status createdAt updatedAt version
  settings { locale version } } }"""
USER = "query ($id: ID!) { getUser(id: $id) { id email } }"
SUMMARY = "query ($id: ID!) { getUserSummary(id: $id) { id displayName avatarUrl bio } }"
UPDATE = """mutation ($input: UpdateProfileInput!) {
  updateProfile(input: $input) { displayName bio phone version updatedAt }
}"""
LIST = """query ($filter: UserFilterInput, $limit: Int, $nextToken: String) {
  listUsers(filter: $filter, limit: $limit, nextToken: $nextToken) { items { id displayName } nextToken }
}"""


async def names(client: Client, limit: int, filter: dict[str, Any] | None = None) -> list[str]:
    """Everybody on the list, page after page."""
    found: list[str] = []
    token = None
    while True:
        page = (await client.data(LIST, filter=filter, limit=limit, nextToken=token))["listUsers"]
        found += [item["displayName"] for item in page["items"]]
        token = page["nextToken"]
        assert len(page["items"]) <= limit
        if token is None:
            return found


async def test_the_first_call_after_sign_up_makes_the_account(school: School) -> None:
    ada = school.as_("ada", "Mentors", email="ada@example.org")
    assert (await ada.data(ME))["getMe"] == {
        "id": ada.id,
        "displayName": "Ada",
        "email": "ada@example.org",
        "phone": None,
        "bio": None,
        "roles": ["MENTOR"],
        "status": "ACTIVE",
        "createdAt": school.clock.now(),
        "updatedAt": school.clock.now(),
        "version": 1,
        "settings": {"locale": "en", "version": 1},
    }


async def test_staff_reads_any_account_and_nobody_else_does(school: School) -> None:
    ada = school.as_("ada", email="ada@example.org")
    await ada.data(ME)
    for group in ("Admins", "Moderators"):
        staff = school.as_(group, group)
        assert (await staff.data(USER, id=ada.id))["getUser"] == {"id": ada.id, "email": "ada@example.org"}
        assert (await staff.data(USER, id="nobody"))["getUser"] is None
    for client in (ada, school.as_("mo", "Mentors"), school.visitor, school.backend):
        assert (await client.refusal(USER, id=ada.id))["errorType"] == "Unauthorized"


async def test_the_public_face_shows_no_contact(school: School) -> None:
    ada = school.as_("ada", email="ada@example.org")
    await ada.data(UPDATE, input={"bio": "Mathematician.", "phone": "+442071838750"})
    face = {"id": ada.id, "displayName": "Ada", "avatarUrl": None, "bio": "Mathematician."}
    for client in (school.visitor, school.as_("bob")):
        assert (await client.data(SUMMARY, id=ada.id))["getUserSummary"] == face
        assert (await client.data(SUMMARY, id="nobody"))["getUserSummary"] is None


async def test_a_profile_change_leaves_out_what_is_not_given_and_clears_what_is_null(school: School) -> None:
    ada = school.as_("ada")
    await ada.data(UPDATE, input={"displayName": " Ada L. ", "bio": "Mathematician.", "phone": "+442071838750"})
    school.clock.advance(seconds=60)
    assert (await ada.data(UPDATE, input={"bio": None}))["updateProfile"] == {
        "displayName": "Ada L.",
        "bio": None,
        "phone": "+442071838750",
        "version": 3,
        "updatedAt": school.clock.now(),
    }


@pytest.mark.parametrize(
    ("given", "field", "rule"),
    [
        ({"displayName": None}, "input.displayName", "NULL"),
        ({"displayName": "  "}, "input.displayName", "LENGTH"),
        ({"displayName": "a" * 201}, "input.displayName", "LENGTH"),
        ({"displayName": "Ada\u202egnp.exe"}, "input.displayName", "CHARACTERS"),
        ({"bio": "b" * 2001}, "input.bio", "LENGTH"),
    ],
)
async def test_a_profile_that_breaks_a_rule_changes_nothing(
    school: School, given: dict[str, Any], field: str, rule: str
) -> None:
    ada = school.as_("ada")
    before = await ada.data(ME)
    error = await ada.refusal(UPDATE, input={"phone": "+442071838750", **given})
    assert error["errorType"] == "BAD_REQUEST"
    assert (error["errorInfo"]["field"], error["errorInfo"]["rule"]) == (field, rule)
    assert await ada.data(ME) == before


async def test_of_twenty_updates_at_once_of_one_version_one_succeeds(school: School) -> None:
    ada = school.as_("ada")
    await ada.data(ME)
    calls = [{"input": {"displayName": f"Ada {number}", "expectedVersion": 1}} for number in range(20)]
    payloads = await at_once([partial(ada.run, UPDATE, **call) for call in calls])
    errors = [payload["errors"][0] for payload in successes(payloads) if "errors" in payload]
    assert [error["errorType"] for error in errors] == ["CONFLICT"] * 19
    assert {error["errorInfo"]["currentVersion"] for error in errors} == {2}
    assert (await ada.data(ME))["getMe"]["version"] == 2


async def test_versions_count_writes(school: School) -> None:
    ada = school.as_("ada")
    for number in range(5):
        changed = await ada.data(UPDATE, input={"bio": str(number), "expectedVersion": number + 1})
        assert changed["updateProfile"]["version"] == number + 2


@pytest.mark.parametrize("limit", [1, 7, 100])
async def test_staff_walks_accounts_by_role_status_and_e_mail(school: School, limit: int) -> None:
    root = school.as_("root", "Admins")
    for number in range(8):
        group = "Mentors" if number % 2 else "Students"
        school.clock.advance(seconds=1)
        await school.as_(f"user{number}", group, email=f"{'AN' if number < 6 else 'be'}n{number}@x.org").data(ME)
    await root.data('mutation ($id: ID!) { suspendUser(userId: $id, reason: "Spam.") { id } }', id=school.id("user1"))

    everybody = [f"User{number}" for number in range(8)]
    assert sorted(await names(root, limit)) == ["Root", *everybody]
    assert await names(root, limit, {"role": "MENTOR"}) == ["User1", "User3", "User5", "User7"]
    assert await names(root, limit, {"role": "MENTOR", "status": "ACTIVE"}) == ["User3", "User5", "User7"]
    assert await names(root, limit, {"status": "SUSPENDED"}) == ["User1"]
    assert await names(root, limit, {"emailPrefix": "Ann"}) == everybody[:6]
    assert await names(root, limit, {"emailPrefix": "ann5"}) == ["User5"]
    assert await names(root, limit, {"emailPrefix": "an", "role": "STUDENT"}) == ["User0", "User2", "User4"]
    assert await names(root, limit, {"emailPrefix": "an", "status": "SUSPENDED", "role": "MENTOR"}) == ["User1"]
    assert await names(root, limit, {"emailPrefix": "zz"}) == []


async def test_a_walk_meets_everybody_once_while_others_come(school: School) -> None:
    root = school.as_("root", "Admins")
    there = [f"early{number}" for number in range(6)]
    for name in there:
        school.clock.advance(seconds=1)
        await school.as_(name).data(ME)
    found: list[str] = []
    token, number = None, 0
    while True:
        page = (await root.data(LIST, limit=2, nextToken=token))["listUsers"]
        found += [item["displayName"] for item in page["items"]]
        if (token := page["nextToken"]) is None:
            break
        number += 1
        await school.as_(f"late{number}").data(ME)  # within the same second as the last of the early ones
        assert number < 50
    assert len(found) == len(set(found))
    assert {name.capitalize() for name in there} <= set(found)


async def test_a_page_token_is_bound_to_its_list_caller_and_day(school: School) -> None:
    root, other = school.as_("root", "Admins"), school.as_("other", "Admins")
    await other.data(ME)
    token = (await root.data(LIST, limit=1))["listUsers"]["nextToken"]
    altered = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    for client, variables in (
        (other, {"nextToken": token}),
        (root, {"nextToken": token, "filter": {"status": "ACTIVE"}}),
        (root, {"nextToken": altered}),
        (root, {"nextToken": ""}),
    ):
        assert (await client.refusal(LIST, limit=1, **variables))["errorType"] == "INVALID_NEXT_TOKEN"
    school.clock.advance(days=1)
    assert (await root.refusal(LIST, limit=1, nextToken=token))["errorType"] == "INVALID_NEXT_TOKEN"


@pytest.mark.parametrize(
    ("variables", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"filter": {"emailPrefix": "a"}}, "filter.emailPrefix"),
        ({"filter": {"emailPrefix": " a "}}, "filter.emailPrefix"),
    ],
)
async def test_a_list_refuses_what_it_cannot_answer(school: School, variables: dict[str, Any], field: str) -> None:
    error = await school.as_("root", "Admins").refusal(LIST, **variables)
    assert (error["errorType"], error["errorInfo"]["field"]) == ("BAD_REQUEST", field)


async def test_only_admins_list_accounts(school: School) -> None:
    for client in (school.as_("ada"), school.as_("mo", "Moderators"), school.visitor, school.backend):
        assert (await client.refusal(LIST))["errorType"] == "Unauthorized"
