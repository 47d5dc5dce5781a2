"""Faces as clients meet them: consent first, one's own face only, and gone when they are no longer wanted."""

import asyncio
from functools import partial
from typing import Any

import pytest
from graphql import GraphQLSchema

from datasources.face_engine import StoredFace
from datasources.ports import RecordStore, SearchIndex
from datasources.tables import AUDIT_EVENTS
from domain.times import later
from tests.attending import opened
from tests.blob_stores import Site
from tests.faces_in_memory import FacesInMemory, LivenessInMemory, picture
from tests.races import at_once, successes
from tests.resolvers.attendance import GET_POLICY, MINE, OF_MEETING, allow, history, lesson_by_call
from tests.resolvers.chat import error
from tests.resolvers.meeting import result
from tests.school import Client, Clock, School
from tests.uploading import ready_image

ENROLLMENT = "userId status consentPolicyVersion enrolledAt expiresAt deletedAt"
CONSENT = "mutation ($input: RecordConsentInput!) { recordConsent(input: $input) { granted policyVersion } }"
ENROLL = f"mutation ($input: EnrollFaceInput!) {{ enrollFace(input: $input) {{ {ENROLLMENT} }} }}"
FORGET = f"mutation {{ deleteFaceEnrollment {{ {ENROLLMENT} }} }}"
GET = f"query {{ getMyFaceEnrollment {{ {ENROLLMENT} }} }}"
LIVENESS = "mutation { startFaceLiveness { id region expiresAt } }"
MARK = """mutation ($input: MarkAttendanceByFaceInput!) {
  markAttendanceByFace(input: $input) { status method version } }"""


@pytest.fixture
def school(store: RecordStore, search: SearchIndex, bound_schema: GraphQLSchema, files: Site) -> School:
    """One in which faces are compared, though nobody can tell life from a picture."""
    return School(store, search, bound_schema, Clock(), files=files, face_attendance=True)


def engine_of(school: School) -> FacesInMemory:
    assert isinstance(school.faces, FacesInMemory)
    return school.faces


async def consent(client: Client, granted: bool = True, version: str = "2026-01", **given: Any) -> None:
    wanted = {"purpose": "FACE_RECOGNITION", "granted": granted, "policyVersion": version, **given}
    await client.data(CONSENT, input=wanted)


async def photo(client: Client, *shows: str) -> str:
    """A picture that shows these people, uploaded for this; its media id."""
    return await ready_image(client, picture(*shows))


async def enroll(client: Client, *shows: str) -> dict[str, Any]:
    await consent(client)
    media_id = await photo(client, *(shows or (client.caller.username or "",)))
    enrollment: dict[str, Any] = await result(client, ENROLL, input=given(media_id))
    return enrollment


def given(media_id: str, **more: Any) -> dict[str, Any]:
    return {"mediaId": media_id, "consentPolicyVersion": "2026-01", **more}


async def by_face(school: School, *learners: Client, **policy: Any) -> dict[str, Any]:
    """A live meeting that takes attendance by face, and by being there."""
    meeting = await lesson_by_call(school, *learners)
    await allow(school.as_("ada", "Mentors"), meeting, "FACE", "JOIN", **policy)
    await opened(school, meeting["id"])
    return meeting


def mark(meeting: dict[str, Any], media_id: str | None = None, **more: Any) -> dict[str, Any]:
    return {"meetingId": meeting["id"], **({} if media_id is None else {"mediaId": media_id}), **more}


async def is_gone(school: School, client: Client, media_id: str) -> bool:
    media = await school.sources.media.get(media_id)
    return media is not None and media.is_deleted and await school.blobs.head(media.original_key) is None


async def receipts(school: School, client: Client) -> list[str]:
    """Why the client's faces were forgotten, as the audit log tells it, each with the engine's receipt."""
    events = (await school.store.query(AUDIT_EVENTS, client.id, index="TargetIndex")).items
    told = [event["details"] for event in events if event["action"] == "forgetFace"]
    assert all(details["receipt"] for details in told)
    return [details["why"] for details in told]


