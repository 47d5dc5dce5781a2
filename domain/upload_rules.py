"""What may be uploaded: by kind and purpose, how large, of which types; and an upload's declaration, checked."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from domain import text
from domain.errors import Code, DomainError, bad_request
from domain.fields import input_field
from domain.file_types import BY_KIND
from domain.part_plan import (
    MAX_OBJECT_BYTES,
    MAX_PART_BYTES,
    MIB,
    MIN_PART_BYTES,
    SINGLE_BYTES,
    PartPlan,
    planned,
)
from domain.records import Record, to_item
from domain.uploads import Checksum, MediaKind, UploadPurpose

GIB = 1024 * MIB
MOST_FILE_NAME_BYTES = 255


class UploadRule(Record, frozen=True):
    """Limits for one kind."""

    kind: MediaKind
    max_size_bytes: int
    content_types: tuple[str, ...]


class UploadLimits(msgspec.Struct, frozen=True):
    """What a deployment allows: bytes of one file by its kind, of all files of a user together, and uploads that a
    user has open at once.

    `least_part_bytes` is what its store of files takes as a part that is not the last.
    """

    video_bytes: int = 50 * GIB
    audio_bytes: int = 2 * GIB
    image_bytes: int = 25 * MIB
    document_bytes: int = 200 * MIB
    recording_bytes: int = 50 * GIB
    user_bytes: int = 100 * GIB
    user_open: int = 100
    least_part_bytes: int = MIN_PART_BYTES

    @property
    def rules(self) -> tuple[UploadRule, ...]:
        most: Mapping[MediaKind, int] = {
            "VIDEO": self.video_bytes,
            "AUDIO": self.audio_bytes,
            "IMAGE": self.image_bytes,
            "DOCUMENT": self.document_bytes,
            "RECORDING": self.recording_bytes,
        }
        return tuple(UploadRule(kind, size, tuple(BY_KIND[kind])) for kind, size in most.items())


DEFAULT = UploadLimits()


class _Narrowing(msgspec.Struct, frozen=True):
    """What a purpose takes of a kind; None: all that the kind's own rule does."""

    most_bytes: int | None = None
    content_types: tuple[str, ...] | None = None


_ALL = _Narrowing()
_PICTURE = ("image/jpeg", "image/png", "image/webp")

_PURPOSES: Mapping[UploadPurpose, Mapping[MediaKind, _Narrowing]] = {
    "LESSON": dict.fromkeys(("VIDEO", "AUDIO", "IMAGE", "DOCUMENT", "RECORDING"), _ALL),
    "ATTACHMENT": dict.fromkeys(("VIDEO", "AUDIO", "IMAGE", "DOCUMENT"), _ALL),
    "AVATAR": {"IMAGE": _Narrowing(5 * MIB, _PICTURE)},
    "FACE": {"IMAGE": _Narrowing(5 * MIB, ("image/jpeg", "image/png"))},
    "CAPTION": {"DOCUMENT": _Narrowing(MIB, ("text/vtt",))},
    "DEVICE_AUDIO": {"AUDIO": _Narrowing(None, ("audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg", "audio/wav"))},
}


class Declaration(msgspec.Struct, frozen=True):
    """A file as its owner announces it, checked. `plan` None: one PUT of the whole."""

    kind: MediaKind
    purpose: UploadPurpose
    file_name: str
    content_type: str
    size_bytes: int
    checksum: Checksum | None
    plan: PartPlan | None


def declaration(given: Mapping[str, Any], limits: UploadLimits) -> Declaration:
    """Of an `InitiateUploadInput`.

    Raises:
        DomainError: BAD_REQUEST; UPLOAD_TOO_LARGE, UPLOAD_TYPE_NOT_ALLOWED with the rule that it breaks.
    """
    name = file_name(given["file_name"], input_field("file_name"))
    size = _whole(given["size_bytes"], input_field("size_bytes"), 1, MAX_OBJECT_BYTES)
    rule = _rule(given["kind"], given["purpose"], limits)
    content_type = given["content_type"].lower()
    if content_type not in rule.content_types:
        raise _refused(Code.UPLOAD_TYPE_NOT_ALLOWED, "Files of this type are not taken here.", rule)
    if size > rule.max_size_bytes:
        raise _refused(Code.UPLOAD_TOO_LARGE, "The file is larger than allowed.", rule)
    plan = None
    if given.get("multipart") or size > SINGLE_BYTES:
        wanted = given.get("part_size_bytes")
        field = input_field("part_size_bytes")
        plan = planned(size, None if wanted is None else _whole(wanted, field, limits.least_part_bytes, MAX_PART_BYTES))
    declared = given.get("checksum")
    whole = None if declared is None else checksum(declared, input_field("checksum"))
    if plan is not None and whole is not None and whole.algorithm == "SHA256":
        raise bad_request(input_field("checksum"), "ALGORITHM", "A file in parts has no SHA256 as a whole.")
    return Declaration(given["kind"], given["purpose"], name, content_type, size, whole, plan)


def file_name(value: str, field: str) -> str:
    """A name to be shown, of 1 to 255 bytes; never a path. Raises BAD_REQUEST."""
    name = text.clean(value, field, longest=MOST_FILE_NAME_BYTES)
    if len(name.encode()) > MOST_FILE_NAME_BYTES:
        raise bad_request(field, "LENGTH", f"{field} has at most {MOST_FILE_NAME_BYTES} bytes.")
    if name in (".", "..") or not {"/", "\\", "\n", "\t"}.isdisjoint(name):
        raise bad_request(field, "CHARACTERS", f"{field} is the name of a file, without a path.")
    return name


def checksum(given: Mapping[str, Any], field: str) -> Checksum:
    """A `ChecksumInput`. Raises BAD_REQUEST, rule CHECKSUM, for a value that is none of its algorithm."""
    found = Checksum(given["algorithm"], given["value"])
    if not found.is_well_formed:
        raise bad_request(f"{field}.value", "CHECKSUM", f"{field}.value is a {found.algorithm} in base 64.")
    return found


def _rule(kind: MediaKind, purpose: UploadPurpose, limits: UploadLimits) -> UploadRule:
    """The kind's rule, as narrow as the purpose makes it. Raises BAD_REQUEST, rule PURPOSE."""
    narrowing = _PURPOSES[purpose].get(kind)
    if narrowing is None:
        kinds = " or ".join(_PURPOSES[purpose])
        raise bad_request(input_field("kind"), "PURPOSE", f"Purpose {purpose} takes kind {kinds}.")
    rule = next(rule for rule in limits.rules if rule.kind == kind)
    types: Sequence[str] = narrowing.content_types or rule.content_types
    most = min(rule.max_size_bytes, narrowing.most_bytes or rule.max_size_bytes)
    return UploadRule(kind, most, tuple(types))


def _refused(code: Code, message: str, rule: UploadRule) -> DomainError:
    return DomainError(code, message, rule=to_item(rule))


def _whole(value: float, field: str, least: int, most: int) -> int:
    if value != int(value) or not least <= value <= most:
        raise bad_request(field, "RANGE", f"{field} is a whole number, {least} to {most}.")
    return int(value)
