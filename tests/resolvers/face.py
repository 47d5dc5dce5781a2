"""Faces as clients send them: consents, pictures, enrollments, marks; and what is left of each."""

from typing import Any

from datasources.tables import AUDIT_EVENTS
from tests.attending import opened
from tests.faces_in_memory import FacesInMemory, picture
from tests.resolvers.attendance import allow, lesson_by_call
from tests.resolvers.meeting import result
from tests.school import Client, School
from tests.uploading import ready_image

ENROLLMENT = "userId status consentPolicyVersion enrolledAt expiresAt deletedAt"
CONSENT = "mutation ($input: RecordConsentInput!) { recordConsent(input: $input) { granted policyVersion } }"
ENROLL = f"mutation ($input: EnrollFaceInput!) {{ enrollFace(input: $input) {{ {ENROLLMENT} }} }}"
FORGET = f"mutation {{ deleteFaceEnrollment {{ {ENROLLMENT} }} }}"
GET = f"query {{ getMyFaceEnrollment {{ {ENROLLMENT} }} }}"
LIVENESS = "mutation { startFaceLiveness { id region expiresAt } }"
MARK = """mutation ($input: MarkAttendanceByFaceInput!) {
  markAttendanceByFace(input: $input) { status method version } }"""


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


async def is_gone(school: School, media_id: str) -> bool:
    media = await school.sources.media.get(media_id)
    return media is not None and media.is_deleted and await school.blobs.head(media.original_key) is None


async def receipts(school: School, client: Client) -> list[str]:
    """Why the client's faces were forgotten, as the audit log tells it, each with the engine's receipt."""
    events = (await school.store.query(AUDIT_EVENTS, client.id, index="TargetIndex")).items
    told = [event["details"] for event in events if event["action"] == "forgetFace"]
    assert all(details["receipt"] for details in told)
    return [details["why"] for details in told]