async def test_a_face_is_enrolled_for_a_year_on_a_consent_and_its_picture_is_gone(school: School) -> None:
    ben = school.as_("ben")
    await consent(ben)
    media_id = await photo(ben, "ben")

    enrollment = await result(ben, ENROLL, input=given(media_id))

    assert enrollment == {
        "userId": ben.id,
        "status": "ACTIVE",
        "consentPolicyVersion": "2026-01",
        "enrolledAt": school.clock.now(),
        "expiresAt": "2037" + school.clock.now()[4:],
        "deletedAt": None,
    }
    assert await result(ben, GET) == enrollment
    assert await result(school.as_("eve"), GET) is None
    assert engine_of(school).users() == [ben.id]
    assert await is_gone(school, ben, media_id)
    assert ("publishMedia", {"id": media_id}) in school.published


@pytest.mark.parametrize("told", ["nothing", "another version", "yes and then no"])
async def test_without_a_consent_to_the_version_the_engine_is_not_asked(school: School, told: str) -> None:
    ben = school.as_("ben")
    if told == "another version":
        await consent(ben, version="2025-01")
    elif told == "yes and then no":
        await consent(ben)
        school.clock.advance(seconds=1)
        await consent(ben, granted=False)
    media_id = await photo(ben, "ben")
    engine_of(school).calls.clear()

    assert await error(ben, ENROLL, input=given(media_id)) == "CONSENT_REQUIRED"

    assert engine_of(school).calls == []
    assert await result(ben, GET) is None


@pytest.mark.parametrize(
    ("shows", "code"),
    [
        (("nobody",), "FACE_NOT_FOUND"),
        (("ben", "eve"), "MULTIPLE_FACES"),
        (("ben", "blurred"), "FACE_QUALITY_LOW"),
        (("junk",), "BAD_REQUEST"),
    ],
)
async def test_a_poor_picture_enrolls_nobody_and_is_gone(school: School, shows: tuple[str, ...], code: str) -> None:
    ben = school.as_("ben")
    await consent(ben)
    media_id = await photo(ben, *shows)
    assert await error(ben, ENROLL, input=given(media_id)) == code
    assert engine_of(school).faces == {}
    assert await is_gone(school, ben, media_id)
    await enroll(ben)  # another try is fine


async def test_only_a_recent_picture_of_ones_own_that_was_meant_for_it_is_looked_at(school: School) -> None:
    ben, eve = school.as_("ben"), school.as_("eve")
    await consent(ben)
    wrong_purpose = await ready_image(ben, picture("ben"), purpose="AVATAR")
    not_his, old = await photo(eve, "eve"), await photo(ben, "ben")
    school.clock.advance(seconds=15 * 60)

    for media_id, code in (
        (wrong_purpose, "BAD_REQUEST"),
        (not_his, "NOT_FOUND"),
        (old, "BAD_REQUEST"),
        ("x", "NOT_FOUND"),
    ):
        assert await error(ben, ENROLL, input=given(media_id)) == code
    assert engine_of(school).calls == []


async def test_a_busy_engine_leaves_the_picture_for_another_try(school: School) -> None:
    ben = school.as_("ben")
    await consent(ben)
    media_id = await photo(ben, "ben")
    engine_of(school).busy = 1

    refusal = await ben.refusal(ENROLL, input=given(media_id))

    assert (refusal["errorType"], refusal["errorInfo"]["retryable"]) == ("FACE_SERVICE_BUSY", True)
    assert (await result(ben, ENROLL, input=given(media_id)))["status"] == "ACTIVE"


async def test_enrolling_again_replaces_the_face(school: School) -> None:
    ben = school.as_("ben")
    await enroll(ben)
    [first] = engine_of(school).faces
    await enroll(ben)
    [second] = engine_of(school).faces
    assert first != second
    assert await receipts(school, ben) == ["REPLACED"]


