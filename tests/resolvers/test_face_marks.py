"""Attendance by face: one's own face marks, nobody else's does, and the policy's rules hold."""

from functools import partial

import pytest

from domain.times import later
from tests.faces_in_memory import FacesInMemory, LivenessInMemory
from tests.races import at_once, successes
from tests.resolvers.attendance import GET_POLICY, MINE, OF_MEETING, allow, history, lesson_by_call
from tests.resolvers.chat import error
from tests.resolvers.face import (
    LIVENESS,
    MARK,
    by_face,
    engine_of,
    enroll,
    is_gone,
    mark,
    photo,
)
from tests.resolvers.meeting import result
from tests.school import School


@pytest.fixture
def school(school_with_faces: School) -> School:
    return school_with_faces


async def test_a_picture_of_the_callers_own_face_marks_them(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    await enroll(ben)
    meeting = await by_face(school, ben)
    media_id = await photo(ben, "ben")

    record = await result(ben, MARK, input=mark(meeting, media_id))

    assert (record["status"], record["method"], record["version"]) == ("PRESENT", "FACE", 1)
    assert await is_gone(school, media_id)
    again = await result(ben, MARK, input=mark(meeting, media_id))
    assert again == record
    assert len(await history(ada, meeting, ben)) == 1
    assert ("publishAttendance", {"meeting_id": meeting["id"], "user_id": ben.id}) in school.published


async def test_how_alike_a_picture_was_is_for_overseers_only(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    await enroll(ben)
    meeting = await by_face(school, ben)
    asked = MARK.replace("version", "similarityPercent")
    marked = await ben.run(asked, input=mark(meeting, await photo(ben, "ben")))
    assert marked["data"]["markAttendanceByFace"]["similarityPercent"] is None
    assert marked["errors"][0]["errorType"] == "Unauthorized"
    seen = OF_MEETING.replace("items { ", "items { similarityPercent ")
    assert (await result(ada, seen, id=meeting["id"]))["items"][0]["similarityPercent"] == 98.46
    own = "query ($id: ID!) { getMyAttendance(meetingId: $id) { similarityPercent } }"
    as_mentor = school.as_("ben", "Mentors")
    assert (await result(as_mentor, own, id=meeting["id"]))["similarityPercent"] is None
    publish = """mutation ($id: ID!, $user: ID!) {
      publishAttendance(meetingId: $id, userId: $user) { status similarityPercent } }"""
    payload = await school.backend.run(publish, id=meeting["id"], user=ben.id)
    assert payload["data"]["publishAttendance"]["similarityPercent"] is None


async def test_a_picture_of_somebody_else_marks_neither(school: School) -> None:
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")
    for learner in (ben, eve):
        await enroll(learner)
    meeting = await by_face(school, ben, eve)
    media_id = await photo(ben, "eve")

    refusal = await ben.refusal(MARK, input=mark(meeting, media_id))

    assert (refusal["errorType"], refusal["errorInfo"]["triesLeft"]) == ("FACE_MISMATCH", 4)
    assert (await result(ada, OF_MEETING, id=meeting["id"]))["items"] == []
    assert await is_gone(school, media_id)


async def test_five_mismatches_end_the_tries_in_a_meeting(school: School) -> None:
    ben = school.as_("ben")
    await enroll(ben)
    meeting = await by_face(school, ben)
    pictures = [await photo(ben, "eve") for _ in range(5)]
    refusals = [await ben.refusal(MARK, input=mark(meeting, media_id)) for media_id in pictures]
    assert [refusal["errorInfo"]["triesLeft"] for refusal in refusals] == [4, 3, 2, 1, 0]
    ended = await ben.refusal(MARK, input=mark(meeting, await photo(ben, "ben")))
    assert ended["errorType"] == "RATE_LIMITED"
    assert ended["errorInfo"]["retryAfterSeconds"] == 3600
    assert await result(ben, MINE, id=meeting["id"]) is None


async def test_a_picture_without_a_clear_face_is_no_try(school: School) -> None:
    ben = school.as_("ben")
    await enroll(ben)
    meeting = await by_face(school, ben)
    for _ in range(3):
        for shows, code in ((("nobody",), "FACE_NOT_FOUND"), (("ben", "blurred"), "FACE_QUALITY_LOW")):
            assert await error(ben, MARK, input=mark(meeting, await photo(ben, *shows))) == code
    assert (await result(ben, MARK, input=mark(meeting, await photo(ben, "ben"))))["method"] == "FACE"


async def test_the_policys_similarity_decides(school: School) -> None:
    ben = school.as_("ben")
    await enroll(ben)
    meeting = await by_face(school, ben, minimumSimilarityPercent=98.5)
    assert await error(ben, MARK, input=mark(meeting, await photo(ben, "ben"))) == "FACE_MISMATCH"
    engine_of(school).similarity = 98.5
    assert (await result(ben, MARK, input=mark(meeting, await photo(ben, "ben"))))["method"] == "FACE"


async def test_marks_by_face_count_within_the_window_only(school: School) -> None:
    ben, eve = school.as_("ben"), school.as_("eve")
    for learner in (ben, eve):
        await enroll(learner)
    meeting = await lesson_by_call(school, ben, eve)
    await allow(
        school.as_("ada", "Mentors"),
        meeting,
        "FACE",
        "JOIN",
        opensAt=later(school.clock.now(), seconds=100),
        closesAt=later(school.clock.now(), seconds=200),
    )
    of_ben, of_eve = await photo(ben, "ben"), await photo(eve, "eve")
    school.clock.advance(seconds=99.999)
    assert await error(ben, MARK, input=mark(meeting, of_ben)) == "ATTENDANCE_CLOSED"
    school.clock.advance(seconds=0.001)
    assert (await result(ben, MARK, input=mark(meeting, of_ben)))["status"] == "PRESENT"
    school.clock.advance(seconds=100)
    assert await error(eve, MARK, input=mark(meeting, of_eve)) == "ATTENDANCE_CLOSED"
    assert engine_of(school).calls.count("compare") == 1


async def test_the_same_picture_ten_times_at_once_is_one_mark(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    await enroll(ben)
    meeting = await by_face(school, ben)
    media_id = await photo(ben, "ben")

    payloads = successes(await at_once([partial(ben.run, MARK, input=mark(meeting, media_id))] * 10))

    marked = [payload["data"]["markAttendanceByFace"] for payload in payloads]
    assert sum(record is not None for record in marked) >= 1
    assert len(await history(ada, meeting, ben)) == 1


async def test_a_mark_names_one_picture(school: School) -> None:
    ben = school.as_("ben")
    await enroll(ben)
    meeting = await by_face(school, ben)
    assert await error(ben, MARK, input=mark(meeting)) == "BAD_REQUEST"
    assert await error(ben, MARK, input=mark(meeting, "m1", livenessSessionId="s1")) == "BAD_REQUEST"
    assert await error(ben, MARK, input=mark(meeting, livenessSessionId="s1")) == "FEATURE_DISABLED"
    assert await error(ben, LIVENESS) == "FEATURE_DISABLED"


async def test_liveness_is_asked_passed_and_used_once(school: School) -> None:
    liveness = LivenessInMemory()
    able = School(
        school.store,
        school.search,
        school.schema,
        school.clock,
        files=school.files,
        faces=FacesInMemory(liveness=liveness),
        face_attendance=True,
    )
    ben, eve = able.as_("ben"), able.as_("eve")
    for learner in (ben, eve):
        await enroll(learner)
    meeting = await by_face(able, ben, eve, livenessRequired=True)
    assert (await result(ben, GET_POLICY, id=meeting["id"]))["livenessRequired"]
    assert await error(ben, MARK, input=mark(meeting, await photo(ben, "ben"))) == "LIVENESS_REQUIRED"

    session = await result(ben, LIVENESS)
    assert session == {
        "id": liveness.started[-1],
        "region": "eu-central-1",
        "expiresAt": later(able.clock.now(), seconds=180),
    }
    by_check = mark(meeting, livenessSessionId=session["id"])
    assert await error(ben, MARK, input=by_check) == "LIVENESS_FAILED"  # not passed yet
    liveness.passed[session["id"]] = "ben"
    assert await error(eve, MARK, input=by_check) == "LIVENESS_FAILED"  # it is Ben's
    assert (await result(ben, MARK, input=by_check))["method"] == "FACE"

    late = (await result(eve, LIVENESS))["id"]
    liveness.passed[late] = "eve"
    able.clock.advance(seconds=180)
    assert await error(eve, MARK, input=mark(meeting, livenessSessionId=late)) == "LIVENESS_FAILED"
