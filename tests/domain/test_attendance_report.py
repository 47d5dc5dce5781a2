"""Why a status is as it is, told in a sentence that follows from the evidence alone."""

from typing import Any

import msgspec
import pytest

from domain.attendance import AttendanceRecord, absent, marked
from domain.attendance_policy import AttendancePolicy, MarkMethod
from domain.attendance_report import explanation
from domain.times import Timestamp, later

START = Timestamp("2036-09-01T09:00:00.000Z")
POLICY = AttendancePolicy(
    meeting_id="m",
    methods=("FACE", "JOIN", "CHALLENGE"),
    opens_at=later(START, seconds=-600),
    closes_at=later(START, seconds=3600),
    starts_at=START,
    ends_at=later(START, seconds=3600),
    version=1,
)
STRICT = msgspec.structs.replace(POLICY, minimum_attended_seconds=1800)


def record(minute: float = 0, method: MarkMethod = "JOIN", **changes: Any) -> AttendanceRecord:
    made = marked(POLICY, "ben", None, method, later(START, seconds=60 * minute))
    return msgspec.structs.replace(made, **changes)


@pytest.mark.parametrize("method", ["FACE", "JOIN", "CHALLENGE"])
def test_who_was_marked_in_time(method: MarkMethod) -> None:
    assert explanation(POLICY, record(5, method), 0, None) == (
        f"First mark at 2036-09-01T09:05:00.000Z by {method}, within the window that opened at "
        "2036-09-01T08:50:00.000Z, and not later than 2036-09-01T09:10:00.000Z."
    )


def test_the_last_moment_in_time_and_the_first_that_is_late() -> None:
    assert ", and not later than 2036-09-01T09:10:00.000Z." in explanation(POLICY, record(10), 0, None)
    assert ", but later than 2036-09-01T09:10:00.000Z." in explanation(POLICY, record(10.001), 0, None)


def test_who_left_early_and_who_stayed() -> None:
    left = explanation(STRICT, record(0, status="LEFT_EARLY"), 1799, None)
    assert left.endswith(", and not later than 2036-09-01T09:10:00.000Z; attended 1799 of at least 1800 seconds.")
    assert explanation(STRICT, record(11), 1800, None).endswith("; attended 1800 of at least 1800 seconds.")


def test_a_length_that_is_not_weighed_yet() -> None:
    sentence = explanation(STRICT, record(0), 5, None)
    assert sentence.endswith("; attended 5 of at least 1800 seconds, which is not settled yet.")


def test_who_was_not_there() -> None:
    gone = absent(POLICY, "ben", None, POLICY.closes_at)
    assert explanation(POLICY, gone, 0, None) == "No mark until the window closed at 2036-09-01T10:00:00.000Z."


def test_what_somebody_set_by_hand() -> None:
    by_hand = record(method="MANUAL", status="EXCUSED", marked_by_id="dana", note="Was ill.")
    assert explanation(STRICT, by_hand, 0, "Dana") == "Set to EXCUSED by hand by Dana: Was ill."
    assert explanation(STRICT, by_hand, 0, None) == "Set to EXCUSED by hand by dana: Was ill."


def test_a_status_of_rules_that_were_changed_since() -> None:
    moved = msgspec.structs.replace(POLICY, starts_at=later(START, seconds=-3600))
    assert "PRESENT by the rules of that moment, which were changed since." in explanation(moved, record(0), 0, None)
