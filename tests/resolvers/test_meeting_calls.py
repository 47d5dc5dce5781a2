"""Meetings while they go on, over either engine: opening, joining, leaving, putting out, ending."""

from functools import partial
from typing import Any

import pytest

from domain.times import later
from tests.calling import Hall, drain_meetings
from tests.learning import crowd, published_course
from tests.races import at_once, successes
from tests.resolvers.chat import error, meet
from tests.resolvers.meeting import (
    CANCEL,
    END,
    GET,
    INVITE,
    JOIN,
    LEAVE,
    REMOVE,
    ROLE,
    ROSTER,
    START,
    at,
    join,
    live_meeting,
    new_meeting,
    result,
    roster,
)
from tests.school import Client, School


def mentor(school: School, name: str = "ada") -> Client:
    return school.as_(name, "Mentors")


def changed(school: School, mutation: str) -> list[dict[str, Any]]:
    return [key for name, key in school.published if name == mutation]


async def test_the_host_opens_a_meeting_a_quarter_of_an_hour_early_at_most(hall: Hall) -> None:
    school = hall.school
    ada, ben = mentor(school), school.as_("ben")
    made = await new_meeting(school, ada, ben, hours=1)
    school.clock.advance(seconds=45 * 60 - 0.001)

    early = await ada.refusal(START, id=made["id"])
    assert (early["errorType"], early["errorInfo"]["opensAt"]) == (
        "MEETING_TOO_EARLY",
        later(made["startsAt"], seconds=-900),
    )
    assert await error(ben, START, id=made["id"]) == "FORBIDDEN"
    assert await error(ben, JOIN, id=made["id"]) == "MEETING_NOT_LIVE"
    school.clock.advance(seconds=0.001)
    started = await result(ada, START, id=made["id"])

    assert (started["status"], started["startedAt"], started["version"]) == ("LIVE", school.clock.now(), 2)
    assert await result(ada, START, id=made["id"]) == started


async def test_ten_starts_at_once_make_one_call_and_one_event(hall: Hall) -> None:
    school = hall.school
    made = await new_meeting(school, mentor(school), hours=0)
    school.published.clear()
    start = partial(school.sources.calls.start, made["id"], time_zone="UTC", now=school.clock.now())

    meetings = [meeting for meeting, _ in successes(await at_once([start] * 10))]

    assert len(meetings) == 10
    assert len({meeting.session.meeting_id for meeting in meetings if meeting.session}) == 1
    assert {meeting.version for meeting in meetings} == {2}
    if hall.chime is not None:
        assert len(hall.chime.calls) == 1


async def test_the_media_region_is_near_the_host(hall: Hall) -> None:
    school = hall.school
    ada = mentor(school)
    await ada.data('mutation { updateSettings(input: { timeZone: "America/New_York" }) { timeZone } }')
    joined = await join(ada, await live_meeting(school, ada))

    assert joined["mediaRegion"] == ("local" if hall.chime is None else "us-east-1")


async def test_joining_gives_credentials_and_the_same_ones_again(hall: Hall) -> None:
    school = hall.school
    ada, ben = mentor(school), school.as_("ben")
    meeting = await live_meeting(school, ada, ben)
    school.published.clear()

    joined = await join(ben, meeting)
    again = await join(ben, meeting)
    other = await join(ada, meeting)

    for each in (joined, again, other):
        each.pop("meeting")
    assert joined == again
    assert joined["externalUserId"] == ben.id
    assert joined["chimeMeetingId"] == other["chimeMeetingId"]
    assert joined["joinToken"] != other["joinToken"]
    assert joined["mediaPlacement"]["signalingUrl"].startswith("ws")
    assert {row["user_id"] for row in changed(school, "publishMeetingAttendee")} == {ada.id, ben.id}
    rows = await roster(ada, meeting)
    assert (rows[ben.id]["status"], rows[ben.id]["joinedAt" if hall.chime else "leftAt"]) == ("JOINED", None)
    assert (await result(ada, GET, id=meeting["id"]))["attendeeCount"] == 2


async def test_ten_joins_of_one_user_at_once_take_one_seat(every_hall: Hall) -> None:
    school = every_hall.school
    ada, ben = mentor(school), school.as_("ben")
    meeting = await live_meeting(school, ada, ben)

    joins = successes(await at_once([partial(join, ben, meeting)] * 10))

    assert len(joins) == 10
    assert len({each["chimeAttendeeId"] for each in joins}) == 1
    assert (await result(ada, GET, id=meeting["id"]))["attendeeCount"] == 1
    if every_hall.chime is not None:
        [call] = every_hall.chime.calls.values()
        assert len(call.attendees) == 1


