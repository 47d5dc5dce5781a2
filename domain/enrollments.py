"""A user's place in a course: its states, and each step between them as a pure function.

A step takes the row as it is and returns the row as it shall be, one version on. Who may ask for it and
whether there is a seat is settled elsewhere.
"""

from typing import Any, Literal

import msgspec

from domain.courses import Course
from domain.errors import Code, DomainError, bad_request, invalid_state
from domain.records import Record
from domain.times import Timestamp, later

EnrollmentStatus = Literal["PENDING_PAYMENT", "WAITLISTED", "ACTIVE", "COMPLETED", "DROPPED", "EXPIRED", "REVOKED"]

HOLDS_SEAT = frozenset({"PENDING_PAYMENT", "ACTIVE", "COMPLETED"})
MAY_ENROLL_AGAIN = frozenset({"DROPPED", "EXPIRED", "REVOKED"})

HOLD_SECONDS = 30 * 60
"""How long a seat is held for payment."""


class Enrollment(Record, frozen=True):
    """A row of table Enrollments. `ticket` is the place taken in the waiting list, never shown."""

    course_id: str
    user_id: str
    status: str
    source: str
    last_change: str
    enrolled_at: Timestamp
    version: int
    revoke_reason: str | None = None
    hold_expires_at: Timestamp | None = None
    expires_at: Timestamp | None = None
    completed_at: Timestamp | None = None
    ticket: int | None = None

    @property
    def id(self) -> str:
        return f"{self.course_id}#{self.user_id}"

    @property
    def holds_seat(self) -> bool:
        return self.status in HOLDS_SEAT

    @property
    def waits(self) -> bool:
        return self.status == "WAITLISTED"

    @property
    def lapses_at(self) -> Timestamp | None:
        """When the clock takes away what the row gives, a held seat or access; None: never."""
        if self.status == "PENDING_PAYMENT":
            return self.hold_expires_at
        return self.expires_at if self.holds_seat else None

    def has_lapsed(self, now: Timestamp) -> bool:
        """Whether `lapse` is due. Access ends at this moment, whenever the row is changed."""
        return self.lapses_at is not None and self.lapses_at <= now


class CourseAccess(Record, frozen=True):
    """The access decision that content resolvers use too."""

    course_id: str
    granted: bool
    reason: str
    expires_at: Timestamp | None = None


def require_may_enroll(before: Enrollment | None) -> None:
    """Raises ALREADY_ENROLLED, with the status, for a row that holds a seat or waits."""
    if before is not None and before.status not in MAY_ENROLL_AGAIN:
        raise DomainError(Code.ALREADY_ENROLLED, "The user has a place in the course already.", status=before.status)


def enroll(course: Course, user_id: str, before: Enrollment | None, now: Timestamp) -> Enrollment:
    """A free seat taken by the user: ACTIVE, or PENDING_PAYMENT where access is sold."""
    fresh = _fresh(course, user_id, before, now, status="ACTIVE", source="FREE", last_change="ENROLLED")
    return msgspec.structs.replace(fresh, **_seat(course, now))


def wait(course: Course, user_id: str, before: Enrollment | None, ticket: int, now: Timestamp) -> Enrollment:
    """A place in the waiting list; `ticket` is higher than every earlier one of the course."""
    source = _SOURCES.get(course.access_model, "FREE")
    fresh = _fresh(course, user_id, before, now, status="WAITLISTED", source=source, last_change="ENROLLED")
    return msgspec.structs.replace(fresh, ticket=ticket)


def grant(
    course: Course, user_id: str, before: Enrollment | None, expires_at: Timestamp | None, now: Timestamp
) -> Enrollment:
    """A free seat given by staff, until `expires_at`; None is for ever, whatever the course's accessDays.

    Raises:
        DomainError: BAD_REQUEST when that is not in the future.
    """
    if expires_at is not None and expires_at <= now:
        raise bad_request("input.expiresAt", "FUTURE", "input.expiresAt lies in the future.")
    fresh = _fresh(course, user_id, before, now, status="ACTIVE", source="GRANT", last_change="GRANTED")
    return msgspec.structs.replace(fresh, expires_at=expires_at)


def promote(course: Course, before: Enrollment, now: Timestamp) -> Enrollment:
    """The head of the waiting list gets a seat: ACTIVE, or a new hold where access is sold."""
    return _next(before, last_change="PROMOTED", ticket=None, **_seat(course, now))


def complete(before: Enrollment, now: Timestamp) -> Enrollment:
    return _next(before, status="COMPLETED", last_change="COMPLETED", completed_at=now)


def drop(before: Enrollment) -> Enrollment:
    """The user leaves the course or its waiting list. Raises INVALID_STATE for who holds no place."""
    _require_place(before)
    return _next(before, status="DROPPED", last_change="DROPPED", ticket=None, hold_expires_at=None)


def revoke(before: Enrollment, reason: str) -> Enrollment:
    """Staff takes the place away. Raises INVALID_STATE for who holds none."""
    _require_place(before)
    return _next(
        before, status="REVOKED", last_change="REVOKED", revoke_reason=reason, ticket=None, hold_expires_at=None
    )


def lapse(before: Enrollment) -> Enrollment:
    """The row of a hold that was not paid in time, or of access that has ended."""
    if before.status == "PENDING_PAYMENT":
        return _next(before, status="DROPPED", last_change="HOLD_EXPIRED", hold_expires_at=None)
    return _next(before, status="EXPIRED", last_change="ACCESS_EXPIRED")


_SOURCES = {"FREE": "FREE", "PAID": "PURCHASE", "PLAN": "PLAN"}


def _seat(course: Course, now: Timestamp) -> dict[str, Any]:
    """What a seat means by the course's access model. One who waited in a course that is by invitation now
    was let in under an earlier rule and keeps the right."""
    if course.access_model in ("PAID", "PLAN"):
        return {
            "status": "PENDING_PAYMENT",
            "source": _SOURCES[course.access_model],
            "hold_expires_at": later(now, seconds=HOLD_SECONDS),
        }
    expires_at = None if course.access_days is None else later(now, days=course.access_days)
    return {"status": "ACTIVE", "source": "FREE", "expires_at": expires_at}


def _fresh(
    course: Course,
    user_id: str,
    before: Enrollment | None,
    now: Timestamp,
    *,
    status: EnrollmentStatus,
    source: str,
    last_change: str,
) -> Enrollment:
    """A new place. An earlier one leaves only its version, which goes on rising."""
    return Enrollment(
        course_id=course.id,
        user_id=user_id,
        status=status,
        source=source,
        last_change=last_change,
        enrolled_at=now,
        version=1 if before is None else before.version + 1,
    )


def _next(before: Enrollment, **changes: Any) -> Enrollment:
    return msgspec.structs.replace(before, **changes, version=before.version + 1)


def _require_place(before: Enrollment) -> None:
    if before.status in MAY_ENROLL_AGAIN:
        raise invalid_state(before.status, "The user has no place in the course.")
