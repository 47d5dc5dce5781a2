"""Faces, as one narrow port: Amazon Rekognition, or dlib on this machine.

An engine keeps what it has learned of a face to itself. What leaves it is an opaque id of a stored face, how alike a
picture is to it, or why a picture will not do. Vendor errors end at the engine.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from domain.errors import Code, DomainError

MAX_PICTURE_BYTES = 5 * 1024**2
"""What Rekognition takes in a request."""
LEAST_SIMILARITY = 80.0
"""Percent; below, two pictures count as not alike at all, and engines may answer 0."""
MOST_PICTURE_PIXELS = 40_000_000

Flaw = Literal["TOO_SMALL", "TOO_DARK", "TOO_BRIGHT", "BLURRED", "TURNED", "UNCLEAR"]
"""Why a face is of no use."""


class UnreadablePicture(Exception):
    """The bytes are no still picture that can be read: another format, cut off, animated, or too large."""


class StoredFace(msgspec.Struct, frozen=True):
    """A face that an engine keeps, and whose it is."""

    user_id: str
    face_id: str


class FacePage(msgspec.Struct, frozen=True):
    """Stored faces in an order of the engine's, and where to go on; `last` None: nothing follows."""

    faces: Sequence[StoredFace]
    last: str | None


class Liveness(msgspec.Struct, frozen=True):
    """How a liveness check ended. `reference` is the engine's picture of who passed it, None for who did not."""

    reference: bytes | None

    @property
    def passed(self) -> bool:
        return self.reference is not None


class LivenessEngine(Protocol):
    """Tells a person before the camera from a picture held to it."""

    @property
    def region(self) -> str:
        """Where clients run the check."""
        ...

    async def start(self) -> str:
        """The id of a new check. Raises FACE_SERVICE_BUSY, DEPENDENCY_FAILED."""
        ...

    async def result(self, session_id: str) -> Liveness:
        """How it ended; not passed as long as it has not. Raises FACE_SERVICE_BUSY, DEPENDENCY_FAILED."""
        ...


class FaceEngine(Protocol):
    """Faces of users, each compared with nobody's but its own user's.

    Pictures are JPEG, PNG or (on this machine) WebP of at most `MAX_PICTURE_BYTES`, with one face in them.

    Calls that take a picture raise UnreadablePicture and `DomainError` FACE_NOT_FOUND, MULTIPLE_FACES,
    FACE_QUALITY_LOW. Every call raises FACE_SERVICE_BUSY when the engine has too much to do, and DEPENDENCY_FAILED
    when it is broken.
    """

    @property
    def liveness(self) -> LivenessEngine | None:
        """None where the engine cannot tell."""
        ...

    async def enroll(self, user_id: str, picture: bytes) -> str:
        """Learns the face; its id. Another one that is kept of the user stays."""
        ...

    async def compare(self, user_id: str, face_id: str, picture: bytes) -> float:
        """How alike the picture is to this face, in percent; 0 below `LEAST_SIMILARITY` or for an unknown face."""
        ...

    async def delete(self, user_id: str, face_ids: Sequence[str]) -> str:
        """Forgets the user's faces for good; fine when unknown. The engine's receipt, text without meaning."""
        ...

    async def stored(self, *, after: str | None = None) -> FacePage:
        """What the engine keeps, some hundred a page, to find faces that nobody needs any more."""
        ...


def face_not_found() -> DomainError:
    return DomainError(Code.FACE_NOT_FOUND, "The picture shows no face that could be found.")


def multiple_faces() -> DomainError:
    return DomainError(Code.MULTIPLE_FACES, "The picture shows more than one face.")


def face_quality_low(flaw: Flaw) -> DomainError:
    return DomainError(Code.FACE_QUALITY_LOW, "The face cannot be seen well enough.", reason=flaw)


def face_service_busy() -> DomainError:
    return DomainError(Code.FACE_SERVICE_BUSY, "Faces are not compared fast enough now.", retryAfterSeconds=2)
