"""What workers make of calls and clocks: marks, absences, early leavers, and totals that are exact."""

from typing import Any

from datasources.tables import ANALYTICS, ATTENDANCE
from domain.meetings import canceled_meeting
from tests.attending import ended, opened, was_seen
from tests.resolvers.attendance import (
    CHECK_IN,
    SUMMARIES,
    allow,
    history,
    lesson_by_call,
    override,
    statuses,
)
from tests.resolvers.meeting import INVITE, new_meeting, result
from tests.school import Client, School

HOUR = 3600


async def totals(school: School, meeting: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Of each learner: present, late, left early, absent, excused, percent."""
    page = await result(school.as_("ada", "Mentors"), SUMMARIES, course=meeting["courseId"], limit=100)
    return {
        row["userId"]: tuple(
            row[name]
            for name in (
                "presentCount",
                "lateCount",
                "leftEarlyCount",
                "absentCount",
                "excusedCount",
                "attendancePercent",
            )
        )
        for row in page["items"]
    }


def people(school: School) -> tuple[Client, Client, Client, Client]:
    return school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve"), school.as_("cem")


async def test_who_is_seen_in_the_call_is_marked_at_that_moment(school: School) -> None:
    ada, ben, eve, cem = people(school)
    meeting = await lesson_by_call(school, ben, eve, cem)
    await opened(school, meeting["id"])
    school.clock.advance(seconds=1200)
    await was_seen(school, meeting["id"], ben.id, (5, None))
    await was_seen(school, meeting["id"], eve.id, (15, 16))

    await school.drain("attendance")

    assert await statuses(ada, meeting) == {ben.id: ("PRESENT", "JOIN"), eve.id: ("LATE", "JOIN")}
    assert ("publishAttendance", {"meeting_id": meeting["id"], "user_id": ben.id}) in school.published
    before = len(school.published)
    await was_seen(school, meeting["id"], ben.id, (5, 18), (19, None))
    await school.drain("attendance")
    assert len(school.published) == before
    assert len(await history(ada, meeting, ben)) == 1


async def test_who_is_in_the_call_before_the_window_is_marked_as_it_opens(school: School) -> None:
    ada, ben, *_ = people(school)
    meeting = await lesson_by_call(school, ben)
    school.clock.advance(seconds=HOUR - 720)
    await was_seen(school, meeting["id"], ben.id, (-12, None))
    await school.drain("attendance")
    assert await statuses(ada, meeting) == {}

    school.clock.advance(seconds=120)
    await school.drain("attendance")

    assert await statuses(ada, meeting) == {ben.id: ("PRESENT", "JOIN")}
    [change] = await history(ada, meeting, ben)
    assert change["changedAt"] == school.clock.now()


async def test_where_being_there_is_no_way_nobody_is_marked_by_it(school: School) -> None:
    ada, ben, *_ = people(school)
    meeting = await lesson_by_call(school, ben)
    await allow(ada, meeting, "CHALLENGE")
    await opened(school, meeting["id"])
    await was_seen(school, meeting["id"], ben.id, (0, 60))
    school.clock.advance(seconds=2 * HOUR)
    await school.drain("attendance")
    assert await statuses(ada, meeting) == {ben.id: ("ABSENT", "AUTOMATIC")}


async def test_after_the_window_learners_and_guests_without_a_mark_are_absent(school: School) -> None:
    ada, ben, eve, cem = people(school)
    guest, late = school.as_("guest"), school.as_("late")
    meeting = await lesson_by_call(school, ben, eve, cem)
    for client in (guest, late):
        await client.data("{ getMe { id } }")
    await ada.data(INVITE, id=meeting["id"], users=[guest.id])
    await opened(school, meeting["id"])
    await was_seen(school, meeting["id"], ben.id, (0, 50))
    await school.drain("attendance")
    await override(ada, meeting, eve, "EXCUSED")
    school.clock.advance(seconds=HOUR + 59)
    await school.drain("attendance")
    assert cem.id not in await statuses(ada, meeting)  # what was seen in the last minute may be on its way

    school.clock.advance(seconds=1)
    enroll = "mutation ($id: ID!) { enrollInCourse(input: {courseId: $id}) { id } }"
    await late.data(enroll, id=meeting["courseId"])
    await school.drain("attendance")

    assert await statuses(ada, meeting) == {
        ben.id: ("PRESENT", "JOIN"),
        eve.id: ("EXCUSED", "MANUAL"),
        cem.id: ("ABSENT", "AUTOMATIC"),
        guest.id: ("ABSENT", "AUTOMATIC"),
    }  # neither the host nor who came into the course later
    await school.drain("attendance")
    assert len(await history(ada, meeting, cem)) == 1


async def test_a_meeting_that_did_not_take_place_makes_nobody_absent(school: School) -> None:
    ada, ben, *_ = people(school)
    canceled, never_opened = [await lesson_by_call(school, ben) for _ in range(2)]
    await school.sources.meetings.update(canceled["id"], lambda meeting: canceled_meeting(meeting, None))
    for hours in (2, 1, 24):
        school.clock.advance(seconds=hours * HOUR)
        await school.drain("attendance")
    for meeting in (canceled, never_opened):
        assert await statuses(ada, meeting) == {}
        assert await school.store.get(ATTENDANCE, {"meetingId": meeting["id"], "userId": "#WORK"}) is None


async def test_a_meeting_opened_long_after_its_plan_is_settled_all_the_same(school: School) -> None:
    ada, ben, *_ = people(school)
    meeting = await lesson_by_call(school, ben)
    school.clock.advance(seconds=5 * HOUR)
    await school.drain("attendance")
    await opened(school, meeting["id"])
    school.clock.advance(seconds=HOUR)
    await school.drain("attendance")
    assert await statuses(ada, meeting) == {ben.id: ("ABSENT", "AUTOMATIC")}


async def test_who_was_there_too_short_a_time_left_early_once_the_meeting_is_over(school: School) -> None:
    ada, ben, eve, cem = people(school)
    meeting = await lesson_by_call(school, ben, eve, cem)
    await allow(ada, meeting, "JOIN", minimumAttendedSeconds=1800)
    await opened(school, meeting["id"])
    school.clock.advance(seconds=HOUR)
    await was_seen(school, meeting["id"], ben.id, (0, 20), (30, 40))
    await was_seen(school, meeting["id"], eve.id, (0, 20), (30, 39.9))
    await school.drain("attendance")
    assert (await statuses(ada, meeting))[eve.id] == ("PRESENT", "JOIN")
    await override(ada, meeting, cem, "PRESENT")
    await ended(school, meeting["id"])
    school.clock.advance(seconds=HOUR)
    await school.drain("attendance")

    assert await statuses(ada, meeting) == {
        ben.id: ("PRESENT", "JOIN"),
        eve.id: ("LEFT_EARLY", "JOIN"),
        cem.id: ("PRESENT", "MANUAL"),
    }
    assert [change["status"] for change in await history(ada, meeting, eve)] == ["LEFT_EARLY", "PRESENT"]

    await was_seen(school, meeting["id"], eve.id, (0, 20), (30, 45))  # news that came late
    await school.drain("attendance")
    assert (await statuses(ada, meeting))[eve.id] == ("PRESENT", "JOIN")
    assert (await totals(school, meeting))[eve.id] == (1, 0, 0, 0, 0, 100)


async def test_totals_count_a_courses_ended_meetings_exactly(school: School) -> None:
    ada, ben, eve, cem = people(school)
    first = await lesson_by_call(school, ben, eve, cem)
    await opened(school, first["id"])
    await was_seen(school, first["id"], ben.id, (0, 55))
    await was_seen(school, first["id"], eve.id, (20, 55))
    school.clock.advance(seconds=HOUR + 60)
    await school.drain("attendance")
    assert await totals(school, first) == {}  # the meeting goes on
    await ended(school, first["id"])
    school.clock.advance(seconds=HOUR)
    await school.drain("attendance")
    counted = {ben.id: (1, 0, 0, 0, 0, 100), eve.id: (0, 1, 0, 0, 0, 100), cem.id: (0, 0, 0, 1, 0, 0)}
    assert await totals(school, first) == counted

    await override(ada, first, cem, "EXCUSED")
    await override(ada, first, eve, "ABSENT")
    await school.drain("attendance")
    counted |= {eve.id: (0, 0, 0, 1, 0, 0), cem.id: (0, 0, 0, 0, 1, 100)}
    assert await totals(school, first) == counted
    await school.drain("attendance")
    assert await totals(school, first) == counted


async def test_a_record_made_by_hand_after_the_end_counts_once(school: School) -> None:
    ada, ben, *_ = people(school)
    meeting = await lesson_by_call(school)
    await opened(school, meeting["id"])
    await ended(school, meeting["id"])
    school.clock.advance(seconds=3 * HOUR)
    await school.drain("attendance")
    await ben.data("{ getMe { id } }")
    await ben.data("mutation ($id: ID!) { enrollInCourse(input: {courseId: $id}) { id } }", id=meeting["courseId"])
    await override(ada, meeting, ben, "PRESENT")
    await override(ada, meeting, ben, "LATE")
    await school.drain("attendance")
    assert await totals(school, meeting) == {ben.id: (0, 1, 0, 0, 0, 100)}
    rows = (await school.store.query(ANALYTICS, f"ATT#{meeting['courseId']}")).items
    assert [row["sk"] for row in rows] == [ben.id]


async def test_a_meeting_without_a_course_has_records_and_no_totals(school: School) -> None:
    ada, ben, *_ = people(school)
    meeting = await new_meeting(school, ada, ben)
    await opened(school, meeting["id"])
    await was_seen(school, meeting["id"], ben.id, (0, None))
    assert (await result(ben, CHECK_IN, id=meeting["id"]))["method"] == "JOIN"
    await ended(school, meeting["id"])
    school.clock.advance(seconds=3 * HOUR)
    await school.drain("attendance")
    assert await statuses(ada, meeting) == {ben.id: ("PRESENT", "JOIN")}
    assert (await school.store.query(ANALYTICS, "ATT#None")).items == []
