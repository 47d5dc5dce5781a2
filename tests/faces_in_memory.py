"""A face engine for the rules around faces: its pictures say what they show.

Behind a PNG's first bytes stand words: "eva", "eva mia", "eva blurred", "nobody", or "junk" for what is no picture.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from datasources.face_engine import (
    FacePage,
    Liveness,
    StoredFace,
    UnreadablePicture,
    face_not_found,
    face_quality_low,
    face_service_busy,
    multiple_faces,
)

_PNG = b"\x89PNG\r\n\x1a\n"


def picture(*words: str) -> bytes:
    return _PNG + " ".join(words).encode()


@dataclass
class LivenessInMemory:
    """`passed` holds who passed which check."""

    region: str = "eu-central-1"
    started: list[str] = field(default_factory=list)
    passed: dict[str, str] = field(default_factory=dict)

    async def start(self) -> str:
        self.started.append(str(uuid4()))
        return self.started[-1]

    async def result(self, session_id: str) -> Liveness:
        person = self.passed.get(session_id)
        return Liveness(None if person is None else picture(person))


@dataclass
class FacesInMemory:
    """Attributes:
    faces: whose face is kept under which user and id.
    calls: what was asked of the engine, in order.
    similarity: of two pictures of one person, percent.
    busy: how many of the next calls are refused.
    held: while it is set, enrolling waits for it after it has learned the face.
    """

    faces: dict[StoredFace, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    similarity: float = 98.456
    busy: int = 0
    held: asyncio.Event | None = None
    learned: asyncio.Event = field(default_factory=asyncio.Event)
    liveness: LivenessInMemory | None = None

    async def enroll(self, user_id: str, picture: bytes) -> str:
        self._called("enroll")
        face = StoredFace(user_id, uuid4().hex)
        self.faces[face] = _person(picture)
        self.learned.set()
        if self.held is not None:
            await self.held.wait()
        return face.face_id

    async def compare(self, user_id: str, face_id: str, picture: bytes) -> float:
        self._called("compare")
        await asyncio.sleep(0)
        return self.similarity if self.faces.get(StoredFace(user_id, face_id)) == _person(picture) else 0.0

    async def delete(self, user_id: str, face_ids: Sequence[str]) -> str:
        self._called("delete")
        for face_id in face_ids:
            self.faces.pop(StoredFace(user_id, face_id), None)
        return uuid4().hex

    async def stored(self, *, after: str | None = None) -> FacePage:
        return FacePage(list(self.faces), None)

    def users(self) -> list[str]:
        return sorted(face.user_id for face in self.faces)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.busy:
            self.busy -= 1
            raise face_service_busy()


def _person(picture: bytes) -> str:
    words = picture.removeprefix(_PNG).decode().split()
    if words == ["junk"]:
        raise UnreadablePicture("junk")
    if words in ([], ["nobody"]):
        raise face_not_found()
    if "blurred" in words:
        raise face_quality_low("BLURRED")
    if len(words) > 1:
        raise multiple_faces()
    return words[0]
