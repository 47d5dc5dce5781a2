"""Faces as clients meet them: consent first, one's own face only, and gone when they are no longer wanted."""

import asyncio
from functools import partial

import pytest

from datasources.face_engine import StoredFace
from datasources.tables import USER_ITEMS, USERS
from domain.errors import Code, DomainError
from tests.faces_in_memory import FacesInMemory, LivenessInMemory, picture
from tests.races import at_once, successes
from tests.resolvers.chat import error
from tests.resolvers.face import (
    ENROLL,
    FORGET,
    GET,
    LIVENESS,
    MARK,
    by_face,
    consent,
    engine_of,
    enroll,
    given,
    is_gone,
    mark,
    photo,
    receipts,
)
from tests.resolvers.meeting import result
from tests.school import Client, School
from tests.uploading import ready_image


@pytest.fixture
def school(school_with_faces: School) -> School:
    return school_with_faces


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
    assert await is_gone(school, media_id)
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
    assert not await is_gone(school, media_id), "it was not touched"
    with pytest.raises(DomainError) as refused:  # as when the consent is taken back right after it was asked for
        await school.sources.faces.enroll(ben.id, picture("ben"), "2026-01", school.clock.now())
    assert refused.value.code is Code.CONSENT_REQUIRED
    assert engine_of(school).calls == []


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
    assert await is_gone(school, media_id)
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


async def erased(school: School, client: Client) -> None:
    """What is left of an account in the end; workers learn of it."""
    await school.store.put(USERS, {"userId": client.id, "status": "ERASED", "erasedAt": school.clock.now()})
    await school.drain("faces")


async def test_with_an_account_go_its_face_and_every_picture_of_it(school: School) -> None:
    ben, eve = school.as_("ben"), school.as_("eve")
    for learner in (ben, eve):
        await enroll(learner)
    pictures = [await photo(ben, "ben") for _ in range(3)]
    kept = await photo(eve, "eve")

    await erased(school, ben)

    assert engine_of(school).users() == [eve.id]
    assert await receipts(school, ben) == ["ERASED"]
    assert [await is_gone(school, media_id) for media_id in pictures] == [True] * 3
    assert not await is_gone(school, kept)
    row = await school.sources.faces.get(ben.id)
    assert row is not None
    assert (row.status, row.deleted_at) == ("DELETED", school.clock.now())


async def test_an_account_whose_row_is_removed_counts_as_erased(school: School) -> None:
    ben = school.as_("ben")
    await enroll(ben)
    await school.drain("faces")
    await school.store.delete(USERS, {"userId": ben.id})
    await school.drain("faces")
    assert engine_of(school).faces == {}
    assert await receipts(school, ben) == ["ERASED"]


async def test_a_face_of_the_erased_that_a_busy_engine_keeps_is_forgotten_later(school: School) -> None:
    ben = school.as_("ben")
    await enroll(ben)
    engine_of(school).busy = 1
    await school.store.put(USERS, {"userId": ben.id, "status": "ERASED", "erasedAt": school.clock.now()})
    await school.drain("faces-of-the-erased")
    assert engine_of(school).users() == [ben.id]

    await school.drain("faces-to-forget")

    assert engine_of(school).faces == {}
    assert await receipts(school, ben) == ["ERASED"]


async def test_a_face_that_is_learned_while_the_account_is_erased_is_forgotten(school: School) -> None:
    ben, engine = school.as_("ben"), engine_of(school)
    await consent(ben)
    media_id = await photo(ben, "ben")
    engine.held = asyncio.Event()
    enrolling = asyncio.create_task(error(ben, ENROLL, input=given(media_id)))
    await engine.learned.wait()

    await erased(school, ben)
    engine.held.set()
    await enrolling

    assert engine.faces == {}
    assert await is_gone(school, media_id)


async def test_a_face_whose_rows_are_erased_before_it_is_found_and_forgotten(school: School) -> None:
    ben = school.as_("ben")
    await enroll(ben)
    await school.store.delete(USER_ITEMS, {"userId": ben.id, "sk": "FACE"})
    school.clock.advance(days=1)

    await erased(school, ben)

    assert engine_of(school).faces == {}
    assert await receipts(school, ben) == ["LEFT_OVER"]


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