async def test_as_many_are_admitted_as_there_are_seats(every_hall: Hall) -> None:
    school = every_hall.school
    ada = mentor(school)
    guests = [school.as_(f"guest-{number}") for number in crowd(school.store, 50)]
    seats = len(guests) - 4
    meeting = await live_meeting(school, ada, *guests, maxAttendees=seats)

    answers = successes(await at_once([partial(guest.run, JOIN, id=meeting["id"]) for guest in guests]))

    refusals = [error["errorType"] for answer in answers for error in answer.get("errors", [])]
    assert refusals == ["MEETING_FULL"] * (len(guests) - seats)
    assert (await result(ada, GET, id=meeting["id"]))["attendeeCount"] == seats
    joined = [row for row in (await roster(ada, meeting)).values() if row["status"] == "JOINED"]
    assert len(joined) == seats
    leaving = next(guest for guest in guests if guest.id == joined[0]["userId"])
    await result(leaving, LEAVE, id=meeting["id"])
    assert (await join(ada, meeting))["meeting"]["attendeeCount"] == seats


async def test_a_course_member_joins_without_an_invitation_and_a_stranger_does_not(hall: Hall) -> None:
    school = hall.school
    course = await published_course(school.store, owner=school.id("ada"))
    eve = school.as_("eve")
    await eve.data("mutation ($id: ID!) { enrollInCourse(input: { courseId: $id }) { status } }", id=course.id)
    meeting = await live_meeting(school, mentor(school), courseId=course.id)

    assert (await join(eve, meeting))["externalUserId"] == eve.id
    assert await error(school.as_("cem"), JOIN, id=meeting["id"]) == "NOT_FOUND"
    assert (await result(eve, GET, id=meeting["id"]))["myAttendee"]["status"] == "JOINED"


async def test_presence_is_what_was_seen_and_is_shown_to_few(every_hall: Hall) -> None:
    school = every_hall.school
    ada, ben, eve = mentor(school), school.as_("ben"), school.as_("eve")
    meeting = await live_meeting(school, ada, ben, eve)
    came = school.clock.now()
    await every_hall.enter(await join(ben, meeting))
    school.clock.advance(seconds=90.9)

    left = await result(ben, LEAVE, id=meeting["id"])

    gone = school.clock.now()
    assert left["status"] == "LEFT"
    assert left["presence"] == [{"joinedAt": came, "leftAt": gone, "leaveReason": "LEFT"}]
    assert (left["joinedAt"], left["leftAt"], left["attendedSeconds"]) == (came, gone, 90)
    await every_hall.drain()
    for client in (ada, ben):
        assert (await roster(client, meeting))[ben.id]["presence"] == left["presence"]
    hidden = (await roster(eve, meeting))[ben.id]
    assert (hidden["joinedAt"], hidden["leftAt"], hidden["presence"]) == (None, None, [])
    assert (await result(ada, ROLE, input=_role(meeting, eve, "CO_HOST")))["role"] == "CO_HOST"
    assert (await roster(eve, meeting))[ben.id]["presence"] == left["presence"]
    published = await result(school.backend, _PUBLISH_ATTENDEE, id=meeting["id"], user=ben.id)
    assert (published["joinedAt"], published["leftAt"], published["presence"]) == (None, None, [])
    assert published["attendedSeconds"] == 90


async def test_leaving_frees_the_seat_and_voids_the_credentials(hall: Hall) -> None:
    school = hall.school
    ada, ben = mentor(school), school.as_("ben")
    meeting = await live_meeting(school, ada, ben)
    assert await error(ben, LEAVE, id=meeting["id"]) == "INVALID_STATE"
    first = await join(ben, meeting)

    left = await result(ben, LEAVE, id=meeting["id"])
    assert await result(ben, LEAVE, id=meeting["id"]) == left

    assert (await result(ada, GET, id=meeting["id"]))["attendeeCount"] == 0
    second = await join(ben, meeting)
    assert second["chimeAttendeeId"] != first["chimeAttendeeId"]
    assert second["joinToken"] != first["joinToken"]


