"""Breakouts as clients see them: opened together, each user in one, ended with their meeting."""

from typing import Any

import pytest

from tests.calling import Hall
from tests.resolvers.chat import error
from tests.resolvers.meeting import (
    BREAK_OUT,
    END,
    GET,
    JOIN,
    LEAVE,
    MINE,
    REMOVE,
    START,
    join,
    live_meeting,
    new_meeting,
    result,
    roster,
)
from tests.school import Client, School


def groups(*users: list[Client]) -> list[dict[str, Any]]:
    return [
        {"title": f"Group {number + 1}", "userIds": [user.id for user in some]} for number, some in enumerate(users)
    ]


async def test_breakouts_are_live_at_once_and_each_is_for_its_own(hall: Hall) -> None:
    school = hall.school
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")
    meeting = await live_meeting(school, ada, ben, eve)
    given = {"meetingId": meeting["id"], "groups": groups([ben], [eve, ada]), "clientToken": "b1"}

    made = await result(ada, BREAK_OUT, input=given)

    first, second = made["items"]
    assert made["nextToken"] is None
    for breakout in (first, second):
        assert (breakout["status"], breakout["parentMeetingId"]) == ("LIVE", meeting["id"])
        assert (breakout["hostId"], breakout["courseId"], breakout["roomId"]) == (ada.id, None, None)
    assert [breakout["title"] for breakout in (first, second)] == ["Group 1", "Group 2"]
    assert await result(ada, BREAK_OUT, input=given) == made
    assert sorted(await roster(ada, second)) == sorted([ada.id, eve.id])
    assert (await join(ben, first))["meeting"]["id"] == first["id"]
    assert await error(eve, JOIN, id=first["id"]) == "NOT_FOUND"
    assert {item["id"] for item in (await result(eve, MINE))["items"]} == {meeting["id"], second["id"]}
    assert (await join(ada, first))["chimeMeetingId"] != (await join(ada, second))["chimeMeetingId"]


async def test_breakouts_end_with_their_meeting(hall: Hall) -> None:
    school = hall.school
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")
    meeting = await live_meeting(school, ada, ben, eve)
    made = await result(ada, BREAK_OUT, input={"meetingId": meeting["id"], "groups": groups([ben], [eve])})
    first, second = made["items"]
    await hall.enter(await join(ben, first))
    await result(ada, END, id=second["id"])
    school.clock.advance(seconds=20)

    await result(ada, END, id=meeting["id"])
    await hall.drain()

    ended = [await result(ada, GET, id=each["id"]) for each in (first, second)]
    assert [each["endReason"] for each in ended] == ["PARENT_ENDED", "HOST"]
    row = (await roster(ada, first))[ben.id]
    assert (row["status"], row["attendedSeconds"]) == ("LEFT", 20)
    assert ("publishMeeting", {"id": first["id"]}) in school.published
    if hall.chime is not None:
        assert all(call.is_over for call in hall.chime.calls.values())


async def test_time_in_a_breakout_is_time_in_its_meeting(every_hall: Hall) -> None:
    hall, school = every_hall, every_hall.school
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")
    meeting = await live_meeting(school, ada, ben, eve)
    await hall.enter(await join(ben, meeting))
    school.clock.advance(seconds=10)
    await result(ben, LEAVE, id=meeting["id"])
    await hall.drain()
    made = await result(ada, BREAK_OUT, input={"meetingId": meeting["id"], "groups": groups([ben], [eve])})
    first, second = made["items"]
    school.clock.advance(seconds=10)
    await hall.enter(await join(ben, first))
    assert (await roster(ada, meeting))[ben.id]["status"] == "JOINED"
    school.clock.advance(seconds=30)
    await result(ada, END, id=first["id"])
    await hall.drain()
    school.clock.advance(seconds=5)
    await hall.enter(await join(ben, meeting))
    school.clock.advance(seconds=7)
    await result(ben, LEAVE, id=meeting["id"])
    await hall.drain()

    row = (await roster(ada, meeting))[ben.id]
    assert (row["status"], row["attendedSeconds"]) == ("LEFT", 10 + 30 + 7)
    assert [each["leaveReason"] for each in row["presence"]] == ["LEFT", "MEETING_ENDED", "LEFT"]
    assert (await roster(ada, first))[ben.id]["attendedSeconds"] == 30
    assert ("publishMeetingAttendee", {"meeting_id": meeting["id"], "user_id": ben.id}) in school.published
    assert (await roster(ada, meeting))[eve.id]["attendedSeconds"] == 0
    assert eve.id in await roster(ada, second)


