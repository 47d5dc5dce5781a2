"""What each kind of event says to whom: from a stored change to drafts of notifications.

A new source of events is one more function here, and its feed step.
"""

from collections.abc import Mapping
from typing import Any

from domain.announcements import Announcement
from domain.enrollments import Enrollment
from domain.notifications import Draft

_ENROLLMENT_TEXTS: Mapping[str, tuple[str, str]] = {
    "PROMOTED": ("You have a seat", "A seat has become free in {course}, and it is yours."),
    "GRANTED": ("You have access", "You were given access to {course}."),
    "REVOKED": ("Your access has ended", "Your place in {course} was taken away."),
    "HOLD_EXPIRED": ("Your seat was released", "The seat held for you in {course} was not paid for in time."),
    "ACCESS_EXPIRED": ("Your access has ended", "Your time in {course} is over."),
    "COMPLETED": ("Course completed", "You have completed {course}."),
}
_PROMOTED_TO_PAY = ("A seat is held for you", "A seat has become free in {course}. Pay within 30 minutes to keep it.")
_SECURITY_TEXTS: Mapping[str, tuple[str, str]] = {
    "setUserRoles": ("Your roles were changed", "An administrator has changed your roles."),
    "revokeSession": ("A sign-in was ended", "An administrator has ended one of your sessions."),
    "revokeAllSessions": ("You were signed out", "An administrator has ended all of your sessions."),
    "suspendUser": ("Your account is suspended", "Your account was suspended. Contact support to learn more."),
    "reinstateUser": ("Your account is active again", "The suspension of your account was lifted."),
}


def of_enrollment(enrollment: Enrollment, course_title: str) -> Draft | None:
    """What the latest change of a place says to its user; None for changes that they made themselves."""
    texts = _ENROLLMENT_TEXTS.get(enrollment.last_change)
    if texts is None:
        return None
    if enrollment.last_change == "PROMOTED" and enrollment.status == "PENDING_PAYMENT":
        texts = _PROMOTED_TO_PAY
    title, body = texts
    return Draft(
        event=f"enrollment#{enrollment.id}#{enrollment.version}",
        user_id=enrollment.user_id,
        category="COURSE",
        title=title,
        body=body.format(course=course_title),
        path=f"/courses/{enrollment.course_id}",
    )


def of_audit_event(event: Mapping[str, Any]) -> Draft | None:
    """What staff did to somebody's account; None for other deeds, and for those to one's own account."""
    texts = _SECURITY_TEXTS.get(event["action"])
    if texts is None or event.get("actorId") == event["target"]:
        return None
    title, body = texts
    return Draft(f"audit#{event['id']}", event["target"], "SECURITY", title, body, "/account")


def of_announcement(announcement: Announcement, user_id: str) -> Draft:
    return Draft(
        event=f"announcement#{announcement.id}",
        user_id=user_id,
        category="COURSE",
        title=announcement.title,
        body=announcement.body,
        path=f"/courses/{announcement.course_id}",
    )
