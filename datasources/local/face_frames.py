"""What the server and its face workers say to each other: four bytes of length and a msgpack value, both ways."""

import struct

import msgspec

from datasources.face_engine import Flaw
from domain.errors import Code

LENGTH = struct.Struct(">I")


class Task(msgspec.Struct, frozen=True):
    """Describe the face of a picture, or measure how far it is from a known description."""

    picture: bytes
    known: bytes | None = None


class Described(msgspec.Struct, frozen=True, tag=True):
    description: bytes


class Measured(msgspec.Struct, frozen=True, tag=True):
    distance: float


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The picture shows no face, several, or a poor one."""

    code: Code
    flaw: Flaw | None = None


class Unreadable(msgspec.Struct, frozen=True, tag=True):
    """The bytes are no picture that can be read."""

    why: str


Finding = Described | Measured | Refused | Unreadable


class Ready(msgspec.Struct, frozen=True):
    """A worker's first frame. `fault` says why it will not work."""

    fault: str | None = None


def framed(value: msgspec.Struct) -> bytes:
    body = msgspec.msgpack.encode(value)
    return LENGTH.pack(len(body)) + body
