"""Meetings' operations as clients write them."""

from typing import Any

from domain.times import Timestamp, later
from tests.resolvers.chat import meet
from tests.school import Client, School

MEETING = """id title description hostId courseId parentMeetingId status startsAt endsAt startedAt endedAt endReason
  cancelReason maxAttendees attendeeCount roomId transcriptionLanguage version"""
ATTENDEE = """meetingId userId role status joinedAt leftAt attendedSeconds
  presence { joinedAt leftAt leaveReason } version"""

CREATE = f"mutation ($input: CreateMeetingInput!) {{ createMeeting(input: $input) {{ {MEETING} }} }}"
UPDATE = f"mutation ($input: UpdateMeetingInput!) {{ updateMeeting(input: $input) {{ {MEETING} }} }}"
CANCEL = f"""mutation ($id: ID!, $reason: String, $version: Int) {{
  cancelMeeting(id: $id, reason: $reason, expectedVersion: $version) {{ {MEETING} }} }}"""
INVITE = f"mutation ($id: ID!, $users: [ID!]!) {{ inviteToMeeting(meetingId: $id, userIds: $users) {{ {MEETING} }} }}"
PUBLISH = f"mutation ($id: ID!) {{ publishMeeting(id: $id) {{ {MEETING} }} }}"
PUBLISH_ATTENDEE = f"""mutation ($id: ID!, $user: ID!) {{
  publishMeetingAttendee(meetingId: $id, userId: $user) {{ {ATTENDEE} }} }}"""

GET = f"query ($id: ID!) {{ getMeeting(id: $id) {{ {MEETING} host {{ displayName }} myAttendee {{ {ATTENDEE} }} }} }}"
OF_COURSE = """query ($course: ID!, $range: TimeRangeInput, $limit: Int, $next: String) {
  listCourseMeetings(courseId: $course, range: $range, limit: $limit, nextToken: $next) {
    items { id startsAt } nextToken } }"""
MINE = """query ($range: TimeRangeInput, $limit: Int, $next: String) {
  listMyMeetings(range: $range, limit: $limit, nextToken: $next) { items { id startsAt } nextToken } }"""
ROSTER = f"""query ($id: ID!, $limit: Int, $next: String) {{
  listMeetingAttendees(meetingId: $id, limit: $limit, nextToken: $next) {{
    items {{ {ATTENDEE} user {{ displayName }} }} nextToken }} }}"""


def planned(school: School, *, hours: float = 1, lasts: float = 1, **given: Any) -> dict[str, Any]:
    """A `CreateMeetingInput` of a meeting so many hours from now."""
    starts_at = later(school.clock.now(), seconds=hours * 3600)
    ends_at = later(starts_at, seconds=lasts * 3600)
    return {"title": "Waders, live", "startsAt": starts_at, "endsAt": ends_at, **given}


async def new_meeting(school: School, host: Client, *guests: Client, **given: Any) -> dict[str, Any]:
    """SCHEDULED in an hour unless said otherwise, with guests who have accounts."""
    await meet(*guests)
    return await result(host, CREATE, input=planned(school, inviteUserIds=[guest.id for guest in guests], **given))


async def roster(client: Client, meeting: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Rows by user, of a roster that fits on a page."""
    page = await result(client, ROSTER, id=meeting["id"], limit=100)
    return {row["userId"]: row for row in page["items"]}


async def result(client: Client, query: str, **variables: Any) -> Any:
    """The value of the one root field."""
    [value] = (await client.data(query, **variables)).values()
    return value


def at(school: School, *, seconds: float) -> Timestamp:
    return later(school.clock.now(), seconds=seconds)


START = f"mutation ($id: ID!) {{ startMeeting(id: $id) {{ {MEETING} }} }}"
END = f"mutation ($id: ID!) {{ endMeeting(id: $id) {{ {MEETING} }} }}"
JOIN = f"""mutation ($id: ID!) {{ joinMeeting(id: $id) {{
  meeting {{ {MEETING} }} chimeMeetingId mediaRegion chimeAttendeeId externalUserId joinToken
  mediaPlacement {{ audioHostUrl audioFallbackUrl signalingUrl turnControlUrl eventIngestionUrl }} }} }}"""
LEAVE = f"mutation ($id: ID!) {{ leaveMeeting(meetingId: $id) {{ {ATTENDEE} }} }}"
REMOVE = f"mutation ($id: ID!, $user: ID!) {{ removeMeetingAttendee(meetingId: $id, userId: $user) {{ {ATTENDEE} }} }}"
ROLE = f"mutation ($input: UpdateMeetingAttendeeInput!) {{ updateMeetingAttendee(input: $input) {{ {ATTENDEE} }} }}"


async def live_meeting(school: School, host: Client, *guests: Client, **given: Any) -> dict[str, Any]:
    """LIVE from now on, planned to begin now."""
    made = await new_meeting(school, host, *guests, **{"hours": 0, **given})
    started: dict[str, Any] = await result(host, START, id=made["id"])
    return started


async def join(client: Client, meeting: dict[str, Any]) -> dict[str, Any]:
    joined: dict[str, Any] = await result(client, JOIN, id=meeting["id"])
    return joined


RECORDING = "id meetingId status startedAt stoppedAt errorMessage media { id kind status fileName ownerId }"
RECORD = f"mutation ($id: ID!) {{ startRecording(meetingId: $id) {{ {RECORDING} }} }}"
STOP = f"mutation ($id: ID!) {{ stopRecording(meetingId: $id) {{ {RECORDING} }} }}"
RECORDED = f"""query ($id: ID!, $limit: Int, $next: String) {{
  listMeetingRecordings(meetingId: $id, limit: $limit, nextToken: $next) {{ items {{ {RECORDING} }} nextToken }} }}"""
TRANSCRIBE = f"""mutation ($id: ID!, $language: String!) {{
  startMeetingTranscription(meetingId: $id, language: $language) {{ {MEETING} }} }}"""
HUSH = f"mutation ($id: ID!) {{ stopMeetingTranscription(meetingId: $id) {{ {MEETING} }} }}"
BREAK_OUT = f"""mutation ($input: CreateBreakoutsInput!) {{
  createBreakouts(input: $input) {{ items {{ {MEETING} }} nextToken }} }}"""