async def test_who_is_removed_stays_out_until_the_host_invites_again(every_hall: Hall) -> None:
    school = every_hall.school
    ada, ben, eve = mentor(school), school.as_("ben"), school.as_("eve")
    meeting = await live_meeting(school, ada, ben, eve)
    await every_hall.enter(await join(ben, meeting))
    school.clock.advance(seconds=5)

    assert await error(eve, REMOVE, id=meeting["id"], user=ben.id) == "FORBIDDEN"
    await result(ada, ROLE, input=_role(meeting, eve, "CO_HOST"))
    removed = await result(eve, REMOVE, id=meeting["id"], user=ben.id)

    assert (removed["status"], removed["attendedSeconds"]) == ("REMOVED", 5)
    assert [each["leaveReason"] for each in removed["presence"]] == ["REMOVED"]
    assert school.rechecked == [ben.id]
    await every_hall.drain()
    assert (await roster(ada, meeting))[ben.id] == {**removed, "user": {"displayName": "Ben"}}
    assert await result(eve, REMOVE, id=meeting["id"], user=ben.id) == removed
    for query in (JOIN, ROSTER):
        assert await error(ben, query, id=meeting["id"]) == "REMOVED_FROM_MEETING"
    assert (await result(ada, GET, id=meeting["id"]))["attendeeCount"] == 0
    assert await error(eve, REMOVE, id=meeting["id"], user=ada.id) == "FORBIDDEN"
    assert await error(eve, REMOVE, id=meeting["id"], user="nobody") == "NOT_FOUND"
    assert await error(eve, INVITE, id=meeting["id"], users=[ben.id]) == "FORBIDDEN"
    await result(ada, INVITE, id=meeting["id"], users=[ben.id])
    assert (await join(ben, meeting))["externalUserId"] == ben.id


@pytest.mark.parametrize(
    ("role", "refusal"), [("HOST", "BAD_REQUEST"), ("CO_HOST", "FORBIDDEN"), ("ATTENDEE", "FORBIDDEN")]
)
async def test_there_is_one_host_for_ever(school: School, role: str, refusal: str) -> None:
    ada, ben = mentor(school), school.as_("ben")
    meeting = await live_meeting(school, ada, ben)
    target = ben if role == "HOST" else ada

    assert await error(ada, ROLE, input=_role(meeting, target, role)) == refusal
    assert await error(ben, ROLE, input=_role(meeting, ben, "CO_HOST")) == "FORBIDDEN"


async def test_an_end_is_for_everybody_and_for_good(every_hall: Hall) -> None:
    school = every_hall.school
    ada, ben = mentor(school), school.as_("ben")
    meeting = await live_meeting(school, ada, ben)
    assert await error(ben, END, id=meeting["id"]) == "FORBIDDEN"
    await every_hall.enter(await join(ben, meeting))
    await join(ada, meeting)
    school.clock.advance(seconds=60)

    ended = await result(ada, END, id=meeting["id"])
    assert (ended["status"], ended["endReason"], ended["endedAt"]) == ("ENDED", "HOST", school.clock.now())
    assert await result(ada, END, id=meeting["id"]) == ended
    await every_hall.drain()

    rows = await roster(ada, meeting)
    assert {row["status"] for row in rows.values()} == {"LEFT"}
    assert rows[ben.id]["attendedSeconds"] == 60
    assert [each["leaveReason"] for each in rows[ben.id]["presence"]] == ["MEETING_ENDED"]
    assert (await result(ada, GET, id=meeting["id"]))["attendeeCount"] == 0
    assert await error(ben, JOIN, id=meeting["id"]) == "MEETING_NOT_LIVE"
    assert await error(ada, START, id=meeting["id"]) == "INVALID_STATE"
    assert await error(ada, REMOVE, id=meeting["id"], user=ben.id) == "INVALID_STATE"
    before = await roster(ada, meeting)
    school.clock.advance(days=365)
    await every_hall.drain()
    assert await roster(ada, meeting) == before


async def test_a_meeting_that_has_not_begun_cannot_end_and_a_live_one_cannot_be_canceled(school: School) -> None:
    ada = mentor(school)
    planned, live = await new_meeting(school, ada), await live_meeting(school, ada)

    assert await error(ada, END, id=planned["id"]) == "INVALID_STATE"
    assert await error(ada, CANCEL, id=live["id"]) == "INVALID_STATE"


