"""Being marked: by being in the call, and by the code shown in it. The server's clock decides."""

from functools import partial
from typing import Any

import pytest

from datasources.tables import ATTENDANCE
from domain.times import later
from tests.attending import comes_in, goes_out, opened
from tests.races import at_once, successes
from tests.resolvers.attendance import (
    ANSWER,
    CHECK_IN,
    GET_CHALLENGE,
    GET_CODE,
    MINE,
    OVERRIDE,
    START,
    allow,
    history,
    lesson_by_call,
    override,
    statuses,
)
from tests.resolvers.chat import error
from tests.resolvers.meeting import result
from tests.school import Client, School


async def live(
    school: School, *learners: Client, methods: tuple[str, ...] = ("JOIN",), hours: float = 1, **given: Any
) -> dict[str, Any]:
    """A live meeting of a course with its learners in it."""
    meeting = await lesson_by_call(school, *learners, hours=hours)
    await allow(school.as_("ada", "Mentors"), meeting, *methods, **given)
    await opened(school, meeting["id"])
    for learner in learners:
        await comes_in(school, meeting["id"], learner.id)
    return meeting


async def start(client: Client, meeting: dict[str, Any], seconds: int = 120) -> dict[str, Any]:
    shown: dict[str, Any] = await result(client, START, id=meeting["id"], seconds=seconds)
    return shown


