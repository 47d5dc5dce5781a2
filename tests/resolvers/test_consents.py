"""The consent ledger: append-only, with the latest word on each purpose."""

from functools import partial
from typing import Any

from datasources.ports import SortRange
from datasources.tables import USER_ITEMS
from tests.races import at_once, successes
from tests.school import Client, School

RECORD = """mutation ($input: RecordConsentInput!) {
  recordConsent(input: $input) { userId purpose granted policyVersion recordedAt }
}"""
LIST = """query ($limit: Int, $nextToken: String) {
  listMyConsents(limit: $limit, nextToken: $nextToken) { items { purpose granted policyVersion } nextToken }
}"""


async def ledger(school: School, client: Client) -> list[dict[str, Any]]:
    page = await school.store.query(USER_ITEMS, client.id, sort=SortRange(prefix="CONSENT#"), limit=1000)
    return page.items


def decision(purpose: str, granted: bool, **more: Any) -> dict[str, Any]:
    return {"purpose": purpose, "granted": granted, "policyVersion": "2026-01", **more}


async def test_a_decision_is_recorded_with_its_time(school: School) -> None:
    ada = school.as_("ada")
    recorded = await ada.data(RECORD, input=decision("ANALYTICS", True))
    assert recorded["recordConsent"] == {
        "userId": ada.id,
        **decision("ANALYTICS", True),
        "recordedAt": school.clock.now(),
    }


async def test_a_later_decision_changes_and_removes_no_earlier_one(school: School) -> None:
    ada = school.as_("ada")
    rows: list[dict[str, Any]] = []
    for granted in (True, False, True, False):
        await ada.data(RECORD, input=decision("MARKETING", granted))
        after = await ledger(school, ada)
        assert [row for row in after if row in rows] == rows
        assert len(after) == len(rows) + 1
        rows = after
        school.clock.advance(seconds=1)


async def test_decisions_of_one_moment_are_all_kept(school: School) -> None:
    ada = school.as_("ada")
    await at_once([partial(ada.data, RECORD, input=decision("ANALYTICS", bool(n % 2))) for n in range(20)])
    assert len(await ledger(school, ada)) == 20


async def test_the_list_holds_the_latest_decision_on_each_purpose(school: School) -> None:
    ada, bob = school.as_("ada"), school.as_("bob")
    for purpose, granted in (("MARKETING", True), ("FACE_RECOGNITION", True), ("MARKETING", False)):
        await ada.data(RECORD, input=decision(purpose, granted))
        school.clock.advance(seconds=1)
    latest = [decision("FACE_RECOGNITION", True), decision("MARKETING", False)]
    assert (await ada.data(LIST))["listMyConsents"] == {"items": latest, "nextToken": None}
    assert (await bob.data(LIST))["listMyConsents"] == {"items": [], "nextToken": None}

    first = (await ada.data(LIST, limit=1))["listMyConsents"]
    await ada.data(RECORD, input=decision("ANALYTICS", True))  # comes between the two pages
    second = (await ada.data(LIST, limit=100, nextToken=first["nextToken"]))["listMyConsents"]
    assert first["items"] == latest[:1]
    assert second["items"][-1:] == latest[1:]
    assert second["nextToken"] is None
    assert (await bob.refusal(LIST, nextToken=first["nextToken"]))["errorType"] == "INVALID_NEXT_TOKEN"


async def test_a_repeated_call_records_once(school: School) -> None:
    ada = school.as_("ada")
    call = partial(ada.data, RECORD, input=decision("ANALYTICS", True, clientToken="t1"))
    results = successes(await at_once([call] * 10))
    school.clock.advance(days=0.9)
    results.append(await call())
    assert len(results) == 11
    assert all(result == results[0] for result in results)
    assert len(await ledger(school, ada)) == 1


async def test_a_token_used_for_another_decision_is_refused(school: School) -> None:
    ada = school.as_("ada")
    await ada.data(RECORD, input=decision("ANALYTICS", True, clientToken="t1"))
    error = await ada.refusal(RECORD, input=decision("ANALYTICS", False, clientToken="t1"))
    assert error["errorType"] == "IDEMPOTENCY_MISMATCH"
    await school.as_("bob").data(RECORD, input=decision("ANALYTICS", False, clientToken="t1"))  # tokens are personal
    assert len(await ledger(school, ada)) == 1


async def test_a_decision_names_the_text_agreed_to(school: School) -> None:
    error = await school.as_("ada").refusal(RECORD, input={**decision("ANALYTICS", True), "policyVersion": " "})
    assert (error["errorType"], error["errorInfo"]["field"]) == ("BAD_REQUEST", "input.policyVersion")
