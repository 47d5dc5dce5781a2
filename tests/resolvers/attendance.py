"""Attendance's operations as clients write them."""

from typing import Any

from tests.learning import published_course
from tests.resolvers.chat import meet
from tests.resolvers.meeting import new_meeting, result
from tests.school import Client, School

POLICY = """meetingId methods opensAt closesAt lateAfterSeconds minimumAttendedSeconds minimumSimilarityPercent
  livenessRequired version"""
RECORD = "id meetingId courseId userId status method markedAt markedById note version"
CHANGE = "version status method changedById note changedAt"
CHALLENGE = "id meetingId startedAt closesAt"

GET_POLICY = f"query ($id: ID!) {{ getAttendancePolicy(meetingId: $id) {{ {POLICY} }} }}"
SET_POLICY = f"mutation ($input: SetAttendancePolicyInput!) {{ setAttendancePolicy(input: $input) {{ {POLICY} }} }}"
CHECK_IN = f"mutation ($id: ID!) {{ checkIn(meetingId: $id) {{ {RECORD} }} }}"
START = f"""mutation ($id: ID!, $seconds: Int!) {{
  startAttendanceChallenge(meetingId: $id, durationSeconds: $seconds) {{
    challenge {{ {CHALLENGE} }} code codeExpiresAt }} }}"""
ANSWER = f"""mutation ($id: ID!, $code: String!) {{
  answerAttendanceChallenge(meetingId: $id, code: $code) {{ {RECORD} }} }}"""
GET_CHALLENGE = f"query ($id: ID!) {{ getAttendanceChallenge(meetingId: $id) {{ {CHALLENGE} }} }}"
GET_CODE = f"""query ($id: ID!) {{
  getAttendanceChallengeCode(meetingId: $id) {{ challenge {{ {CHALLENGE} }} code codeExpiresAt }} }}"""
OVERRIDE = f"mutation ($input: OverrideAttendanceInput!) {{ overrideAttendance(input: $input) {{ {RECORD} }} }}"
MINE = f"query ($id: ID!) {{ getMyAttendance(meetingId: $id) {{ {RECORD} }} }}"
OF_MEETING = f"""query ($id: ID!, $status: AttendanceStatus, $limit: Int, $next: String) {{
  listMeetingAttendance(meetingId: $id, status: $status, limit: $limit, nextToken: $next) {{
    items {{ {RECORD} user {{ displayName }} }} nextToken }} }}"""
OF_USER = f"""query ($user: ID, $course: ID, $limit: Int, $next: String) {{
  listUserAttendance(userId: $user, courseId: $course, limit: $limit, nextToken: $next) {{
    items {{ {RECORD} }} nextToken }} }}"""
CHANGES = f"""query ($id: ID!, $user: ID!, $limit: Int, $next: String) {{
  listAttendanceChanges(meetingId: $id, userId: $user, limit: $limit, nextToken: $next) {{
    items {{ {CHANGE} }} nextToken }} }}"""
SUMMARIES = """query ($course: ID!, $limit: Int, $next: String) {
  listAttendanceSummaries(courseId: $course, limit: $limit, nextToken: $next) { items {
    userId user { displayName } presentCount lateCount leftEarlyCount absentCount excusedCount attendancePercent
  } nextToken } }"""
ENROLL = "mutation ($id: ID!) { enrollInCourse(input: {courseId: $id}) { id } }"


async def lesson_by_call(school: School, *learners: Client, host: str = "ada", **given: Any) -> dict[str, Any]:
    """A meeting of a course in an hour, by the course's owner, for its learners, of whom none is invited."""
    course = await published_course(school.store, owner=school.id(host))
    await meet(*learners)
    for learner in learners:
        await learner.data(ENROLL, id=course.id)
    return await new_meeting(school, school.as_(host, "Mentors"), courseId=course.id, **given)


async def allow(host: Client, meeting: dict[str, Any], *methods: str, **given: Any) -> dict[str, Any]:
    """The meeting's policy with these methods."""
    policy: dict[str, Any] = await result(
        host, SET_POLICY, input={"meetingId": meeting["id"], "methods": list(methods), **given}
    )
    return policy


async def override(by: Client, meeting: dict[str, Any], user: Client, status: str, **given: Any) -> dict[str, Any]:
    wanted = {"meetingId": meeting["id"], "userId": user.id, "status": status, "note": "I saw it.", **given}
    record: dict[str, Any] = await result(by, OVERRIDE, input=wanted)
    return record


async def statuses(overseer: Client, meeting: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """How each user's record stands, and by what, in a meeting whose records fit on a page."""
    page = await result(overseer, OF_MEETING, id=meeting["id"], limit=100)
    return {record["userId"]: (record["status"], record["method"]) for record in page["items"]}


async def history(overseer: Client, meeting: dict[str, Any], user: Client) -> list[dict[str, Any]]:
    """Newest first."""
    changes: list[dict[str, Any]] = (await result(overseer, CHANGES, id=meeting["id"], user=user.id, limit=100))[
        "items"
    ]
    return changes