async def test_who_is_in_the_meeting_checks_in(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    meeting = await live(school, ben)

    record = await result(ben, CHECK_IN, id=meeting["id"])

    assert (record["status"], record["method"], record["markedAt"]) == ("PRESENT", "JOIN", school.clock.now())
    assert (record["markedById"], record["note"], record["version"]) == (None, None, 1)
    [change] = await history(ada, meeting, ben)
    assert (change["status"], change["changedById"], change["changedAt"]) == ("PRESENT", None, school.clock.now())
    assert school.published.count(("publishAttendance", {"meeting_id": meeting["id"], "user_id": ben.id})) == 1


async def test_checking_in_needs_the_call(school: School) -> None:
    ben = school.as_("ben")
    meeting = await lesson_by_call(school, ben)
    school.clock.advance(seconds=3300)
    assert await error(ben, CHECK_IN, id=meeting["id"]) == "MEETING_NOT_LIVE"
    await opened(school, meeting["id"])
    assert await error(ben, CHECK_IN, id=meeting["id"]) == "NOT_IN_MEETING"
    await comes_in(school, meeting["id"], ben.id)
    await goes_out(school, meeting["id"], ben.id)
    assert await error(ben, CHECK_IN, id=meeting["id"]) == "NOT_IN_MEETING"
    assert await error(school.as_("eve"), CHECK_IN, id=meeting["id"]) == "NOT_FOUND"
    assert await result(ben, MINE, id=meeting["id"]) is None


@pytest.mark.parametrize("method", ["JOIN", "CHALLENGE"])
async def test_marks_count_within_the_window_only(school: School, method: str) -> None:
    """It is set to the second half of the hour, so that the meeting is live on both sides."""
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")
    meeting = await lesson_by_call(school, ben, eve)
    opens_at, closes_at = (later(meeting["startsAt"], seconds=seconds) for seconds in (1800, 2400))
    await allow(ada, meeting, method, opensAt=opens_at, closesAt=closes_at)
    await opened(school, meeting["id"])
    for learner in (ben, eve):
        await comes_in(school, meeting["id"], learner.id)

    async def mark(learner: Client) -> dict[str, Any]:
        if method == "JOIN":
            return await learner.run(CHECK_IN, id=meeting["id"])
        code = (await ada.run(START, id=meeting["id"], seconds=600))["data"]["startAttendanceChallenge"] or {}
        return await learner.run(ANSWER, id=meeting["id"], code=code.get("code", "000000"))

    async def refusal(learner: Client) -> tuple[str, str, str]:
        error = (await mark(learner))["errors"][0]
        return error["errorType"], error["errorInfo"]["opensAt"], error["errorInfo"]["closesAt"]

    closed = ("ATTENDANCE_CLOSED", opens_at, closes_at)
    school.clock.advance(seconds=1799.999)
    assert await refusal(ben) == closed
    school.clock.advance(seconds=0.001)
    assert "errors" not in await mark(ben)
    school.clock.advance(seconds=599.999)
    assert "errors" not in await mark(eve)
    school.clock.advance(seconds=0.001)
    assert await refusal(ada) == closed
    assert set(await statuses(ada, meeting)) == {ben.id, eve.id}


async def test_a_method_that_the_meeting_does_not_have_marks_nobody(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    by_code = await live(school, ben, methods=("CHALLENGE",))
    by_join = await live(school, ben, hours=0.25)
    assert await error(ben, CHECK_IN, id=by_code["id"]) == "METHOD_NOT_ALLOWED"
    assert await error(ben, ANSWER, id=by_join["id"], code="123456") == "METHOD_NOT_ALLOWED"
    assert await error(ada, START, id=by_join["id"], seconds=60) == "METHOD_NOT_ALLOWED"


async def test_late_is_later_than_the_start_and_the_grace(school: School) -> None:
    ben, eve = school.as_("ben"), school.as_("eve")
    meeting = await live(school, ben, eve, lateAfterSeconds=60)
    school.clock.advance(seconds=60)
    assert (await result(ben, CHECK_IN, id=meeting["id"]))["status"] == "PRESENT"
    school.clock.advance(seconds=0.001)
    assert (await result(eve, CHECK_IN, id=meeting["id"]))["status"] == "LATE"


async def test_the_code_shown_in_the_call_marks_who_is_in_it(school: School) -> None:
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")
    meeting = await live(school, ben, methods=("CHALLENGE",))
    shown = await start(ada, meeting)

    assert await result(ben, GET_CHALLENGE, id=meeting["id"]) == shown["challenge"]
    record = await result(ben, ANSWER, id=meeting["id"], code=f" {shown['code']} ")

    assert (record["status"], record["method"]) == ("PRESENT", "CHALLENGE")
    assert await error(eve, ANSWER, id=meeting["id"], code=shown["code"]) == "NOT_FOUND"
    published = [key for mutation, key in school.published if mutation == "publishAttendanceChallenge"]
    assert published == [{"meeting_id": meeting["id"]}]


async def test_the_code_is_the_hosts_and_in_nothing_that_others_read(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    meeting = await live(school, ben, methods=("CHALLENGE",))
    shown = await start(ada, meeting)

    assert await result(ada, GET_CODE, id=meeting["id"]) == shown
    assert await error(ben, GET_CODE, id=meeting["id"]) == "FORBIDDEN"
    assert await result(school.as_("eve"), GET_CODE, id=meeting["id"]) is None
    publish = "mutation ($id: ID!) { publishAttendanceChallenge(meetingId: $id) { id meetingId startedAt closesAt } }"
    payload = await result(school.backend, publish, id=meeting["id"])
    assert payload == shown["challenge"]
    changes = (await school.store.changes(ATTENDANCE, None)).events
    assert changes
    assert "secret" not in str(changes)
    assert shown["code"] not in str(school.published)
    row = await school.store.get(ATTENDANCE, {"meetingId": meeting["id"], "userId": "#CHALLENGE"})
    assert row is not None
    assert shown["code"] not in str(row)


async def test_a_code_changes_every_half_minute_and_old_ones_end(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    meeting = await live(school, ben, methods=("CHALLENGE",))
    shown = await start(ada, meeting, seconds=600)

    school.clock.advance(seconds=40)
    refusal = await ben.refusal(ANSWER, id=meeting["id"], code=shown["code"])
    assert (refusal["errorType"], refusal["errorInfo"]["triesLeft"]) == ("CHALLENGE_CODE_WRONG", 4)
    now = await result(ada, GET_CODE, id=meeting["id"])
    assert now["code"] != shown["code"]
    school.clock.advance(seconds=25)  # into the grace of ten seconds
    assert (await result(ben, ANSWER, id=meeting["id"], code=now["code"]))["method"] == "CHALLENGE"


async def test_a_code_of_another_meeting_or_of_none_marks_nobody(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    here, there = [await live(school, ben, methods=("CHALLENGE",), hours=hours) for hours in (1, 0.25)]
    shown = await start(ada, there)
    assert await error(ben, ANSWER, id=here["id"], code=shown["code"]) == "CHALLENGE_NOT_OPEN"
    assert (await start(ada, here))["code"] != shown["code"]
    assert await error(ben, ANSWER, id=here["id"], code=shown["code"]) == "CHALLENGE_CODE_WRONG"
    school.clock.advance(seconds=120)
    assert await result(ben, GET_CHALLENGE, id=there["id"]) is None
    assert await error(ben, ANSWER, id=there["id"], code=shown["code"]) == "CHALLENGE_NOT_OPEN"
    assert await result(ben, MINE, id=here["id"]) is None


async def test_five_wrong_codes_end_a_users_tries_in_a_challenge(school: School) -> None:
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")
    meeting = await live(school, ben, eve, methods=("CHALLENGE",))
    shown = await start(ada, meeting, seconds=60)
    wrong = [f"{(int(shown['code']) + number) % 10**6:06}" for number in range(1, 6)]

    refusals = [await ben.refusal(ANSWER, id=meeting["id"], code=code) for code in wrong]

    assert [refusal["errorInfo"]["triesLeft"] for refusal in refusals] == [4, 3, 2, 1, 0]
    ended = await ben.refusal(ANSWER, id=meeting["id"], code=shown["code"])
    assert (ended["errorType"], ended["errorInfo"]["retryAfterSeconds"]) == ("RATE_LIMITED", 60)
    assert (await result(eve, ANSWER, id=meeting["id"], code=shown["code"]))["status"] == "PRESENT"
    school.clock.advance(seconds=60)
    again = await start(ada, meeting)
    assert (await result(ben, ANSWER, id=meeting["id"], code=again["code"]))["method"] == "CHALLENGE"


async def test_guessing_at_once_is_no_way_around_the_tries(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    meeting = await live(school, ben, methods=("CHALLENGE",))
    shown = await start(ada, meeting)
    guesses = [f"{(int(shown['code']) + number) % 10**6:06}" for number in range(1, 31)]

    payloads = successes(await at_once([partial(ben.run, ANSWER, id=meeting["id"], code=guess) for guess in guesses]))

    codes = [payload["errors"][0]["errorType"] for payload in payloads]
    assert codes.count("CHALLENGE_CODE_WRONG") <= 5
    assert set(codes) <= {"CHALLENGE_CODE_WRONG", "RATE_LIMITED", "THROTTLED"}


async def test_the_right_code_ten_times_at_once_is_one_mark(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    meeting = await live(school, ben, methods=("CHALLENGE",))
    shown = await start(ada, meeting)

    records = successes(await at_once([partial(result, ben, ANSWER, id=meeting["id"], code=shown["code"])] * 10))

    assert len(records) == 10
    assert all(record == records[0] for record in records)
    assert len(await history(ada, meeting, ben)) == 1


async def test_ten_starts_at_once_are_one_challenge(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    meeting = await live(school, ben, methods=("CHALLENGE",))
    school.clock.advance(seconds=3600 - 45)

    shown = successes(await at_once([partial(start, ada, meeting, 600)] * 10))

    assert len({each["challenge"]["id"] for each in shown}) == 1
    assert shown[0]["challenge"]["closesAt"] == meeting["endsAt"]
    assert await start(ada, meeting, 30) == shown[0]


async def test_challenges_are_for_who_runs_a_live_meeting(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    meeting = await lesson_by_call(school, ben)
    await allow(ada, meeting, "CHALLENGE")
    assert await error(ada, START, id=meeting["id"], seconds=60) == "MEETING_NOT_LIVE"
    await opened(school, meeting["id"])
    assert await error(ben, START, id=meeting["id"], seconds=60) in ("FORBIDDEN", "NOT_FOUND")
    for seconds in (29, 601):
        assert await error(ada, START, id=meeting["id"], seconds=seconds) == "BAD_REQUEST"


async def test_what_is_no_code_is_a_wrong_one(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    meeting = await live(school, ben, methods=("CHALLENGE",))
    await start(ada, meeting)
    for code in ("", "12345", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16", "0" * 128):
        assert await error(ben, ANSWER, id=meeting["id"], code=code) == "CHALLENGE_CODE_WRONG"
    assert await error(ben, ANSWER, id=meeting["id"], code="0" * 129) == "BAD_REQUEST"


async def test_all_ways_at_once_are_one_row_with_the_first_mark(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    meeting = await live(school, ben, methods=("JOIN", "CHALLENGE"))
    shown = await start(ada, meeting)
    by_hand = {"meetingId": meeting["id"], "userId": ben.id, "status": "LATE", "note": "I saw it."}
    calls = [
        *[partial(ben.run, CHECK_IN, id=meeting["id"])] * 8,
        *[partial(ben.run, ANSWER, id=meeting["id"], code=shown["code"])] * 8,
        *[partial(ada.run, OVERRIDE, input=by_hand)] * 2,
    ]

    payloads = successes(await at_once(calls))

    failed = [payload["errors"][0]["errorType"] for payload in payloads if "errors" in payload]
    assert set(failed) <= {"THROTTLED"}
    changes = await history(ada, meeting, ben)
    assert [change["version"] for change in changes] == list(range(len(changes), 0, -1))
    assert sum(change["method"] != "MANUAL" for change in changes) <= 1
    assert (await statuses(ada, meeting))[ben.id] == ("LATE", "MANUAL")


async def test_a_hand_comes_before_every_later_mark(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    meeting = await live(school, ben, methods=("JOIN", "CHALLENGE"))
    await override(ada, meeting, ben, "EXCUSED")
    shown = await start(ada, meeting)
    assert (await result(ben, ANSWER, id=meeting["id"], code=shown["code"]))["status"] == "EXCUSED"
    assert len(await history(ada, meeting, ben)) == 1
