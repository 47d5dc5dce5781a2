"""Faces with Amazon Rekognition: a collection holds what it learns, a search says whom a picture is like.

Each stored face is a Rekognition user of its own, named by the face's id, as only the search for users tells of the
other faces in a picture and of poor ones. Of what a search finds, nothing but the caller's own face is looked at.
"""

import asyncio
import base64
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aioboto3

from datasources.aws.vendor_errors import FAULTS, client_config, code_of
from datasources.face_engine import (
    LEAST_SIMILARITY,
    MAX_PICTURE_BYTES,
    FacePage,
    Flaw,
    Liveness,
    StoredFace,
    UnreadablePicture,
    face_not_found,
    face_quality_low,
    face_service_busy,
    multiple_faces,
)
from domain.errors import DomainError, dependency_failed

AT_ONCE = 20
"""Calls of one process; an account may make 5 to 50 a second."""
WAITING_SECONDS = 10.0
"""For a call's turn and its repeats."""
LEAST_LIVENESS = 80.0
"""Percent of confidence that a person, not a picture, was before the camera."""
MOST_MATCHES = 500
_PAGE = 500
_DELETE_TRIES = 5
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0

_BUSY = frozenset(
    {"ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "InternalServerError"}
)
_NO_PICTURE = frozenset({"InvalidImageFormatException", "ImageTooLargeException"})
_FLAWS: Mapping[str, Flaw] = {
    "EXTREME_POSE": "TURNED",
    "LOW_BRIGHTNESS": "TOO_DARK",
    "LOW_SHARPNESS": "BLURRED",
    "SMALL_BOUNDING_BOX": "TOO_SMALL",
}


@asynccontextmanager
async def open_rekognition(
    collection: str,
    *,
    region: str,
    endpoint_url: str | None = None,
    seconds: float = WAITING_SECONDS,
    session: aioboto3.Session | None = None,
) -> "AsyncIterator[Rekognition]":
    """See `Rekognition`. `endpoint_url` None is AWS's own."""
    chosen = session or aioboto3.Session()
    async with chosen.client(
        "rekognition", region_name=region, endpoint_url=endpoint_url, config=client_config()
    ) as client:
        yield Rekognition(client, collection, region=region, seconds=seconds)


class Rekognition:
    """A `FaceEngine`.

    Args:
        client: aioboto3's "rekognition" client.
        collection: where this deployment's faces are, and no other's; made with the first face.
        region: where clients run liveness checks.
        seconds: how long Rekognition may be busy.
    """

    def __init__(self, client: Any, collection: str, *, region: str, seconds: float) -> None:
        self._seconds = seconds
        self._calls = _Calls(client, seconds)
        self._collection = collection
        self.liveness = RekognitionLiveness(self._calls, region)

    async def enroll(self, user_id: str, picture: bytes) -> str:
        answer = await self._index(user_id, _bounded(picture))
        faces, others = answer["FaceRecords"], answer.get("UnindexedFaces", [])
        if len(faces) != 1 or others:
            await self._forget([record["Face"]["FaceId"] for record in faces])
            raise _refusal(faces, others)
        face_id: str = faces[0]["Face"]["FaceId"]
        try:
            await self._name(face_id)
        except BaseException:  # nobody would know of the face any more
            await self.delete(user_id, [face_id])
            raise
        return face_id

    async def compare(self, user_id: str, face_id: str, picture: bytes) -> float:
        answer = await self._calls.send(
            "search_users_by_image",
            CollectionId=self._collection,
            Image={"Bytes": _bounded(picture)},
            UserMatchThreshold=LEAST_SIMILARITY,
            MaxUsers=MOST_MATCHES,
            QualityFilter="HIGH",
        )
        searched, others = answer.get("SearchedFace"), answer.get("UnsearchedFaces", [])
        if not searched or others:
            raise _refusal([searched] if searched else [], others)
        own = (match["Similarity"] for match in answer["UserMatches"] if match["User"]["UserId"] == face_id)
        return float(next(own, 0.0))

    async def delete(self, user_id: str, face_ids: Sequence[str]) -> str:
        for face_id in face_ids:
            await self._calls.send(
                "delete_user", CollectionId=self._collection, UserId=face_id, fine="ResourceNotFoundException"
            )
        return await self._forget(face_ids)

    async def stored(self, *, after: str | None = None) -> FacePage:
        position = {} if after is None else {"NextToken": after}
        answer = await self._calls.send(
            "list_faces",
            CollectionId=self._collection,
            MaxResults=_PAGE,
            **position,
            fine="ResourceNotFoundException",
        )
        faces = [StoredFace(_user_id(face["ExternalImageId"]), face["FaceId"]) for face in answer.get("Faces", [])]
        return FacePage(faces, answer.get("NextToken"))

    async def _index(self, user_id: str, picture: bytes) -> dict[str, Any]:
        """Raises as `enroll`. The first face of a deployment finds no collection yet."""
        request: dict[str, Any] = {
            "CollectionId": self._collection,
            "Image": {"Bytes": picture},
            "ExternalImageId": _external_id(user_id),
            "MaxFaces": 1,
            "QualityFilter": "HIGH",
            "DetectionAttributes": ["DEFAULT"],
        }
        answer = await self._calls.send("index_faces", **request, fine="ResourceNotFoundException")
        if not answer:
            await self._calls.send(
                "create_collection", CollectionId=self._collection, fine="ResourceAlreadyExistsException"
            )
            answer = await self._calls.send("index_faces", **request)
        return answer

    async def _name(self, face_id: str) -> None:
        """Makes the face one that a search finds."""
        user = {"CollectionId": self._collection, "UserId": face_id}
        await self._calls.send("create_user", **user, ClientRequestToken=face_id, fine="ConflictException")
        await self._calls.send("associate_faces", **user, FaceIds=[face_id], ClientRequestToken=face_id)
        try:
            async with asyncio.timeout(self._seconds):
                await self._found(face_id)
        except TimeoutError:
            raise face_service_busy() from None

    async def _found(self, face_id: str) -> None:
        """Returns when a search finds the face, which takes Rekognition a moment; the caller bounds the time."""
        number = 0
        while True:
            answer = await self._calls.send(
                "search_users", CollectionId=self._collection, FaceId=face_id, MaxUsers=MOST_MATCHES
            )
            if any(match["User"]["UserId"] == face_id for match in answer["UserMatches"]):
                return
            number += 1
            await _pause(number)

    async def _forget(self, face_ids: Sequence[str]) -> str:
        """Deletes until none is left; the id of the request that said so."""
        left = list(face_ids)
        for number in range(_DELETE_TRIES):
            if not left:
                break
            if number:
                await _pause(number)
            answer = await self._calls.send("delete_faces", CollectionId=self._collection, FaceIds=left)
            failed = answer.get("UnsuccessfulFaceDeletions", [])
            left = [each["FaceId"] for each in failed if "FACE_NOT_FOUND" not in each.get("Reasons", ())]
            if not left:
                return str(answer["ResponseMetadata"]["RequestId"])
        if left:
            raise face_service_busy()
        return "nothing was kept"


class RekognitionLiveness:
    """A `LivenessEngine`: Face Liveness, run by Amplify's FaceLivenessDetector in the client."""

    def __init__(self, calls: "_Calls", region: str) -> None:
        self.region = region
        self._calls = calls

    async def start(self) -> str:
        # No audit images: what is not kept need not be deleted.
        answer = await self._calls.send("create_face_liveness_session", Settings={"AuditImagesLimit": 0})
        return str(answer["SessionId"])

    async def result(self, session_id: str) -> Liveness:
        answer = await self._calls.send(
            "get_face_liveness_session_results", SessionId=session_id, fine="SessionNotFoundException"
        )
        passed = answer.get("Status") == "SUCCEEDED" and answer.get("Confidence", 0.0) >= LEAST_LIVENESS
        return Liveness(answer.get("ReferenceImage", {}).get("Bytes") if passed else None)


class _Calls:
    """Calls of Rekognition: some at once, repeated while it is busy, for a bounded time."""

    def __init__(self, client: Any, seconds: float) -> None:
        self._client = client
        self._seconds = seconds
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def send(self, operation: str, *, fine: str | None = None, **request: Any) -> dict[str, Any]:
        """The answer; empty for the one fault that is `fine`.

        Raises:
            UnreadablePicture: the request's picture is none.
            DomainError: FACE_SERVICE_BUSY, DEPENDENCY_FAILED.
        """
        try:
            async with asyncio.timeout(self._seconds), self._turn:
                return await self._repeated(operation, fine, request)
        except TimeoutError:
            raise face_service_busy() from None

    async def _repeated(self, operation: str, fine: str | None, request: dict[str, Any]) -> dict[str, Any]:
        """Until Rekognition is no longer busy; the caller bounds the time."""
        number = 0
        while True:
            try:
                answer: dict[str, Any] = await getattr(self._client, operation)(**request)
                return answer
            except FAULTS as error:
                code = code_of(error)
                if code not in _BUSY:
                    if code and code == fine:
                        return {}
                    raise _translated(code) from None
            number += 1
            await _pause(number)


async def _pause(number: int) -> None:
    longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**number)
    await asyncio.sleep(random.uniform(0, longest))  # noqa: S311 - spreads retries, protects nothing


def _external_id(user_id: str) -> str:
    """In signs that Rekognition takes, as those of an OpenID Connect issuer need not be."""
    return base64.urlsafe_b64encode(user_id.encode()).decode().replace("=", ".")


def _user_id(external_id: str) -> str:
    return base64.urlsafe_b64decode(external_id.replace(".", "=")).decode()


def _bounded(picture: bytes) -> bytes:
    if not 0 < len(picture) <= MAX_PICTURE_BYTES:  # which Rekognition does not look at
        raise UnreadablePicture("it is empty or too large")
    return picture


def _refusal(faces: Sequence[Any], others: Sequence[Mapping[str, Any]]) -> DomainError:
    """Why a picture will not do, by the faces that were taken and those that were not."""
    if len(faces) + len(others) > 1:
        return multiple_faces()
    if not others:
        return face_not_found()
    reasons = others[0].get("Reasons", ())
    return face_quality_low(next((_FLAWS[reason] for reason in reasons if reason in _FLAWS), "UNCLEAR"))


def _translated(code: str) -> Exception:
    return UnreadablePicture(code) if code in _NO_PICTURE else dependency_failed("faces")
