"""Enrollments as clients see them: who may do what, who sees what, and what the access decision says."""

from typing import Any

import pytest

from datasources.ports import Item
from datasources.tables import AUDIT_EVENTS, ENROLLMENTS
from domain.courses import Course
from domain.times import later
from tests.datasources.test_enrollments import PRICE
from tests.learning import published_course, set_state
from tests.school import Client, School

ENROLLMENT = """id courseId userId status source lastChange revokeReason waitlistPosition holdExpiresAt enrolledAt
  expiresAt completedAt version course { title } user { displayName }"""
ENROLL = f"mutation ($input: EnrollInCourseInput!) {{ enrollInCourse(input: $input) {{ {ENROLLMENT} }} }}"
DROP = "mutation ($id: ID!, $version: Int) { dropCourse(courseId: $id, expectedVersion: $version) { status version } }"
GRANT = "mutation ($input: GrantEnrollmentInput!) { grantEnrollment(input: $input) { status expiresAt version } }"
REVOKE = """mutation ($id: ID!, $user: ID!, $reason: String!) {
  revokeEnrollment(courseId: $id, userId: $user, reason: $reason) { status revokeReason lastChange } }"""
GET = "query ($id: ID!, $user: ID) { getEnrollment(courseId: $id, userId: $user) { status userId } }"
ACCESS = "query ($id: ID!) { getCourseAccess(courseId: $id) { courseId granted reason expiresAt } }"
LIST = """query ($id: ID!, $status: EnrollmentStatus, $limit: Int, $next: String) {
  listCourseEnrollments(courseId: $id, status: $status, limit: $limit, nextToken: $next) {
    items { userId waitlistPosition user { displayName } } nextToken } }"""
MINE = """query ($status: EnrollmentStatus, $limit: Int, $next: String) {
  listMyEnrollments(status: $status, limit: $limit, nextToken: $next) { items { courseId } nextToken } }"""
PUBLISH = "mutation ($id: ID!, $user: ID!) { publishEnrollment(courseId: $id, userId: $user) { status version } }"


async def course_of_ada(school: School, **fields: Any) -> Course:
    return await published_course(school.store, owner=school.id("ada"), **fields)


async def enroll(client: Client, course: Course, **given: Any) -> dict[str, Any]:
    data = await client.data(ENROLL, input={"courseId": course.id, **given})
    row: dict[str, Any] = data["enrollInCourse"]
    return row


async def access(client: Client, course: Course) -> tuple[bool, str]:
    found = (await client.data(ACCESS, id=course.id))["getCourseAccess"]
    return found["granted"], found["reason"]


async def stored(school: School, course: Course, client: Client) -> Item | None:
    return await school.store.get(ENROLLMENTS, {"userId": client.id, "courseId": course.id})


async def test_an_enrollment_shows_its_course_and_user_and_no_ticket(school: School) -> None:
    course = await course_of_ada(school, access_days=2)
    ben = school.as_("ben")

    assert await enroll(ben, course) == {
        "id": f"{course.id}#{ben.id}",
        "courseId": course.id,
        "userId": ben.id,
        "status": "ACTIVE",
        "source": "FREE",
        "lastChange": "ENROLLED",
        "revokeReason": None,
        "waitlistPosition": None,
        "holdExpiresAt": None,
        "enrolledAt": school.clock.now(),
        "expiresAt": later(school.clock.now(), days=2),
        "completedAt": None,
        "version": 1,
        "course": {"title": "Birds of the shore"},
        "user": {"displayName": "Ben"},
    }


async def test_the_waiting_list_moves_up_when_a_seat_is_left(school: School) -> None:
    course = await course_of_ada(school, capacity=1)
    ben, eve, cem = (school.as_(name) for name in ("ben", "eve", "cem"))
    await enroll(ben, course)
    refusal = await eve.refusal(ENROLL, input={"courseId": course.id})
    assert (refusal["errorType"], refusal["errorInfo"]["courseId"]) == ("COURSE_FULL", course.id)
    assert (await enroll(eve, course, joinWaitlist=True))["waitlistPosition"] == 1
    assert (await enroll(cem, course, joinWaitlist=True))["waitlistPosition"] == 2

    await ben.data(DROP, id=course.id)
    await school.drain()

    assert (await eve.data(GET, id=course.id))["getEnrollment"]["status"] == "ACTIVE"
    page = (await school.as_("ada", "Mentors").data(LIST, id=course.id, status="WAITLISTED"))["listCourseEnrollments"]
    assert page["items"] == [{"userId": cem.id, "waitlistPosition": 1, "user": {"displayName": "Cem"}}]


