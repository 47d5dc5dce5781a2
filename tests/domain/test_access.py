"""The access decision for every status, before and after its times."""

from typing import Any, get_args

import pytest

from domain.access import course_access
from domain.courses import Course
from domain.enrollments import HOLDS_SEAT, MAY_ENROLL_AGAIN, Enrollment, EnrollmentStatus
from domain.times import Timestamp, later

NOW = Timestamp("2026-09-01T08:00:00.000Z")
PAST, FUTURE = later(NOW, seconds=-1), later(NOW, seconds=1)


def course(**fields: Any) -> Course:
    known = {
        "id": "c",
        "slug": "birds",
        "title": "Birds",
        "level": "BEGINNER",
        "language": "en",
        "category": "Nature",
        "tags": (),
        "state": "PUBLISHED",
        "access_model": "FREE",
        "completion_percent": 100.0,
        "owner_id": "ada",
        "lesson_count": 1,
        "duration_seconds": 60,
        "created_at": PAST,
        "updated_at": PAST,
        "version": 1,
    }
    return Course(**{**known, **fields})


def enrollment(status: str, **fields: Any) -> Enrollment:
    return Enrollment("c", "ben", status, "FREE", "ENROLLED", PAST, 1, **fields)


@pytest.mark.parametrize(
    ("status", "times", "reason"),
    [
        ("ACTIVE", {}, "ENROLLED"),
        ("ACTIVE", {"expires_at": FUTURE}, "ENROLLED"),
        ("ACTIVE", {"expires_at": NOW}, "EXPIRED"),
        ("COMPLETED", {"expires_at": FUTURE}, "ENROLLED"),
        ("COMPLETED", {"expires_at": PAST}, "EXPIRED"),
        ("PENDING_PAYMENT", {"hold_expires_at": FUTURE}, "PAYMENT_PENDING"),
        ("PENDING_PAYMENT", {"hold_expires_at": NOW}, "NOT_ENROLLED"),
        ("WAITLISTED", {"ticket": 1}, "WAITLISTED"),
        ("DROPPED", {}, "NOT_ENROLLED"),
        ("DROPPED", {"expires_at": FUTURE}, "NOT_ENROLLED"),
        ("EXPIRED", {"expires_at": PAST}, "EXPIRED"),
        ("REVOKED", {"expires_at": PAST}, "REVOKED"),
    ],
)
def test_access_follows_status_and_clock(status: str, times: dict[str, Any], reason: str) -> None:
    decision = course_access(course(), enrollment(status, **times), is_staff=False, now=NOW)

    assert (decision.granted, decision.reason) == (reason == "ENROLLED", reason)
    assert decision.expires_at == times.get("expires_at")


def test_a_course_that_has_not_begun_is_closed_to_learners_and_open_to_staff() -> None:
    soon = course(starts_at=FUTURE)

    assert course_access(soon, enrollment("ACTIVE"), is_staff=False, now=NOW).reason == "NOT_STARTED"
    assert course_access(soon, enrollment("ACTIVE"), is_staff=False, now=FUTURE).granted
    assert course_access(soon, None, is_staff=True, now=NOW).reason == "STAFF"
    assert course_access(soon, None, is_staff=False, now=NOW).reason == "NOT_ENROLLED"


def test_every_status_holds_a_seat_waits_or_may_enroll_again() -> None:
    assert {*HOLDS_SEAT, "WAITLISTED", *MAY_ENROLL_AGAIN} == set(get_args(EnrollmentStatus))
    assert not HOLDS_SEAT & MAY_ENROLL_AGAIN