async def test_a_lost_call_is_made_anew_by_who_joins(every_hall: Hall) -> None:
    school = every_hall.school
    ada, ben, eve = mentor(school), school.as_("ben"), school.as_("eve")
    meeting = await live_meeting(school, ada, ben, eve)
    first = await join(ben, meeting)
    await every_hall.enter(first)
    school.clock.advance(seconds=30)
    await every_hall.end_call(first)  # and nobody has told us yet
    school.clock.advance(seconds=30)

    second, third = successes(await at_once([partial(join, ben, meeting), partial(join, eve, meeting)]))

    assert second["chimeMeetingId"] == third["chimeMeetingId"] != first["chimeMeetingId"]
    await every_hall.enter(second)
    school.clock.advance(seconds=10)
    await result(ben, LEAVE, id=meeting["id"])
    await every_hall.drain()
    row = (await roster(ada, meeting))[ben.id]
    assert (await result(ada, GET, id=meeting["id"]))["status"] == "LIVE"
    assert row["attendedSeconds"] == 40
    assert [each["leaveReason"] for each in row["presence"]] == ["MEETING_ENDED", "LEFT"]


async def test_a_call_that_ended_by_itself_ends_its_meeting(every_hall: Hall) -> None:
    school = every_hall.school
    ada, ben = mentor(school), school.as_("ben")
    meeting = await live_meeting(school, ada, ben)
    joined = await join(ben, meeting)
    await every_hall.enter(joined)
    school.clock.advance(seconds=300)
    await every_hall.end_call(joined)
    ended_at = school.clock.now()
    school.clock.advance(seconds=2)

    await every_hall.drain()

    found = await result(ada, GET, id=meeting["id"])
    assert (found["status"], found["endReason"], found["endedAt"]) == ("ENDED", "TIMED_OUT", ended_at)
    row = (await roster(ada, meeting))[ben.id]
    assert row["presence"] == [
        {"joinedAt": at(school, seconds=-302), "leftAt": ended_at, "leaveReason": "MEETING_ENDED"}
    ]


async def test_a_call_whose_end_was_never_told_is_found_out(chime_hall: Hall) -> None:
    school, chime = chime_hall.school, chime_hall.service
    ada = mentor(school)
    meeting = await live_meeting(school, ada)
    joined = await join(ada, meeting)
    await chime_hall.enter(joined)
    chime.end(joined["chimeMeetingId"])
    chime.events.pop()

    school.clock.advance(seconds=3599)
    await chime_hall.drain()
    assert (await result(ada, GET, id=meeting["id"]))["status"] == "LIVE"
    school.clock.advance(seconds=1)
    await chime_hall.drain()

    found = await result(ada, GET, id=meeting["id"])
    assert (found["status"], found["endReason"]) == ("ENDED", "TIMED_OUT")


async def test_an_unlucky_join_leaves_no_seat_taken(chime_hall: Hall) -> None:
    school = chime_hall.school
    ada, ben = mentor(school), school.as_("ben")
    meeting = await live_meeting(school, ada, ben)
    chime_hall.service.broken = ["ForbiddenException"]

    assert await error(ben, JOIN, id=meeting["id"]) == "DEPENDENCY_FAILED"

    assert (await roster(ada, meeting))[ben.id]["status"] == "INVITED"
    assert (await result(ada, GET, id=meeting["id"]))["attendeeCount"] == 0


async def test_a_moved_meeting_moves_in_everybodys_list(school: School) -> None:
    ada, ben = mentor(school), school.as_("ben")
    made = await new_meeting(school, ada, ben, hours=1)
    query = "query ($range: TimeRangeInput) { listMyMeetings(range: $range) { items { id } } }"
    moved_to = later(made["startsAt"], seconds=7200)
    await meet(ben)

    await ada.data(
        "mutation ($input: UpdateMeetingInput!) { updateMeeting(input: $input) { id } }",
        input={"id": made["id"], "startsAt": moved_to, "endsAt": later(moved_to, seconds=60)},
    )
    await drain_meetings(school)

    window = {"from": moved_to, "to": later(moved_to, seconds=1)}
    assert (await result(ben, query, range=window))["items"] == [{"id": made["id"]}]


def _role(meeting: dict[str, Any], client: Client, role: str) -> dict[str, Any]:
    return {"meetingId": meeting["id"], "userId": client.id, "role": role}


_PUBLISH_ATTENDEE = """mutation ($id: ID!, $user: ID!) { publishMeetingAttendee(meetingId: $id, userId: $user) {
  joinedAt leftAt attendedSeconds presence { joinedAt } } }"""
