"""Rekognition as its documentation describes it, but for the looking: a test says what each picture shows."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from app.sdl import snake
from tests.aws_json import AwsFault

Given = Mapping[str, Any]
Told = dict[str, Any]

DETAIL = {"BoundingBox": {"Left": 0.3, "Top": 0.3, "Width": 0.4, "Height": 0.4}, "Confidence": 99.9}
MODEL = {"FaceModelVersion": "7.0"}


@dataclass(frozen=True)
class Shown:
    """One face in a picture: of whom, and Rekognition's reason why it is a poor one."""

    person: str
    flaw: str | None = None


@dataclass
class StoredFace:
    face_id: str
    person: str
    external_id: str
    user_id: str | None = None

    def told(self) -> Told:
        user = {} if self.user_id is None else {"UserId": self.user_id}
        return {"FaceId": self.face_id, "ExternalImageId": self.external_id, "Confidence": 99.9, **user}


@dataclass
class Collection:
    faces: dict[str, StoredFace] = field(default_factory=dict)
    users: set[str] = field(default_factory=set)


@dataclass
class FakeRekognition:
    """Attributes:
    calls: operations asked for, in order.
    busy: throttles so many of the next calls.
    stuck: so many of the next calls of DeleteFaces delete nothing.
    slow: so many of the next searches do not find new users yet.
    similarity: of two pictures of one person.
    checks: liveness sessions and how they stand.
    """

    collections: dict[str, Collection] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    busy: int = 0
    stuck: int = 0
    slow: int = 0
    similarity: float = 99.2
    checks: dict[str, Told] = field(default_factory=dict)
    _pictures: dict[bytes, tuple[Shown, ...]] = field(default_factory=dict)

    def shows(self, picture: bytes, *faces: Shown) -> None:
        self._pictures[hashlib.sha256(picture).digest()] = faces

    def answer(self, operation: str, given: Given) -> Told:
        self.calls.append(operation)
        if self.busy:
            self.busy -= 1
            raise AwsFault("ThrottlingException")
        told: Told = getattr(self, snake(operation[0].lower() + operation[1:]))(given)
        return told

    def create_collection(self, given: Given) -> Told:
        if given["CollectionId"] in self.collections:
            raise AwsFault("ResourceAlreadyExistsException")
        self.collections[given["CollectionId"]] = Collection()
        return {"StatusCode": 200, **MODEL}

    def index_faces(self, given: Given) -> Told:
        collection, (good, poor) = self._collection(given), self._looked_at(given)
        most = given["MaxFaces"]
        indexed = [StoredFace(str(uuid4()), shown.person, given["ExternalImageId"]) for shown in good[:most]]
        collection.faces.update((face.face_id, face) for face in indexed)
        left = [["EXCEEDS_MAX_FACES"] for _ in good[most:]] + [[shown.flaw] for shown in poor]
        return {
            "FaceRecords": [{"Face": face.told(), "FaceDetail": DETAIL} for face in indexed],
            "UnindexedFaces": [{"Reasons": reasons, "FaceDetail": DETAIL} for reasons in left],
            **MODEL,
        }

    def create_user(self, given: Given) -> Told:
        users = self._collection(given).users
        if given["UserId"] in users:
            raise AwsFault("ConflictException")
        users.add(given["UserId"])
        return {}

    def associate_faces(self, given: Given) -> Told:
        collection = self._collection(given)
        self._require_user(given)
        for face_id in given["FaceIds"]:
            collection.faces[face_id].user_id = given["UserId"]
        return {
            "AssociatedFaces": [{"FaceId": face_id} for face_id in given["FaceIds"]],
            "UnsuccessfulFaceAssociations": [],
            "UserStatus": "UPDATING",
        }

    def search_users(self, given: Given) -> Told:
        collection = self._collection(given)
        if given["FaceId"] not in collection.faces:
            raise AwsFault("InvalidParameterException")
        return {"UserMatches": self._matches(given, collection.faces[given["FaceId"]].person), **MODEL}

    def search_users_by_image(self, given: Given) -> Told:
        good, poor = self._looked_at(given)
        left = [["FACE_NOT_LARGEST"] for _ in good[1:]] + [[shown.flaw] for shown in poor]
        told: Told = {
            "UserMatches": self._matches(given, good[0].person) if good else [],
            "UnsearchedFaces": [{"Reasons": reasons, "FaceDetails": DETAIL} for reasons in left],
            **MODEL,
        }
        return {**told, "SearchedFace": {"FaceDetail": DETAIL}} if good else told

    def delete_user(self, given: Given) -> Told:
        self._require_user(given)
        collection = self._collection(given)
        collection.users.remove(given["UserId"])
        for face in collection.faces.values():
            face.user_id = None if face.user_id == given["UserId"] else face.user_id
        return {}

    def delete_faces(self, given: Given) -> Told:
        faces = self._collection(given).faces
        reasons: dict[str, str] = {}
        for face_id in given["FaceIds"]:
            if face_id not in faces:
                reasons[face_id] = "FACE_NOT_FOUND"
            elif self.stuck or faces[face_id].user_id is not None:
                reasons[face_id] = "ASSOCIATED_TO_AN_EXISTING_USER"
            else:
                del faces[face_id]
        self.stuck = max(0, self.stuck - 1)
        deleted = [face_id for face_id in given["FaceIds"] if face_id not in reasons]
        failed = [{"FaceId": face_id, "Reasons": [reason]} for face_id, reason in reasons.items()]
        return {**({"DeletedFaces": deleted} if deleted else {}), "UnsuccessfulFaceDeletions": failed}

    def list_faces(self, given: Given) -> Told:
        faces = list(self._collection(given).faces.values())
        start = int(given.get("NextToken", 0))
        end = start + given["MaxResults"]
        more = {"NextToken": str(end)} if end < len(faces) else {}
        return {"Faces": [face.told() for face in faces[start:end]], **more, **MODEL}

    def create_face_liveness_session(self, given: Given) -> Told:
        session_id = str(uuid4())
        self.checks[session_id] = {"Status": "CREATED"}
        return {"SessionId": session_id}

    def get_face_liveness_session_results(self, given: Given) -> Told:
        if given["SessionId"] not in self.checks:
            raise AwsFault("SessionNotFoundException")
        return {"SessionId": given["SessionId"], **self.checks[given["SessionId"]]}

    def _collection(self, given: Given) -> Collection:
        if given["CollectionId"] not in self.collections:
            raise AwsFault("ResourceNotFoundException")
        return self.collections[given["CollectionId"]]

    def _require_user(self, given: Given) -> None:
        if given["UserId"] not in self._collection(given).users:
            raise AwsFault("ResourceNotFoundException")

    def _looked_at(self, given: Given) -> tuple[list[Shown], list[Shown]]:
        """Good faces, and poor ones that the quality filter keeps away."""
        faces = self._pictures.get(hashlib.sha256(given["Image"]["Bytes"]).digest())
        if faces is None:
            raise AwsFault("InvalidImageFormatException")
        strict = given.get("QualityFilter", "NONE") == "HIGH"
        good = [shown for shown in faces if not (strict and shown.flaw)]
        return good, [shown for shown in faces if shown not in good]

    def _matches(self, given: Given, person: str) -> list[Told]:
        if self.slow:
            self.slow -= 1
            return []
        collection = self._collection(given)
        known = {face.user_id: face.person for face in collection.faces.values() if face.user_id is not None}
        alike = [user_id for user_id, shown in known.items() if shown == person]
        if self.similarity < given.get("UserMatchThreshold", 80.0):
            return []
        return [
            {"Similarity": self.similarity, "User": {"UserId": user_id, "UserStatus": "ACTIVE"}}
            for user_id in alike[: given["MaxUsers"]]
        ]
