"""Files on their way in, and each step of an upload as a pure function.

INITIATED -> UPLOADING -> COMPLETING -> COMPLETED; or ABORTED, EXPIRED, FAILED. COMPLETING falls back to UPLOADING on a
storage error. A step takes the record as it is and returns it as it shall be, one version on.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from domain.errors import Code, DomainError, bad_request
from domain.part_plan import PartPlan
from domain.records import Record
from domain.times import Timestamp, epoch_seconds, later

ChecksumAlgorithm = Literal["SHA256", "CRC32C", "CRC32", "CRC64NVME"]
MediaKind = Literal["VIDEO", "AUDIO", "IMAGE", "DOCUMENT", "RECORDING"]
UploadPurpose = Literal["LESSON", "ATTACHMENT", "AVATAR", "FACE", "CAPTION", "DEVICE_AUDIO"]
UploadStatus = Literal["INITIATED", "UPLOADING", "COMPLETING", "COMPLETED", "ABORTED", "EXPIRED", "FAILED"]

DIGEST_BYTES: Mapping[ChecksumAlgorithm, int] = {"SHA256": 32, "CRC32C": 4, "CRC32": 4, "CRC64NVME": 8}
STORES_OWN: ChecksumAlgorithm = "CRC64NVME"
"""What a store of files computes by itself of every file in parts; checksums of others have to come with each part."""
LIFETIME_SECONDS = 7 * 24 * 3600
FACE_LIFETIME_SECONDS = 3600
"""Of an upload of a face: bytes that nobody completes are not kept for days."""
LEASE_SECONDS = 60
"""How long one caller alone may complete; a crash holds up the others no longer."""
SIGNED_SECONDS = 3600
"""How long a signed request is good for, at most."""
MOST_SIGNED = 100
MOST_MISSING_TOLD = 100

OPEN: frozenset[UploadStatus] = frozenset({"INITIATED", "UPLOADING"})

_STEPS: Mapping[str, frozenset[str]] = {
    "INITIATED": frozenset({"UPLOADING", "COMPLETING", "ABORTED", "EXPIRED"}),
    "UPLOADING": frozenset({"COMPLETING", "ABORTED", "EXPIRED"}),
    "COMPLETING": frozenset({"COMPLETING", "UPLOADING", "COMPLETED", "FAILED", "EXPIRED"}),
}


class Checksum(Record, frozen=True):
    """`value` is in base 64, as S3 writes it."""

    algorithm: ChecksumAlgorithm
    value: str

    @property
    def is_well_formed(self) -> bool:
        """Whether the value is base 64 of as many bytes as the algorithm has."""
        try:
            digest = base64.b64decode(self.value, validate=True)
        except ValueError:
            return False
        return len(digest) == DIGEST_BYTES[self.algorithm] and base64.b64encode(digest).decode() == self.value


class HttpHeader(Record, frozen=True):
    name: str
    value: str


class PresignedRequest(Record, frozen=True):
    """A request that anybody may send until `expires_at`, with exactly these headers."""

    method: str
    url: str
    headers: tuple[HttpHeader, ...]
    expires_at: Timestamp


class PresignedPart(Record, frozen=True):
    part_number: int
    request: PresignedRequest


class UploadPart(Record, frozen=True):
    """A part that the store holds."""

    part_number: int
    size_bytes: int
    etag: str
    uploaded_at: Timestamp
    checksum: Checksum | None = None


class Upload(Record, frozen=True):
    """A row of table Uploads.

    Attributes:
        key: where the bytes arrive.
        multipart_id: the store's name of the beginning; None for one PUT of the whole.
        lease: names the one call that may complete it until `lease_until`, while COMPLETING.
    """

    id: str
    owner_id: str
    kind: MediaKind
    purpose: UploadPurpose
    file_name: str
    content_type: str
    size_bytes: int
    status: UploadStatus
    key: str
    created_at: Timestamp
    expires_at: Timestamp
    version: int
    checksum: Checksum | None = None
    multipart_id: str | None = None
    part_size_bytes: int | None = None
    part_count: int | None = None
    error_message: str | None = None
    lease: str | None = None
    lease_until: Timestamp | None = None

    @property
    def is_multipart(self) -> bool:
        return self.multipart_id is not None

    @property
    def is_open(self) -> bool:
        """Whether bytes may still come, but for the clock."""
        return self.status in OPEN

    @property
    def has_ended(self) -> bool:
        return self.status not in _STEPS

    @property
    def part_algorithm(self) -> ChecksumAlgorithm:
        """Which checksums its parts carry."""
        return STORES_OWN if self.checksum is None else self.checksum.algorithm

    @property
    def plan(self) -> PartPlan:
        """Of an upload in one piece: one part."""
        return PartPlan(self.size_bytes, self.part_size_bytes or self.size_bytes)

    def is_leased(self, now: Timestamp) -> bool:
        """Whether another call is completing it."""
        return self.status == "COMPLETING" and self.lease_until is not None and now < self.lease_until


def expires(purpose: UploadPurpose, begun_at: Timestamp) -> Timestamp:
    """When an upload that is not completed loses its bytes."""
    return later(begun_at, seconds=FACE_LIFETIME_SECONDS if purpose == "FACE" else LIFETIME_SECONDS)


def signed_seconds(upload: Upload, now: Timestamp) -> int:
    """How long a request that is signed now is good for: no longer than its upload, which has time left."""
    return min(SIGNED_SECONDS, epoch_seconds(upload.expires_at) - epoch_seconds(now)) or 1


def require_takes_bytes(upload: Upload, now: Timestamp) -> None:
    """Raises UPLOAD_NOT_OPEN with the status."""
    if upload.is_open and upload.expires_at <= now:
        raise _not_open("EXPIRED")
    if not upload.is_open:
        raise _not_open(upload.status)


def signed(upload: Upload, now: Timestamp) -> Upload:
    """The client was given requests for parts. As it is, when that was so before. Raises UPLOAD_NOT_OPEN."""
    require_takes_bytes(upload, now)
    return upload if upload.status == "UPLOADING" else _next(upload, "UPLOADING")


def completing(upload: Upload, lease: str, now: Timestamp) -> Upload:
    """One caller begins to complete, alone for a minute. The caller has seen that nobody else has the lease.

    Raises:
        DomainError: UPLOAD_NOT_OPEN; UPLOAD_INCOMPLETE for parts that nobody was given a request for.
    """
    if upload.status != "COMPLETING":
        require_takes_bytes(upload, now)
    if upload.status == "INITIATED" and upload.is_multipart:
        raise incomplete(range(1, upload.plan.part_count + 1))
    return _next(upload, "COMPLETING", lease=lease, lease_until=later(now, seconds=LEASE_SECONDS))


def reopened(upload: Upload) -> Upload:
    """Completing did not work out; it may be tried again. Raises UPLOAD_NOT_OPEN for what nobody was completing."""
    if upload.status != "COMPLETING":
        raise _not_open(upload.status)
    return _next(upload, "UPLOADING", lease=None, lease_until=None)


def completed(upload: Upload) -> Upload:
    return _next(upload, "COMPLETED", lease=None, lease_until=None)


def failed(upload: Upload, message: str) -> Upload:
    """The file is not what was declared."""
    return _next(upload, "FAILED", error_message=message, lease=None, lease_until=None)


def aborted(upload: Upload) -> Upload:
    """As it is, when it was aborted before. Raises UPLOAD_NOT_OPEN."""
    return upload if upload.status == "ABORTED" else _next(upload, "ABORTED")


def expired(upload: Upload, now: Timestamp) -> Upload:
    """As it is, when it has time left, is being completed, or has ended."""
    if upload.expires_at > now or upload.is_leased(now) or "EXPIRED" not in _STEPS.get(upload.status, ()):
        return upload
    return _next(upload, "EXPIRED", lease=None, lease_until=None)


def check_part_checksum(checksum: Checksum | None, upload: Upload, field: str) -> None:
    """Raises BAD_REQUEST: parts carry the algorithm that the upload began with, and have to unless it is CRC64NVME."""
    if checksum is None:
        if upload.part_algorithm != STORES_OWN:
            raise bad_request(field, "NEEDED", f"Each part of this upload comes with its {upload.part_algorithm}.")
    elif checksum.algorithm != upload.part_algorithm:
        raise bad_request(field, "ALGORITHM", f"Checksums of this upload's parts are of {upload.part_algorithm}.")


def check_part_numbers(numbers: Sequence[int], upload: Upload, field: str) -> None:
    """Numbers of parts to sign: 1 to 100 different ones that the upload has. Raises BAD_REQUEST."""
    _require_multipart(upload)
    if not 1 <= len(numbers) <= MOST_SIGNED:
        raise bad_request(field, "COUNT", f"{field} has 1 to {MOST_SIGNED} parts.")
    if len(set(numbers)) < len(numbers):
        raise bad_request(field, "REPEATED", f"{field} names each part once.")
    _require_in_range(numbers, upload, field)


def check_completed_parts(numbers: Sequence[int], upload: Upload, field: str) -> None:
    """All parts of an upload, each once, ascending; none of a single one.

    Raises:
        DomainError: BAD_REQUEST with the field; UPLOAD_INCOMPLETE with the first 100 missing numbers.
    """
    if not upload.is_multipart:
        if numbers:
            raise bad_request(field, "SINGLE", "An upload in one piece has no parts.")
        return
    if len(set(numbers)) < len(numbers):
        raise bad_request(field, "REPEATED", f"{field} names each part once.")
    _require_in_range(numbers, upload, field)
    if list(numbers) != sorted(numbers):
        raise bad_request(field, "ORDER", f"{field} is in ascending order.")
    if len(numbers) < upload.plan.part_count:
        given = set(numbers)
        raise incomplete([number for number in range(1, upload.plan.part_count + 1) if number not in given])


def incomplete(missing: Sequence[int]) -> DomainError:
    message = "Not all parts of the file have arrived."
    return DomainError(Code.UPLOAD_INCOMPLETE, message, missingParts=list(missing[:MOST_MISSING_TOLD]))


def _require_multipart(upload: Upload) -> None:
    if not upload.is_multipart:
        raise bad_request("input.uploadId", "SINGLE", "An upload in one piece has no parts.")


def _require_in_range(numbers: Sequence[int], upload: Upload, field: str) -> None:
    most = upload.plan.part_count
    if any(not 1 <= number <= most for number in numbers):
        raise bad_request(field, "RANGE", f"Part numbers of this upload are 1 to {most}.")


def _not_open(status: str) -> DomainError:
    return DomainError(Code.UPLOAD_NOT_OPEN, "The upload is not open any more.", status=status)


def _next(upload: Upload, status: UploadStatus, **changes: Any) -> Upload:
    if status not in _STEPS.get(upload.status, ()):
        raise _not_open(upload.status)
    return msgspec.structs.replace(upload, status=status, **changes, version=upload.version + 1)