async def test_who_is_in_a_breakout_as_the_meeting_ends_was_there_until_then(hall: Hall) -> None:
    school = hall.school
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")
    meeting = await live_meeting(school, ada, ben, eve)
    made = await result(ada, BREAK_OUT, input={"meetingId": meeting["id"], "groups": groups([ben], [eve])})
    await hall.enter(await join(ben, made["items"][0]))
    school.clock.advance(seconds=20)

    await result(ada, END, id=meeting["id"])
    await hall.drain()

    row = (await roster(ada, meeting))[ben.id]
    assert (row["status"], row["attendedSeconds"]) == ("LEFT", 20)
    [stay] = row["presence"]
    assert (stay["leftAt"], stay["leaveReason"]) == (school.clock.now(), "MEETING_ENDED")
    assert (await result(ada, GET, id=meeting["id"]))["attendeeCount"] == 0


async def test_who_is_put_out_of_a_meeting_is_out_of_its_breakouts(hall: Hall) -> None:
    school = hall.school
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")
    meeting = await live_meeting(school, ada, ben, eve)
    made = await result(ada, BREAK_OUT, input={"meetingId": meeting["id"], "groups": groups([ben], [eve])})
    first, _ = made["items"]
    await hall.enter(await join(ben, first))
    school.clock.advance(seconds=15)

    for _ in range(2):
        row = await result(ada, REMOVE, id=meeting["id"], user=ben.id)
        assert row["status"] == "REMOVED"
    school.clock.advance(seconds=15)
    await hall.drain()

    assert await error(ben, JOIN, id=first["id"]) == "REMOVED_FROM_MEETING"
    rows = [(await roster(ada, each))[ben.id] for each in (meeting, first)]
    assert [(each["status"], each["attendedSeconds"]) for each in rows] == [("REMOVED", 15), ("REMOVED", 15)]
    assert ("publishMeetingAttendee", {"meeting_id": first["id"], "user_id": ben.id}) in school.published


async def test_new_breakouts_wait_for_the_end_of_the_old(school: School) -> None:
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")
    meeting = await live_meeting(school, ada, ben, eve)
    given = {"meetingId": meeting["id"], "groups": groups([ben], [eve])}
    made = await result(ada, BREAK_OUT, input=given)

    refusal = await ada.refusal(BREAK_OUT, input=given)
    assert (refusal["errorType"], refusal["errorInfo"]["reason"]) == ("INVALID_STATE", "BREAKOUTS_OPEN")
    for breakout in made["items"]:
        await result(ada, END, id=breakout["id"])
    again = await result(ada, BREAK_OUT, input=given)

    assert len({each["id"] for each in (*made["items"], *again["items"])}) == 4


async def test_a_breakout_that_makes_no_sense_is_refused(school: School) -> None:
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")
    meeting = await live_meeting(school, ada, ben)
    await eve.data("{ getMe { id } }")

    async def rule(asked: list[dict[str, Any]]) -> str:
        refusal = await ada.refusal(BREAK_OUT, input={"meetingId": meeting["id"], "groups": asked})
        assert refusal["errorType"] == "BAD_REQUEST"
        return str(refusal["errorInfo"]["rule"])

    assert await rule(groups([ben])) == "COUNT"
    assert await rule(groups(*[[] for _ in range(21)])) == "COUNT"
    assert await rule(groups([ben], [ben])) == "TWICE"
    assert await rule(groups([ben], [eve])) == "NOT_AN_ATTENDEE"
    assert await rule([{"title": " ", "userIds": []}, {"title": "x", "userIds": []}]) == "LENGTH"
    await result(ada, REMOVE, id=meeting["id"], user=ben.id)
    assert await rule(groups([ben], [])) == "NOT_AN_ATTENDEE"
    assert len((await result(ada, MINE))["items"]) == 1


@pytest.mark.parametrize("status", ["SCHEDULED", "ENDED"])
async def test_only_the_host_of_a_live_meeting_breaks_it_up(school: School, status: str) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    meeting = await new_meeting(school, ada, ben, hours=0)
    given = {"meetingId": meeting["id"], "groups": groups([ben], [])}
    if status == "ENDED":
        await result(ada, START, id=meeting["id"])
        await result(ada, END, id=meeting["id"])

    assert await error(ada, BREAK_OUT, input=given) == "MEETING_NOT_LIVE"
    assert await error(ben, BREAK_OUT, input=given) == "FORBIDDEN"
