"""The decisions who may know of a course, and whether somebody may open its content, and why."""

from domain.courses import Course
from domain.enrollments import CourseAccess, Enrollment
from domain.times import Timestamp

_REFUSED = {
    "PENDING_PAYMENT": "PAYMENT_PENDING",
    "WAITLISTED": "WAITLISTED",
    "DROPPED": "NOT_ENROLLED",
    "EXPIRED": "EXPIRED",
    "REVOKED": "REVOKED",
}


def shows_course(course: Course, enrollment: Enrollment, now: Timestamp) -> bool:
    """Whether a learner may know of it: everybody of what is PUBLISHED, who holds a seat of what is ARCHIVED."""
    if course.state == "PUBLISHED":
        return True
    return course.state == "ARCHIVED" and enrollment.holds_seat and not enrollment.has_lapsed(now)


def course_access(course: Course, enrollment: Enrollment | None, *, is_staff: bool, now: Timestamp) -> CourseAccess:
    """Access by the server's clock: what has ended counts as ended, also before the row says so.

    Args:
        enrollment: the user's row in this course, None when there is none.
        is_staff: the user is the course's owner, one of its mentors or an Admin.
    """
    if is_staff:
        return CourseAccess(course.id, granted=True, reason="STAFF")
    if enrollment is None:
        return CourseAccess(course.id, granted=False, reason="NOT_ENROLLED")
    if enrollment.has_lapsed(now):
        reason = "NOT_ENROLLED" if enrollment.status == "PENDING_PAYMENT" else "EXPIRED"
        return CourseAccess(course.id, granted=False, reason=reason, expires_at=enrollment.expires_at)
    if enrollment.status in _REFUSED:
        return CourseAccess(
            course.id, granted=False, reason=_REFUSED[enrollment.status], expires_at=enrollment.expires_at
        )
    if course.starts_at is not None and course.starts_at > now:
        return CourseAccess(course.id, granted=False, reason="NOT_STARTED", expires_at=enrollment.expires_at)
    return CourseAccess(course.id, granted=True, reason="ENROLLED", expires_at=enrollment.expires_at)