async def test_ten_enrollments_at_once_leave_one_face(school: School) -> None:
    ben = school.as_("ben")
    await consent(ben)
    pictures = [await photo(ben, "ben") for _ in range(5)]

    payloads = successes(await at_once([partial(ben.run, ENROLL, input=given(media_id)) for media_id in pictures * 2]))

    failed = {payload["errors"][0]["errorType"] for payload in payloads if "errors" in payload}
    assert failed <= {"FACE_SERVICE_BUSY", "NOT_FOUND", "THROTTLED", "CONFLICT", "MEDIA_NOT_READY"}
    assert any("errors" not in payload for payload in payloads)
    assert len(engine_of(school).faces) == 1


async def test_a_deleted_face_is_gone_at_once_with_a_receipt(school: School) -> None:
    ben, eve = school.as_("ben"), school.as_("eve")
    await enroll(ben)
    await enroll(eve)
    school.clock.advance(seconds=5)

    deleted = await result(ben, FORGET)

    assert (deleted["status"], deleted["deletedAt"]) == ("DELETED", school.clock.now())
    assert engine_of(school).users() == [eve.id]
    assert await receipts(school, ben) == ["REQUESTED"]
    school.clock.advance(seconds=5)
    assert await result(ben, FORGET) == deleted
    assert await result(ben, GET) == deleted
    assert await error(school.as_("cem"), FORGET) == "NOT_FOUND"


async def test_taking_the_consent_back_forgets_the_face(school: School) -> None:
    ben = school.as_("ben")
    await enroll(ben)
    meeting = await by_face(school, ben)
    school.clock.advance(seconds=1)

    await consent(ben, granted=False)

    assert engine_of(school).faces == {}
    assert (await result(ben, GET))["status"] == "DELETED"
    assert await receipts(school, ben) == ["CONSENT_WITHDRAWN"]
    engine_of(school).calls.clear()
    assert await error(ben, MARK, input=mark(meeting, await photo(ben, "ben"))) == "CONSENT_REQUIRED"
    assert engine_of(school).calls == []


async def test_a_repeated_withdrawal_takes_no_later_enrollment_with_it(school: School) -> None:
    ben = school.as_("ben")
    await enroll(ben)
    school.clock.advance(seconds=1)
    await consent(ben, granted=False, clientToken="w1")
    school.clock.advance(seconds=1)
    await enroll(ben)

    await consent(ben, granted=False, clientToken="w1")

    assert engine_of(school).users() == [ben.id]
    assert (await result(ben, GET))["status"] == "ACTIVE"


async def test_a_busy_engine_forgets_later_and_the_face_is_of_no_use_meanwhile(school: School) -> None:
    ben = school.as_("ben")
    await enroll(ben)
    meeting = await by_face(school, ben)
    engine_of(school).busy = 1
    school.clock.advance(seconds=1)
    await consent(ben, granted=False)
    assert engine_of(school).users() == [ben.id]
    assert (await result(ben, GET))["status"] == "ACTIVE"  # it is not yet forgotten
    school.clock.advance(seconds=1)
    await consent(ben)
    assert await error(ben, MARK, input=mark(meeting, await photo(ben, "ben"))) == "FACE_NOT_ENROLLED"

    await school.drain("faces")

    assert engine_of(school).faces == {}
    assert (await result(ben, GET))["status"] == "DELETED"
    assert await receipts(school, ben) == ["CONSENT_WITHDRAWN"]


async def test_a_consent_that_is_taken_back_while_the_face_is_learned_wins(school: School) -> None:
    ben, engine = school.as_("ben"), engine_of(school)
    await consent(ben)
    media_id = await photo(ben, "ben")
    engine.held = asyncio.Event()
    enrolling = asyncio.create_task(error(ben, ENROLL, input=given(media_id)))
    await engine.learned.wait()
    school.clock.advance(seconds=1)

    await consent(ben, granted=False)
    engine.held.set()

    assert await enrolling == "CONSENT_REQUIRED"
    assert engine.faces == {}
    assert await result(ben, GET) is None


