"""The server about itself, and notices to every client."""

from tests.school import School

INFO = "{ getServerInfo { apiVersion serverTime minimumClientVersion features } }"
PUBLISH = """mutation ($input: PublishServiceNoticeInput!) {
  publishServiceNotice(input: $input) { id severity title body startsAt endsAt createdAt }
}"""


async def test_anybody_may_ask_what_the_server_is(school: School) -> None:
    info = (await school.visitor.data(INFO))["getServerInfo"]
    assert info["serverTime"] == school.clock.now()
    assert info["apiVersion"]
    assert info["features"]


async def test_the_backend_publishes_a_notice(school: School) -> None:
    notice = {
        "severity": "WARNING",
        "title": " Upgrade ",
        "startsAt": "2026-09-02T10:00:00+02:00",
        "endsAt": "2026-09-02T09:00:00Z",
    }
    data = await school.backend.data(PUBLISH, input=notice)
    published = data["publishServiceNotice"]
    assert published.pop("id")
    assert published == {
        "severity": "WARNING",
        "title": "Upgrade",
        "body": None,
        "startsAt": "2026-09-02T08:00:00.000Z",
        "endsAt": "2026-09-02T09:00:00.000Z",
        "createdAt": school.clock.now(),
    }


async def test_a_notice_ends_after_it_starts_and_has_a_title(school: School) -> None:
    period = {"startsAt": "2026-09-02T10:00:00Z", "endsAt": "2026-09-02T10:00:00Z"}
    error = await school.backend.refusal(PUBLISH, input={"severity": "INFO", "title": "Upgrade", **period})
    assert (error["errorType"], error["errorInfo"]["field"], error["errorInfo"]["rule"]) == (
        "BAD_REQUEST",
        "input.endsAt",
        "ORDER",
    )
    error = await school.backend.refusal(PUBLISH, input={"severity": "INFO", "title": "  "})
    assert (error["errorType"], error["errorInfo"]["field"]) == ("BAD_REQUEST", "input.title")


async def test_a_repeated_notice_is_the_first_one(school: School) -> None:
    notice = {"severity": "INFO", "title": "Upgrade", "clientToken": "t1"}
    first = await school.backend.data(PUBLISH, input=notice)
    school.clock.advance(seconds=5)
    assert await school.backend.data(PUBLISH, input=notice) == first
    error = await school.backend.refusal(PUBLISH, input={**notice, "title": "Other"})
    assert error["errorType"] == "IDEMPOTENCY_MISMATCH"


async def test_only_the_backend_publishes_notices(school: School) -> None:
    for client in (school.visitor, school.as_("ada"), school.as_("root", "Admins")):
        error = await client.refusal(PUBLISH, input={"severity": "INFO", "title": "Upgrade"})
        assert error["errorType"] == "Unauthorized"
