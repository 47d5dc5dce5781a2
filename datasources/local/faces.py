"""Faces on this machine: dlib in processes of their own, descriptions sealed in the record store.

A local engine cannot tell a person from a picture that is held to the camera, and says so.
"""

import hashlib
import itertools
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from datasources.face_engine import (
    LEAST_SIMILARITY,
    FacePage,
    StoredFace,
    UnreadablePicture,
    face_not_found,
    face_quality_low,
    multiple_faces,
)
from datasources.local.face_frames import Described, Finding, Measured, Refused, Task, Unreadable
from datasources.local.face_workers import FaceWorkers
from datasources.ports import Attributes, RecordStore
from datasources.shards import SHARDS, shard
from datasources.tables import FACE_DESCRIPTIONS
from domain.errors import Code, dependency_failed

_NONCE_BYTES = 12
_PAGE = 500

SCALE = ((0.0, 100.0), (0.40, 99.0), (0.50, 97.0), (0.55, 95.0), (0.60, LEAST_SIMILARITY))
"""dlib's distance and what it is called in percent, linear between; farther apart is 0.

95, the default of a policy, is the distance 0.55. There, of 110 photos of 25 people, 96 in 100 pairs of one person
were recognised, and 3 in 10,000 pairs of two people were mistaken. People of one age, sex and origin are mistaken more
often: of 402 pairs of 29 people, mostly young women, one was nearer than 0.55 and none nearer than 0.50.
"""


def similarity(distance: float) -> float:
    """Percent, by `SCALE`."""
    for (near, high), (far, low) in itertools.pairwise(SCALE):
        if distance <= far:
            return high - (high - low) * (distance - near) / (far - near)
    return 0.0


@asynccontextmanager
async def open_faces(store: RecordStore, secret: bytes, *, processes: int = 1) -> "AsyncIterator[LocalFaces]":
    """
    Args:
        secret: seals what is stored of faces, at least 16 bytes, the same on every process of a deployment. With
            another one nobody is known any more.
    """
    workers = FaceWorkers(processes)
    try:
        yield LocalFaces(store, secret, workers)
    finally:
        await workers.close()


class LocalFaces:
    """A `FaceEngine`."""

    liveness: None = None

    def __init__(self, store: RecordStore, secret: bytes, workers: FaceWorkers) -> None:
        self._store = store
        self._cipher = AESGCM(hashlib.sha256(b"educonnect faces\0" + secret).digest())
        self._workers = workers

    async def enroll(self, user_id: str, picture: bytes) -> str:
        description = await self._describe(picture)
        face = StoredFace(user_id, secrets.token_hex(16))
        await self._store.put(FACE_DESCRIPTIONS, {**_key(face), "sealed": self._seal(face, description)})
        return face.face_id

    async def compare(self, user_id: str, face_id: str, picture: bytes) -> float:
        face = StoredFace(user_id, face_id)
        item = await self._store.get(FACE_DESCRIPTIONS, _key(face))
        if item is None:
            return 0.0
        return similarity(await self._measure(picture, self._open(face, item["sealed"])))

    async def delete(self, user_id: str, face_ids: Sequence[str]) -> str:
        for face_id in face_ids:
            await self._store.delete(FACE_DESCRIPTIONS, _key(StoredFace(user_id, face_id)))
        return secrets.token_hex(16)

    async def stored(self, *, after: str | None = None) -> FacePage:
        shard, _, last = (after or "0").partition(" ")
        number = int(shard)
        position = {"shard": shard, "userFace": last} if last else None
        page = await self._store.query(FACE_DESCRIPTIONS, shard, limit=_PAGE, after=position)
        faces = [_face(item) for item in page.items]
        if page.last_key is not None:
            return FacePage(faces, f"{shard} {page.last_key['userFace']}")
        return FacePage(faces, str(number + 1) if number + 1 < SHARDS else None)

    async def _describe(self, picture: bytes) -> bytes:
        found = await self._workers.find(Task(picture))
        if isinstance(found, Described):
            return found.description
        raise _refusal(found)

    async def _measure(self, picture: bytes, known: bytes) -> float:
        found = await self._workers.find(Task(picture, known))
        if isinstance(found, Measured):
            return found.distance
        raise _refusal(found)

    def _seal(self, face: StoredFace, description: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, description, _bound_to(face))

    def _open(self, face: StoredFace, sealed: bytes) -> bytes:
        """Raises DEPENDENCY_FAILED for what was sealed with another secret."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound_to(face))
        except InvalidTag:
            raise dependency_failed("faces") from None


def _key(face: StoredFace) -> dict[str, str]:
    return {"shard": str(shard(face.user_id)), "userFace": f"{face.user_id}#{face.face_id}"}


def _face(item: Attributes) -> StoredFace:
    user_id, _, face_id = item["userFace"].rpartition("#")
    return StoredFace(user_id, face_id)


def _bound_to(face: StoredFace) -> bytes:
    return f"{face.user_id}#{face.face_id}".encode()


def _refusal(found: Finding) -> Exception:
    if isinstance(found, Unreadable):
        return UnreadablePicture(found.why)
    code = found.code if isinstance(found, Refused) else None
    if code is Code.FACE_NOT_FOUND:
        return face_not_found()
    if code is Code.MULTIPLE_FACES:
        return multiple_faces()
    if isinstance(found, Refused) and found.flaw is not None:
        return face_quality_low(found.flaw)
    return dependency_failed("faces")
