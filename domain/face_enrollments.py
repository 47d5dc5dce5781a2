"""That a user's face is known: for a year, on a consent, and gone for good when it is taken back.

Each step is a pure function of the user's row. A face that is to go stays in the row as `leaving` until the engine has
said that it is gone; only then is the enrollment DELETED.
"""

from typing import Any, Literal

import msgspec

from domain.errors import Code, DomainError
from domain.records import Record
from domain.times import Timestamp, from_epoch, later, moment, timestamp

FaceEnrollmentStatus = Literal["ACTIVE", "DELETED"]
Why = Literal["REPLACED", "REQUESTED", "CONSENT_WITHDRAWN", "EXPIRED", "ERASED"]
"""Why a face is forgotten."""

ENROLLING_SECONDS = 60
"""How long nobody else touches what an engine has just learned."""
PICTURE_SECONDS = 15 * 60
"""How old a picture may be."""
LIVENESS_SECONDS = 180
_AT_ONCE = from_epoch(0)


class FaceEnrollment(Record, frozen=True):
    """What its user may know of it."""

    user_id: str
    status: FaceEnrollmentStatus
    consent_policy_version: str
    enrolled_at: Timestamp
    expires_at: Timestamp
    deleted_at: Timestamp | None = None


class FaceRow(Record, frozen=True):
    """The row `FACE` of table UserItems.

    Attributes:
        face_id: of the engine; None when there is no face to compare with.
        leaving: faces that the engine is yet to forget, `why`.
        enrolling_until: an enrollment is under way.
    """

    user_id: str
    version: int = 0
    enrollment: FaceEnrollment | None = None
    face_id: str | None = None
    leaving: tuple[str, ...] = ()
    why: Why | None = None
    enrolling_until: Timestamp | None = None

    @property
    def due_at(self) -> Timestamp | None:
        """When a worker has to look at the row."""
        if self.leaving:
            return _AT_ONCE
        return None if self.face_id is None or self.enrollment is None else self.enrollment.expires_at

    def is_enrolling(self, now: Timestamp) -> bool:
        return self.enrolling_until is not None and now < self.enrolling_until

    def is_known(self, now: Timestamp) -> bool:
        """Whether there is a face to compare with."""
        return self.face_id is not None and self.enrollment is not None and now < self.enrollment.expires_at


class FaceLivenessSession(Record, frozen=True):
    """A liveness check for one use; its row in UserItems is `LIVENESS#id`."""

    id: str
    region: str
    expires_at: Timestamp


def enrolling(row: FaceRow, now: Timestamp) -> FaceRow:
    """An enrollment begins. Raises FACE_SERVICE_BUSY while another one of the user is under way."""
    if row.is_enrolling(now):
        message = "Another enrollment of the face is under way."
        raise DomainError(Code.FACE_SERVICE_BUSY, message, retryAfterSeconds=2)
    return _next(row, enrolling_until=later(now, seconds=ENROLLING_SECONDS))


def not_enrolled(row: FaceRow) -> FaceRow:
    """The enrollment came to nothing; what was before stays."""
    return _next(row, enrolling_until=None)


def new_enrollment(user_id: str, consent_policy_version: str, now: Timestamp) -> FaceEnrollment:
    return FaceEnrollment(
        user_id=user_id,
        status="ACTIVE",
        consent_policy_version=consent_policy_version,
        enrolled_at=now,
        expires_at=a_year_after(now),
    )


def enrolled(row: FaceRow, face_id: str, enrollment: FaceEnrollment) -> FaceRow:
    """The face is known now; an earlier one leaves."""
    return _next(_leaving(row, "REPLACED"), enrollment=enrollment, face_id=face_id)


def withdrawn(row: FaceRow, why: Why) -> FaceRow:
    """The face is compared with nothing from now on, and leaves. Ends an enrollment that is under way."""
    return _next(_leaving(row, why))


def forgotten(row: FaceRow, now: Timestamp) -> FaceRow:
    """The engine has forgotten what was leaving."""
    if row.face_id is not None or row.enrollment is None:
        return _next(row, leaving=(), why=None)
    deleted = msgspec.structs.replace(row.enrollment, status="DELETED", deleted_at=row.enrollment.deleted_at or now)
    return _next(row, leaving=(), why=None, enrollment=deleted)


def a_year_after(at: Timestamp) -> Timestamp:
    """The same day of the next year; the 29th of February gives the 28th."""
    day = moment(at)
    try:
        return timestamp(day.replace(year=day.year + 1))
    except ValueError:
        return timestamp(day.replace(year=day.year + 1, day=28))


def consent_required() -> DomainError:
    return DomainError(Code.CONSENT_REQUIRED, "This needs a consent to FACE_RECOGNITION, of this policy version.")


def face_not_enrolled() -> DomainError:
    return DomainError(Code.FACE_NOT_ENROLLED, "The user's face is not enrolled.")


def liveness_failed() -> DomainError:
    return DomainError(Code.LIVENESS_FAILED, "The liveness check was not passed, has expired, or was used.")


def _leaving(row: FaceRow, why: Why) -> FaceRow:
    if row.face_id is None:
        return msgspec.structs.replace(row, enrolling_until=None)
    leaving = (*row.leaving, row.face_id)
    return msgspec.structs.replace(row, face_id=None, leaving=leaving, why=why, enrolling_until=None)


def _next(row: FaceRow, **changes: Any) -> FaceRow:
    return msgspec.structs.replace(row, **changes, version=row.version + 1)
