"""What goes with a meeting: its chat room, what its guests are told, and who may listen to what."""

from typing import Any

from domain.times import later
from tests.calling import drain_meetings
from tests.learning import published_course
from tests.resolvers.chat import JOIN as JOIN_ROOM
from tests.resolvers.chat import LEAVE, error, meet, moderate, send
from tests.resolvers.meeting import CANCEL, INVITE, REMOVE, UPDATE, join, live_meeting, new_meeting, result
from tests.resolvers.test_room_subscriptions import gate, refused
from tests.school import Client, School

MY_ROOMS = "{ listMyRooms { items { roomId role status } } }"
REMINDER = "A meeting begins soon"
NOTICES = "{ listNotifications(limit: 100) { items { category title body path } } }"


def mentor(school: School, name: str = "ada") -> Client:
    return school.as_(name, "Mentors")


async def rooms(client: Client) -> dict[str, tuple[str, str]]:
    page = await result(client, MY_ROOMS)
    return {row["roomId"]: (row["role"], row["status"]) for row in page["items"]}


async def told(client: Client) -> list[str]:
    """Titles, the oldest first."""
    page = await result(client, NOTICES)
    return [notice["title"] for notice in reversed(page["items"]) if notice["category"] == "MEETING"]


async def test_a_meetings_room_has_its_guests_and_whoever_comes_in(school: School) -> None:
    course = await published_course(school.store, owner=school.id("ada"))
    ada, ben, eve = mentor(school), school.as_("ben"), school.as_("eve")
    await eve.data("mutation ($id: ID!) { enrollInCourse(input: { courseId: $id }) { status } }", id=course.id)
    meeting = await live_meeting(school, ada, ben, courseId=course.id)
    room = {"id": meeting["roomId"]}
    await drain_meetings(school)

    assert await rooms(ada) == {room["id"]: ("OWNER", "JOINED")}
    assert await rooms(ben) == {room["id"]: ("MEMBER", "JOINED")}
    assert await rooms(eve) == {}
    await join(eve, meeting)
    await drain_meetings(school)
    assert (await send(eve, room, "Here I am"))["senderId"] == eve.id


async def test_who_is_put_out_of_a_meeting_is_put_out_of_its_room(school: School) -> None:
    ada, ben = mentor(school), school.as_("ben")
    meeting = await live_meeting(school, ada, ben)
    room = {"id": meeting["roomId"]}
    await drain_meetings(school)

    await result(ada, REMOVE, id=meeting["id"], user=ben.id)
    await drain_meetings(school)

    assert await rooms(ben) == {}
    assert await error(ben, JOIN_ROOM, room=room["id"]) == "MEMBER_BANNED"
    assert school.rechecked == [ben.id, ben.id]
    await result(ada, INVITE, id=meeting["id"], users=[ben.id])
    await drain_meetings(school)
    assert await rooms(ben) == {room["id"]: ("MEMBER", "JOINED")}


async def test_a_room_is_left_and_moderated_like_any_other(school: School) -> None:
    ada, ben, eve = mentor(school), school.as_("ben"), school.as_("eve")
    meeting = await live_meeting(school, ada, ben, eve)
    room = {"id": meeting["roomId"]}
    await drain_meetings(school)
    await result(ben, LEAVE, room=room["id"])
    await moderate(ada, room, eve, status="BANNED")

    for client in (ben, eve):
        await join(client, meeting)
    await drain_meetings(school)

    assert (await rooms(ben), await rooms(eve)) == ({}, {})


async def test_guests_are_told_once_of_what_happens(school: School) -> None:
    ada, ben, eve = mentor(school), school.as_("ben"), school.as_("eve")
    made = await new_meeting(school, ada, ben, hours=2)
    await meet(eve)
    await drain_meetings(school)
    assert await told(ben) == ["You are invited"]

    school.clock.advance(seconds=1)
    await result(ada, UPDATE, input={"id": made["id"], "title": "Gulls"})
    await result(ada, INVITE, id=made["id"], users=[ben.id, eve.id])
    await drain_meetings(school)
    assert (await told(ben), await told(eve)) == (["You are invited"], ["You are invited"])
    starts_at = later(made["startsAt"], seconds=600)
    await result(ada, UPDATE, input={"id": made["id"], "startsAt": starts_at})
    await drain_meetings(school)
    school.clock.advance(seconds=1)
    await result(ada, CANCEL, id=made["id"])
    await drain_meetings(school)

    assert await told(ben) == ["You are invited", "The meeting was moved", "The meeting was canceled"]
    assert await told(ada) == []
    newest = (await result(ben, NOTICES))["items"][0]
    assert (newest["body"], newest["path"]) == ("Gulls does not take place.", f"/meetings/{made['id']}")


