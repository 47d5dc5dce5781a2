"""Planning meetings as clients see it: who may plan, change and find them, and who is invited."""

from typing import Any

import pytest

from domain.times import later
from tests.learning import published_course
from tests.resolvers.chat import error, meet, walk
from tests.resolvers.meeting import (
    CANCEL,
    CREATE,
    GET,
    INVITE,
    MINE,
    OF_COURSE,
    PUBLISH,
    ROSTER,
    UPDATE,
    at,
    new_meeting,
    planned,
    result,
    roster,
)
from tests.school import Client, School


def mentor(school: School, name: str = "ada") -> Client:
    return school.as_(name, "Mentors")


async def test_a_meeting_is_planned_with_its_host_guests_and_room(school: School) -> None:
    ada, ben = mentor(school), school.as_("ben")

    made = await new_meeting(school, ada, ben, description=" Bring a scope. ", maxAttendees=3)

    room_id = made.pop("roomId")
    assert made == {
        "id": made["id"],
        "title": "Waders, live",
        "description": "Bring a scope.",
        "hostId": ada.id,
        "courseId": None,
        "parentMeetingId": None,
        "status": "SCHEDULED",
        "startsAt": at(school, seconds=3600),
        "endsAt": at(school, seconds=7200),
        "startedAt": None,
        "endedAt": None,
        "endReason": None,
        "cancelReason": None,
        "maxAttendees": 3,
        "attendeeCount": 0,
        "transcriptionLanguage": None,
        "version": 1,
    }
    rows = await roster(ben, made)
    assert {user: (row["role"], row["status"]) for user, row in rows.items()} == {
        ada.id: ("HOST", "INVITED"),
        ben.id: ("ATTENDEE", "INVITED"),
    }
    assert rows[ben.id]["user"] == {"displayName": "Ben"}
    assert (await result(ben, GET, id=made["id"]))["myAttendee"]["role"] == "ATTENDEE"
    room = await school.sources.rooms.get(room_id)
    assert room is not None
    assert (room.kind, room.name) == ("PRIVATE", "Waders, live")


async def test_a_meeting_may_have_no_room_and_250_seats(school: School) -> None:
    made = await new_meeting(school, mentor(school), withRoom=False)

    assert (made["roomId"], made["maxAttendees"]) == (None, 250)


@pytest.mark.parametrize(
    ("given", "field", "rule"),
    [
        ({"title": " "}, "input.title", "LENGTH"),
        ({"title": "x" * 201}, "input.title", "LENGTH"),
        ({"maxAttendees": 0}, "input.maxAttendees", "RANGE"),
        ({"maxAttendees": 251}, "input.maxAttendees", "RANGE"),
        ({"startsAt": "2036-09-01T10:00:00Z", "endsAt": "2036-09-01T10:00:00Z"}, "input.endsAt", "ORDER"),
        ({"startsAt": "2036-09-01T10:00:00Z", "endsAt": "2036-09-01T22:00:01Z"}, "input.endsAt", "RANGE"),
        ({"startsAt": "2036-08-31T10:00:00Z", "endsAt": "2036-08-31T11:00:00Z"}, "input.endsAt", "FUTURE"),
        ({"inviteUserIds": ["nobody"]}, "input.inviteUserIds", "NO_SUCH_USER"),
        ({"inviteUserIds": [f"user-{number}" for number in range(101)]}, "input.inviteUserIds", "COUNT"),
    ],
)
async def test_a_plan_that_breaks_a_rule_is_refused(
    school: School, given: dict[str, Any], field: str, rule: str
) -> None:
    ada = mentor(school)

    refusal = await ada.refusal(CREATE, input=planned(school, **given))

    assert refusal["errorType"] == "BAD_REQUEST"
    assert (refusal["errorInfo"]["field"], refusal["errorInfo"]["rule"]) == (field, rule)
    assert (await result(ada, MINE))["items"] == []


async def test_only_mentors_plan_and_only_in_their_courses(school: School) -> None:
    course = await published_course(school.store, owner=school.id("ada"))

    assert await error(school.as_("ben"), CREATE, input=planned(school)) == "Unauthorized"
    assert await error(mentor(school, "mia"), CREATE, input=planned(school, courseId=course.id)) == "FORBIDDEN"
    assert await error(mentor(school), CREATE, input=planned(school, courseId="unknown")) == "NOT_FOUND"
    assert (await new_meeting(school, mentor(school), courseId=course.id))["courseId"] == course.id
    assert (await new_meeting(school, school.as_("root", "Admins"), courseId=course.id))["courseId"] == course.id


async def test_a_repeated_create_gives_the_first_meeting_and_invites_nobody_twice(school: School) -> None:
    ada, ben = mentor(school), school.as_("ben")
    await meet(ben)
    given = planned(school, clientToken="m1", inviteUserIds=[ben.id])

    first = await result(ada, CREATE, input=given)
    again = await result(ada, CREATE, input=given)

    assert again == first
    assert await error(ada, CREATE, input={**given, "title": "Other"}) == "IDEMPOTENCY_MISMATCH"
    assert len(await roster(ada, first)) == 2
    assert len((await result(ada, MINE))["items"]) == 1