async def test_others_enrollments_are_for_the_courses_staff(school: School) -> None:
    course = await course_of_ada(school)
    ben = school.as_("ben")
    await enroll(ben, course)

    for other in (school.as_("eve"), school.as_("mia", "Mentors"), school.as_("mo", "Moderators")):
        for user in (ben.id, "nobody"):
            assert (await other.refusal(GET, id=course.id, user=user))["errorType"] == "FORBIDDEN"
    for staff in (school.as_("ada", "Mentors"), school.as_("root", "Admins")):
        assert (await staff.data(GET, id=course.id, user=ben.id))["getEnrollment"]["userId"] == ben.id
        assert (await staff.data(GET, id=course.id, user="nobody"))["getEnrollment"] is None
    assert (await ben.data(GET, id=course.id))["getEnrollment"]["userId"] == ben.id
    assert (await ben.data(GET, id="unknown", user="nobody"))["getEnrollment"] is None


async def test_a_course_list_is_for_its_staff_and_its_token_for_who_got_it(school: School) -> None:
    course, other = await course_of_ada(school), await course_of_ada(school)
    for name in ("ben", "eve", "cem"):
        await enroll(school.as_(name), course)
    ada, root = school.as_("ada", "Mentors"), school.as_("root", "Admins")
    assert (await school.as_("ben").refusal(LIST, id=course.id))["errorType"] == "Unauthorized"
    assert (await school.as_("mia", "Mentors").refusal(LIST, id=course.id))["errorType"] == "FORBIDDEN"
    assert (await ada.refusal(LIST, id="unknown"))["errorType"] == "NOT_FOUND"

    first = (await ada.data(LIST, id=course.id, limit=2))["listCourseEnrollments"]
    second = (await ada.data(LIST, id=course.id, limit=2, next=first["nextToken"]))["listCourseEnrollments"]
    users = [item["userId"] for item in first["items"] + second["items"]]
    assert sorted(users) == sorted(school.id(name) for name in ("ben", "eve", "cem"))
    assert second["nextToken"] is None

    elsewhere = [
        root.refusal(LIST, id=course.id, limit=2, next=first["nextToken"]),
        ada.refusal(LIST, id=other.id, limit=2, next=first["nextToken"]),
        ada.refusal(LIST, id=course.id, status="ACTIVE", next=first["nextToken"]),
        ada.refusal(MINE, next=first["nextToken"]),
    ]
    assert {(await refusal)["errorType"] for refusal in elsewhere} == {"INVALID_NEXT_TOKEN"}
    school.clock.advance(days=1)
    late = await ada.refusal(LIST, id=course.id, limit=2, next=first["nextToken"])
    assert late["errorType"] == "INVALID_NEXT_TOKEN"


async def test_my_list_is_mine(school: School) -> None:
    first, second = await course_of_ada(school), await course_of_ada(school)
    ben, eve = school.as_("ben"), school.as_("eve")
    await enroll(ben, first)
    school.clock.advance(seconds=1)
    await enroll(ben, second)
    await enroll(eve, first)

    assert (await ben.data(MINE))["listMyEnrollments"] == {
        "items": [{"courseId": second.id}, {"courseId": first.id}],
        "nextToken": None,
    }
    assert (await ben.data(MINE, status="DROPPED"))["listMyEnrollments"] == {"items": [], "nextToken": None}


async def test_access_says_why(school: School) -> None:
    free = await course_of_ada(school, access_days=3, capacity=1)
    paid = await course_of_ada(school, access_model="PAID", price=PRICE)
    later_on = await course_of_ada(school, starts_at=later(school.clock.now(), days=1))
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")

    assert await access(ada, free) == (True, "STAFF")
    assert await access(ben, free) == (False, "NOT_ENROLLED")
    await enroll(ben, free)
    assert await access(ben, free) == (True, "ENROLLED")
    await enroll(eve, free, joinWaitlist=True)
    assert await access(eve, free) == (False, "WAITLISTED")
    await eve.data(DROP, id=free.id)
    assert await access(eve, free) == (False, "NOT_ENROLLED")
    await enroll(ben, paid)
    assert await access(ben, paid) == (False, "PAYMENT_PENDING")
    await enroll(ben, later_on)
    assert await access(ben, later_on) == (False, "NOT_STARTED")
    school.clock.advance(seconds=1800)
    assert await access(ben, paid) == (False, "NOT_ENROLLED")
    school.clock.advance(days=1)
    assert await access(ben, later_on) == (True, "ENROLLED")
    school.clock.advance(days=2)
    assert await access(ben, free) == (False, "EXPIRED")
    await ada.data(REVOKE, id=later_on.id, user=ben.id, reason="Misuse.")
    assert await access(ben, later_on) == (False, "REVOKED")

    draft = await course_of_ada(school)
    await set_state(school.store, draft.id, "DRAFT")
    for hidden in (draft.id, "unknown"):
        assert (await ben.data(ACCESS, id=hidden))["getCourseAccess"] is None


