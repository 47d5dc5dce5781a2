"""A morning at a school, told with the API alone: a video lesson goes up, a class meets, and faces are counted.

    python examples/story.py --mentor "$MENTOR" --learner "$LEARNER" --film a.mp4 --portrait b.jpg --selfie c.jpg

Each chapter is what a client of EduConnect does; nothing is done behind its back. `portrait` and `selfie` are two
pictures of the learner. Needs aiohttp, and examples/upload.py beside it.
"""

import argparse
import asyncio
import mimetypes
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

sys.path.insert(0, str(Path(__file__).parent.parent))

from examples.upload import upload

Json = dict[str, Any]
Say = Callable[[str], None]
WAITING_SECONDS = 120.0
OPENS_SECONDS = 5.0
"""Rules are set before the window for marks opens."""
POLICY = "2026-11"
"""Which text on faces the learner has agreed to."""


class Refused(Exception):
    """What the API said instead of doing it; `code` is its errorType."""

    def __init__(self, error: Json) -> None:
        super().__init__(f"{error['errorType']}: {error['message']}")
        self.code = error["errorType"]


class Person:
    """Somebody who is signed in."""

    def __init__(self, http: aiohttp.ClientSession, endpoint: str, token: str) -> None:
        self.http = http
        self.endpoint = endpoint
        self.token = token

    async def ask(self, query: str, **variables: Any) -> Any:
        """The one root field of an operation. Raises Refused."""
        body = {"query": query, "variables": variables}
        async with self.http.post(self.endpoint, json=body, headers={"Authorization": self.token}) as answer:
            payload = await answer.json()
        if payload.get("errors"):
            raise Refused(payload["errors"][0])
        [value] = payload["data"].values()
        return value

    async def id(self) -> str:
        return str((await self.ask("{ getMe { id } }"))["id"])

    async def sends(self, path: Path, kind: str, purpose: str) -> str:
        """The media that a file becomes, once it can be used."""
        content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        done = await upload(
            self.http, self.endpoint, self.token, path, kind=kind, purpose=purpose, content_type=content_type
        )
        media_id = str(done["media"]["id"])
        await until(lambda: self._is_ready(media_id))
        return media_id

    async def _is_ready(self, media_id: str) -> bool:
        media = await self.ask("query ($id: ID!) { getMedia(id: $id) { status errorMessage } }", id=media_id)
        if media["status"] in ("FAILED", "QUARANTINED"):
            raise Refused({"errorType": media["status"], "message": media["errorMessage"]})
        return bool(media["status"] == "READY")


