"""A user's place in a course, and what it lets them open."""

from typing import Literal

from domain.records import Record
from domain.times import Timestamp

EnrollmentStatus = Literal["PENDING_PAYMENT", "WAITLISTED", "ACTIVE", "COMPLETED", "DROPPED", "EXPIRED", "REVOKED"]

HOLDS_SEAT = frozenset({"PENDING_PAYMENT", "ACTIVE", "COMPLETED"})
MAY_ENROLL_AGAIN = frozenset({"DROPPED", "EXPIRED", "REVOKED"})


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


class CourseAccess(Record, frozen=True):
    """The access decision that content resolvers use too."""

    course_id: str
    granted: bool
    reason: str
    expires_at: Timestamp | None = None