async def test_only_the_host_changes_a_meeting_and_only_before_it_begins(school: School) -> None:
    ada, ben, mia = mentor(school), school.as_("ben"), mentor(school, "mia")
    made = await new_meeting(school, ada, ben)
    change = {"id": made["id"], "title": "Gulls", "description": None, "maxAttendees": 5}

    assert await error(ben, UPDATE, input=change) == "FORBIDDEN"
    assert await error(mia, UPDATE, input=change) == "NOT_FOUND"
    assert await error(ada, UPDATE, input={**change, "id": "unknown"}) == "NOT_FOUND"
    changed = await result(ada, UPDATE, input={**change, "expectedVersion": 1})
    assert (changed["title"], changed["maxAttendees"], changed["version"]) == ("Gulls", 5, 2)
    conflict = await ada.refusal(UPDATE, input={**change, "expectedVersion": 1})
    assert (conflict["errorType"], conflict["errorInfo"]["currentVersion"]) == ("CONFLICT", 2)
    too_long = {"id": made["id"], "endsAt": later(made["startsAt"], seconds=12 * 3600 + 1)}
    assert await error(ada, UPDATE, input=too_long) == "BAD_REQUEST"

    canceled = await result(ada, CANCEL, id=made["id"], reason=" Fog. ")
    assert (canceled["status"], canceled["cancelReason"], canceled["version"]) == ("CANCELED", "Fog.", 3)
    for query, variables in ((UPDATE, {"input": change}), (CANCEL, {"id": made["id"]})):
        refusal = await ada.refusal(query, **variables)
        assert (refusal["errorType"], refusal["errorInfo"]["status"]) == ("INVALID_STATE", "CANCELED")


async def test_invitations_reach_each_user_once(school: School) -> None:
    ada, ben, eve = mentor(school), school.as_("ben"), school.as_("eve")
    made = await new_meeting(school, ada, ben)
    await meet(eve)
    school.published.clear()

    await result(ada, INVITE, id=made["id"], users=[eve.id, ben.id, eve.id, ada.id])

    assert sorted(await roster(ada, made)) == sorted([ada.id, ben.id, eve.id])
    assert school.published == [
        ("publishMeeting", {"id": made["id"]}),
        ("publishMeetingAttendee", {"meeting_id": made["id"], "user_id": eve.id}),
    ]
    assert await error(ben, INVITE, id=made["id"], users=[eve.id]) == "FORBIDDEN"
    assert await error(ada, INVITE, id=made["id"], users=["nobody"]) == "BAD_REQUEST"
    await result(ada, CANCEL, id=made["id"])
    assert await error(ada, INVITE, id=made["id"], users=[eve.id]) == "INVALID_STATE"


async def test_a_meeting_is_known_to_its_guests_and_to_the_members_of_its_course(school: School) -> None:
    course = await published_course(school.store, owner=school.id("ada"))
    ada, ben, eve = mentor(school), school.as_("ben"), school.as_("eve")
    await eve.data("mutation ($id: ID!) { enrollInCourse(input: { courseId: $id }) { status } }", id=course.id)
    private, of_course = await new_meeting(school, ada, ben), await new_meeting(school, ada, courseId=course.id)

    seen = {
        name: [(await result(client, GET, id=meeting["id"])) is not None for meeting in (private, of_course)]
        for name, client in {"host": ada, "guest": ben, "learner": eve, "stranger": school.as_("cem")}.items()
    }

    assert seen == {"host": [True, True], "guest": [True, False], "learner": [False, True], "stranger": [False, False]}
    assert await result(ben, GET, id="unknown") is None
    assert await error(school.as_("cem"), ROSTER, id=private["id"]) == "NOT_FOUND"
    assert await error(school.as_("cem"), OF_COURSE, course=course.id) == "ENROLLMENT_REQUIRED"
    assert (await result(eve, OF_COURSE, course=course.id))["items"][0]["id"] == of_course["id"]


async def test_lists_go_by_start_and_range(school: School) -> None:
    course = await published_course(school.store, owner=school.id("ada"))
    ada = mentor(school)
    made = [await new_meeting(school, ada, courseId=course.id, **_at(school, hours)) for hours in (5, 1, 3)]
    by_start = [made[1]["id"], made[2]["id"], made[0]["id"]]
    window = {"from": at(school, seconds=3600), "to": at(school, seconds=3 * 3600)}

    for query, variables in ((OF_COURSE, {"course": course.id}), (MINE, {})):
        assert [item["id"] for item in await walk(ada, query, 2, **variables)] == by_start
        assert [item["id"] for item in await walk(ada, query, 2, range=window, **variables)] == by_start[:1]
        nothing = {"from": window["to"], "to": window["to"]}
        assert await error(ada, query, range=nothing, **variables) == "BAD_REQUEST"


async def test_publishing_is_the_backends_and_changes_nothing(school: School) -> None:
    ada = mentor(school)
    made = await new_meeting(school, ada)

    for client in (ada, school.as_("root", "Admins"), school.visitor):
        assert await error(client, PUBLISH, id=made["id"]) == "Unauthorized"
    assert await result(school.backend, PUBLISH, id=made["id"]) == made
    assert await result(school.backend, PUBLISH, id="unknown") is None


def _at(school: School, hours: float) -> dict[str, str]:
    return {"startsAt": at(school, seconds=hours * 3600), "endsAt": at(school, seconds=hours * 3600 + 60)}