class Story:
    def __init__(self, mentor: Person, learner: Person, say: Say) -> None:
        self._mentor = mentor
        self._learner = learner
        self._say = say

    async def tell(self, film: Path, portrait: Path, selfie: Path) -> None:
        await self.a_film_goes_up(film)
        await self.a_face_is_enrolled(portrait)
        meeting_id = await self.a_meeting_is_planned()
        await self.a_class_meets(meeting_id)
        await self.a_face_is_marked(meeting_id, selfie)
        await self.all_is_counted(meeting_id)
        await self.a_face_is_forgotten()

    async def a_film_goes_up(self, film: Path) -> None:
        """Init, parts, complete; workers then find out how long it is and make what browsers play."""
        media_id = await self._mentor.sends(film, "VIDEO", "LESSON")
        media = await self._mentor.ask(
            "query ($id: ID!) { getMedia(id: $id) { durationSeconds width height downloadUrl thumbnails { url } } }",
            id=media_id,
        )
        self._say(f"The film is there: {media['durationSeconds']} s, {media['width']} x {media['height']}.")
        async with self._mentor.http.get(media["downloadUrl"]) as answer:
            same = await answer.read() == await asyncio.to_thread(film.read_bytes)
        self._say("What comes down is what went up." if same else "What comes down is not what went up!")

    async def a_face_is_enrolled(self, portrait: Path) -> None:
        """Consent comes first; the picture is deleted once the face is known."""
        enroll = """mutation ($input: EnrollFaceInput!) { enrollFace(input: $input) { status expiresAt } }"""
        picture = await self._learner.sends(portrait, "IMAGE", "FACE")
        given = {"mediaId": picture, "consentPolicyVersion": POLICY}
        try:
            await self._learner.ask(enroll, input=given)
        except Refused as refusal:
            self._say(f"Without consent: {refusal.code}.")
        consent = {"purpose": "FACE_RECOGNITION", "granted": True, "policyVersion": POLICY}
        await self._learner.ask(
            "mutation ($input: RecordConsentInput!) { recordConsent(input: $input) { granted } }", input=consent
        )
        enrolled = await self._learner.ask(enroll, input=given)
        self._say(f"The face is {enrolled['status']} until {enrolled['expiresAt'][:10]}.")

    async def a_meeting_is_planned(self) -> str:
        opens = datetime.now(UTC) + timedelta(seconds=OPENS_SECONDS)
        begins = opens + timedelta(minutes=12)
        meeting = await self._mentor.ask(
            "mutation ($input: CreateMeetingInput!) { createMeeting(input: $input) { id roomId } }",
            input={
                "title": "Waders at low tide",
                "startsAt": begins.isoformat(timespec="milliseconds"),
                "endsAt": (begins + timedelta(hours=1)).isoformat(timespec="milliseconds"),
                "inviteUserIds": [await self._learner.id()],
            },
        )
        await self._mentor.ask(
            """mutation ($input: SetAttendancePolicyInput!) {
              setAttendancePolicy(input: $input) { methods opensAt closesAt } }""",
            input={
                "meetingId": meeting["id"],
                "methods": ["FACE", "CHALLENGE"],
                "opensAt": opens.isoformat(timespec="milliseconds"),
            },
        )
        await until(lambda: self._is_told(meeting["id"]))
        self._say("The learner is invited, and told so.")
        return str(meeting["id"])

    async def a_class_meets(self, meeting_id: str) -> None:
        """Both get what amazon-chime-sdk-js needs to join the call."""
        join = """mutation ($id: ID!) { joinMeeting(id: $id) {
          chimeMeetingId mediaRegion chimeAttendeeId joinToken mediaPlacement { audioHostUrl signalingUrl } } }"""
        try:
            await self._learner.ask(join, id=meeting_id)
        except Refused as refusal:
            self._say(f"Before it begins: {refusal.code}.")
        await self._mentor.ask("mutation ($id: ID!) { startMeeting(id: $id) { status } }", id=meeting_id)
        calls = [await person.ask(join, id=meeting_id) for person in (self._mentor, self._learner)]
        same = len({call["chimeMeetingId"] for call in calls}) == 1
        self._say(f"Two have joined {'one call' if same else 'different calls!'}.")
        await until(lambda: self._are_joined(meeting_id, 2))

    async def a_face_is_marked(self, meeting_id: str, selfie: Path) -> None:
        """One's own face only: a picture is compared with nobody else's."""
        picture = await self._learner.sends(selfie, "IMAGE", "FACE")
        mark = """mutation ($input: MarkAttendanceByFaceInput!) {
          markAttendanceByFace(input: $input) { status method } }"""
        await until(lambda: self._is_open(meeting_id))
        record = await self._learner.ask(mark, input={"meetingId": meeting_id, "mediaId": picture})
        self._say(f"The learner is {record['status']}, by {record['method']}.")

    async def all_is_counted(self, meeting_id: str) -> None:
        await self._learner.ask("mutation ($id: ID!) { leaveMeeting(meetingId: $id) { status } }", id=meeting_id)
        ended = await self._mentor.ask(
            "mutation ($id: ID!) { endMeeting(id: $id) { status endReason } }", id=meeting_id
        )
        records = await self._mentor.ask(
            "query ($id: ID!) { listMeetingAttendance(meetingId: $id) { items { status method markedAt } } }",
            id=meeting_id,
        )
        marked = [f"{record['status']} by {record['method']}" for record in records["items"]]
        self._say(f"The meeting has {ended['status']}; its list says {', '.join(marked)}.")

    async def a_face_is_forgotten(self) -> None:
        """Taking the consent back deletes the face at once."""
        consent = {"purpose": "FACE_RECOGNITION", "granted": False, "policyVersion": POLICY}
        await self._learner.ask(
            "mutation ($input: RecordConsentInput!) { recordConsent(input: $input) { granted } }", input=consent
        )
        await until(self._is_forgotten)
        self._say("The face is forgotten.")

    async def _is_told(self, meeting_id: str) -> bool:
        found = await self._learner.ask("{ listNotifications { items { path } } }")
        return any(meeting_id in (each["path"] or "") for each in found["items"])

    async def _is_open(self, meeting_id: str) -> bool:
        policy = await self._learner.ask(
            "query ($id: ID!) { getAttendancePolicy(meetingId: $id) { opensAt } }", id=meeting_id
        )
        server = await self._learner.ask("{ getServerInfo { serverTime } }")
        return bool(policy["opensAt"] <= server["serverTime"])

    async def _are_joined(self, meeting_id: str, number: int) -> bool:
        roster = await self._mentor.ask(
            "query ($id: ID!) { listMeetingAttendees(meetingId: $id) { items { status } } }", id=meeting_id
        )
        return sum(each["status"] == "JOINED" for each in roster["items"]) == number

    async def _is_forgotten(self) -> bool:
        enrollment = await self._learner.ask("{ getMyFaceEnrollment { status } }")
        return enrollment is None or enrollment["status"] == "DELETED"


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Asks until it is so. Raises TimeoutError."""
    async with asyncio.timeout(WAITING_SECONDS):
        while not await condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.2)


async def main() -> None:
    words = argparse.ArgumentParser(description="Tells a morning at a school.")
    words.add_argument("--endpoint", default="http://127.0.0.1:8000/graphql")
    words.add_argument("--mentor", required=True, help="token of a user in group Mentors")
    words.add_argument("--learner", required=True, help="token of another user")
    for name in ("film", "portrait", "selfie"):
        words.add_argument(f"--{name}", required=True, type=Path)
    given = words.parse_args()
    async with aiohttp.ClientSession() as http:
        mentor, learner = (Person(http, given.endpoint, token) for token in (given.mentor, given.learner))
        story = Story(mentor, learner, lambda text: print(text, flush=True))  # noqa: T201 - it is told on the terminal
        await story.tell(given.film, given.portrait, given.selfie)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except Refused as refusal:
        sys.exit(str(refusal))