async def test_everybody_is_reminded_once_a_quarter_of_an_hour_before(school: School) -> None:
    ada, ben, eve = mentor(school), school.as_("ben"), school.as_("eve")
    made = await new_meeting(school, ada, ben, eve, hours=1)
    canceled = await new_meeting(school, ada, ben, hours=1)
    await result(ada, CANCEL, id=canceled["id"])
    await result(ada, REMOVE, id=made["id"], user=eve.id)
    await drain_meetings(school)
    school.clock.advance(seconds=45 * 60 - 1)
    await drain_meetings(school)
    assert REMINDER not in await told(ben)

    school.clock.advance(seconds=1)
    for _ in range(2):
        await drain_meetings(school)
        school.clock.advance(seconds=20)

    assert (await told(ben)).count(REMINDER) == 1
    assert await told(ada) == [REMINDER]
    assert REMINDER not in await told(eve)


async def test_reminders_that_are_too_late_are_left_out(school: School) -> None:
    ada = mentor(school)
    await drain_meetings(school)
    await new_meeting(school, ada, hours=1)
    school.clock.advance(seconds=3600)

    await drain_meetings(school)

    assert await told(ada) == []


async def test_only_who_attends_listens(school: School) -> None:
    course = await published_course(school.store, owner=school.id("ada"))
    ada, ben, eve, cem = mentor(school), school.as_("ben"), school.as_("eve"), school.as_("cem")
    await eve.data("mutation ($id: ID!) { enrollInCourse(input: { courseId: $id }) { status } }", id=course.id)
    private = await new_meeting(school, ada, ben)
    of_course = await new_meeting(school, ada, courseId=course.id)

    for name in ("onMeetingAttendeeChanged", "onMeetingRecordingUpdated"):
        assert await refused(ada, name) == "BAD_REQUEST"
        assert await gate(ben, name, meeting_id=private["id"]) is None
        assert await gate(eve, name, meeting_id=of_course["id"]) is None
        for client, meeting_id in ((eve, private["id"]), (cem, of_course["id"]), (cem, "unknown")):
            assert await refused(client, name, meeting_id=meeting_id) == "FORBIDDEN"
    assert await refused(ada, "onMeetingUpdated") == "BAD_REQUEST"
    assert await gate(ben, "onMeetingUpdated", id=private["id"]) is None
    assert await gate(eve, "onMeetingUpdated", course_id=course.id) is None
    assert await refused(cem, "onMeetingUpdated", course_id=course.id) == "FORBIDDEN"
    assert await refused(eve, "onMeetingUpdated", id=private["id"], course_id=course.id) == "FORBIDDEN"
    await result(ada, REMOVE, id=private["id"], user=ben.id)
    assert await refused(ben, "onMeetingUpdated", id=private["id"]) == "FORBIDDEN"


async def test_hostile_ids_find_nothing_and_break_nothing(school: School) -> None:
    ada = mentor(school)
    meeting = await new_meeting(school, ada)

    for text in ("#EVENT#", "#ENDED#x", "x' OR 1", "$a", "\u202e", "a" * 129, "../..", "", ":v"):
        for query, variables in (
            ("query ($x: ID!) { getMeeting(id: $x) { id } }", {"x": text}),
            ("mutation ($x: ID!) { joinMeeting(id: $x) { joinToken } }", {"x": text}),
            ("mutation ($x: ID!) { publishMeetingRecording(id: $x) { id } }", {"x": text}),
            (REMOVE, {"id": meeting["id"], "user": text}),
            (INVITE, {"id": meeting["id"], "users": [text]}),
        ):
            payload: dict[str, Any] = await ada.run(query, **variables)
            kinds = {fault["errorType"] for fault in payload.get("errors", [])}
            assert kinds <= {"BAD_REQUEST", "NOT_FOUND", "Unauthorized"}, payload
