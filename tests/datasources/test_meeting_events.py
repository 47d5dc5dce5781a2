"""Chime's events make the same roster in any order, and however often each is told."""

import random
from typing import Any

from domain.times import moment
from tests.resolvers.meeting import live_meeting, result, roster
from tests.school import School


def event(school: School, meeting_id: str, user_id: str, kind: str, second: int) -> dict[str, Any]:
    start = round(moment(school.clock.now()).timestamp() * 1000)
    detail = {
        "eventType": f"chime:{kind}",
        "timestamp": start + 1000 * second,
        "meetingId": "call",
        "externalMeetingId": meeting_id,
        "attendeeId": "attendee",
        "externalUserId": user_id,
    }
    return {"source": "aws.chime", "detail-type": "Chime Meeting State Change", "detail": detail}


async def test_order_and_repetition_make_no_difference(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    meeting = await live_meeting(school, ada, ben)
    told = [
        event(school, meeting["id"], ben.id, kind, second)
        for kind, second in (
            ("AttendeeJoined", 0),
            ("AttendeeDropped", 10),
            ("AttendeeJoined", 20),
            ("AttendeeLeft", 50),
            ("AttendeeJoined", 60),
            ("AttendeeLeft", 65),
        )
    ]
    shuffled = told * 2
    random.Random(46).shuffle(shuffled)

    for each in (*shuffled, {"source": "aws.s3"}, {}, event(school, "unknown", ben.id, "AttendeeJoined", 1)):
        await school.sources.meeting_events.apply(each, school.clock.now())

    row = (await roster(ada, meeting))[ben.id]
    assert (row["status"], row["attendedSeconds"]) == ("LEFT", 45)
    assert [each["leaveReason"] for each in row["presence"]] == ["DROPPED", "LEFT", "LEFT"]
    query = "query ($id: ID!) { getMeeting(id: $id) { attendeeCount } }"
    assert (await result(ada, query, id=meeting["id"]))["attendeeCount"] == 0