async def test_an_enrollment_that_crashed_leaves_no_face(school: School) -> None:
    ben, engine = school.as_("ben"), engine_of(school)
    await enroll(ben)
    [kept] = engine.faces
    crashed = StoredFace(school.id("eve"), "crashed")
    engine.faces[crashed] = "eve"
    engine.faces[StoredFace(ben.id, "replaced by a crash")] = "ben"

    school.clock.advance(days=1)
    await school.drain("faces")

    assert list(engine.faces) == [kept]
    assert await receipts(school, school.as_("eve")) == ["LEFT_OVER"]


async def test_a_face_under_way_is_not_left_over(school: School) -> None:
    ben, engine = school.as_("ben"), engine_of(school)
    await consent(ben)
    media_id = await photo(ben, "ben")
    engine.held = asyncio.Event()
    enrolling = asyncio.create_task(result(ben, ENROLL, input=given(media_id)))
    await engine.learned.wait()
    await school.sources.faces.forget_left_over(school.clock.now())
    engine.held.set()
    assert (await enrolling)["status"] == "ACTIVE"
    assert engine.users() == [ben.id]


async def test_a_face_ends_after_a_year(school: School) -> None:
    ben = school.as_("ben")
    enrollment = await enroll(ben)
    school.clock.advance(days=364)
    await school.drain("faces")
    assert engine_of(school).users() == [ben.id]
    school.clock.advance(days=1)
    assert school.clock.now() == enrollment["expiresAt"]
    meeting = await by_face(school, ben)
    assert await error(ben, MARK, input=mark(meeting, await photo(ben, "ben"))) == "FACE_NOT_ENROLLED"

    await school.drain("faces")

    assert engine_of(school).faces == {}
    assert (await result(ben, GET))["deletedAt"] is not None
    assert await receipts(school, ben) == ["EXPIRED"]


async def test_a_picture_of_the_callers_own_face_marks_them(school: School) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    await enroll(ben)
    meeting = await by_face(school, ben)
    media_id = await photo(ben, "ben")

    record = await result(ben, MARK, input=mark(meeting, media_id))

    assert (record["status"], record["method"], record["version"]) == ("PRESENT", "FACE", 1)
    assert await is_gone(school, ben, media_id)
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
    assert await is_gone(school, ben, media_id)


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


async def test_an_enrollment_with_a_liveness_check_is_of_who_passed_it(school: School) -> None:
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
    ben = able.as_("ben")
    await consent(ben)
    checks = [(await result(ben, LIVENESS))["id"] for _ in range(2)]
    liveness.passed = {checks[0]: "eve", checks[1]: "ben"}
    wanted = given(await photo(ben, "ben"), livenessSessionId=checks[0])
    assert await error(ben, ENROLL, input=wanted) == "LIVENESS_FAILED"
    assert engine_of(able).faces == {}
    wanted = given(await photo(ben, "ben"), livenessSessionId=checks[1])
    assert (await result(ben, ENROLL, input=wanted))["status"] == "ACTIVE"
    wanted = given(await photo(ben, "ben"), livenessSessionId=checks[1])
    assert await error(ben, ENROLL, input=wanted) == "LIVENESS_FAILED"  # used


async def test_where_faces_are_switched_off_nothing_but_forgetting_is_done(school: School) -> None:
    ben = school.as_("ben")
    await enroll(ben)
    meeting = await by_face(school, ben)
    off = School(school.store, school.search, school.schema, school.clock, files=school.files, faces=school.faces)
    ben = off.as_("ben")
    for query, wanted in ((ENROLL, given("m1")), (MARK, mark(meeting, "m1"))):
        assert await error(ben, query, input=wanted) == "FEATURE_DISABLED"
    assert await error(ben, LIVENESS) == "FEATURE_DISABLED"
    assert (await result(ben, FORGET))["status"] == "DELETED"
    assert engine_of(school).faces == {}