async def test_a_grant_is_for_users_who_exist_and_is_audited(school: School) -> None:
    course = await course_of_ada(school, access_model="INVITE_ONLY")
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    unknown = await ada.refusal(GRANT, input={"courseId": course.id, "userId": school.id("ben")})
    assert unknown["errorType"] == "NOT_FOUND"
    await ben.data("query { getMe { id } }")
    foreign = await school.as_("mia", "Mentors").refusal(GRANT, input={"courseId": course.id, "userId": ben.id})
    assert foreign["errorType"] == "FORBIDDEN"

    end = later(school.clock.now(), days=9)
    given = {"courseId": course.id, "userId": ben.id, "expiresAt": end, "clientToken": "g1"}
    granted = (await ada.data(GRANT, input=given))["grantEnrollment"]
    assert granted == {"status": "ACTIVE", "expiresAt": end, "version": 1}
    assert (await ada.data(GRANT, input=given))["grantEnrollment"] == granted
    other = await ada.refusal(GRANT, input={**given, "expiresAt": None})
    assert other["errorType"] == "IDEMPOTENCY_MISMATCH"

    page = await school.store.query(AUDIT_EVENTS, ben.id, index="TargetIndex")
    assert [(event["action"], event["actorId"], event["details"]) for event in page.items] == [
        ("grantEnrollment", ada.id, {"courseId": course.id})
    ]


async def test_a_revoked_user_reads_the_reason_and_refused_work_leaves_no_trace(school: School) -> None:
    course = await course_of_ada(school)
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    await enroll(ben, course)
    before = await stored(school, course, ben)
    for client, reason, error in (
        (ben, "No.", "Unauthorized"),
        (ada, "  ", "BAD_REQUEST"),
        (ada, "x" * 501, "BAD_REQUEST"),
    ):
        assert (await client.refusal(REVOKE, id=course.id, user=ben.id, reason=reason))["errorType"] == error
    assert await stored(school, course, ben) == before

    data = await ada.data(REVOKE, id=course.id, user=ben.id, reason=" Shared the login. ")

    assert data["revokeEnrollment"] == {
        "status": "REVOKED",
        "revokeReason": "Shared the login.",
        "lastChange": "REVOKED",
    }
    page = await school.store.query(AUDIT_EVENTS, ben.id, index="TargetIndex")
    assert len(page.items) == 1


async def test_a_drop_of_an_old_version_is_a_conflict(school: School) -> None:
    course = await course_of_ada(school)
    ben = school.as_("ben")
    await enroll(ben, course)

    refusal = await ben.refusal(DROP, id=course.id, version=7)

    assert (refusal["errorType"], refusal["errorInfo"]["currentVersion"]) == ("CONFLICT", 1)
    assert (await ben.data(DROP, id=course.id, version=1))["dropCourse"] == {"status": "DROPPED", "version": 2}


async def test_publishing_reads_and_changes_nothing(school: School) -> None:
    course = await course_of_ada(school)
    ben = school.as_("ben")
    await enroll(ben, course)
    before = await stored(school, course, ben)

    for _ in range(3):
        data = await school.backend.data(PUBLISH, id=course.id, user=ben.id)
        assert data["publishEnrollment"] == {"status": "ACTIVE", "version": 1}
    assert (await school.backend.data(PUBLISH, id=course.id, user="nobody"))["publishEnrollment"] is None
    assert await stored(school, course, ben) == before
    for client in (ben, school.as_("root", "Admins"), school.visitor):
        assert (await client.refusal(PUBLISH, id=course.id, user=ben.id))["errorType"] == "Unauthorized"


@pytest.mark.parametrize("given", [{"courseId": ""}, {"courseId": "x" * 129}, {"courseId": "c", "clientToken": ""}])
async def test_hostile_ids_are_refused(school: School, given: dict[str, Any]) -> None:
    refusal = await school.as_("ben").refusal(ENROLL, input=given)
    assert refusal["errorType"] == "BAD_REQUEST"


async def test_my_enrollment_beside_a_course_is_the_callers(school: School) -> None:
    course = await course_of_ada(school)
    await enroll(school.as_("ben"), course)
    query = "query ($id: ID!) { getCourse(id: $id) { myEnrollment { userId } myProgress { percent } } }"

    mine = (await school.as_("ben").data(query, id=course.id))["getCourse"]
    assert mine == {"myEnrollment": {"userId": school.id("ben")}, "myProgress": {"percent": 0}}
    others = (await school.as_("eve").data(query, id=course.id))["getCourse"]
    assert others == {"myEnrollment": None, "myProgress": None}
