"""Steps of an attendance record: first marks, hands and machines, and presence in the call."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attendance import (
    AttendanceRecord,
    absent,
    first_moment,
    marked,
    overridden,
    seen_in_call,
    with_length,
)
from domain.attendance_policy import AttendancePolicy, default_policy
from domain.errors import Code, DomainError
from domain.meeting_attendees import MeetingAttendee
from domain.meeting_presence import PresenceInterval
from domain.times import Timestamp, later
from tests.domain.test_attendance_policy import ENDS, STARTS, meeting

POLICY = msgspec.structs.replace(default_policy(meeting()), minimum_attended_seconds=1800)


def present(*minutes: tuple[float, float | None], status: str = "LEFT") -> MeetingAttendee:
    """A roster row of somebody in the call from and to these minutes after the start."""
    intervals = tuple(
        PresenceInterval(_at(since), None if until is None else _at(until), None if until is None else "LEFT")
        for since, until in minutes
    )
    seconds = sum(round(60 * (until - since)) for since, until in minutes if until is not None)
    return MeetingAttendee("m1", "ben", "ATTENDEE", status, 1, STARTS, attended_seconds=seconds, presence=intervals)


def _at(minutes: float) -> Timestamp:
    return later(STARTS, seconds=60 * minutes)


@pytest.mark.parametrize(("minutes", "status"), [(-5, "PRESENT"), (0, "PRESENT"), (10, "PRESENT"), (10.001, "LATE")])
def test_marks_later_than_the_start_and_the_grace_are_late(minutes: float, status: str) -> None:
    assert marked(POLICY, "ben", None, "CHALLENGE", _at(minutes)).status == status


def test_the_first_mark_stays() -> None:
    first = marked(POLICY, "ben", None, "FACE", _at(1), similarity_percent=97.5)
    assert marked(POLICY, "ben", first, "JOIN", _at(20)) is first
    assert absent(POLICY, "ben", first, ENDS) is first


def test_who_was_found_missing_is_marked_by_later_evidence() -> None:
    missing = absent(POLICY, "ben", None, ENDS)
    assert (missing.status, missing.method, missing.version) == ("ABSENT", "AUTOMATIC", 1)
    found = seen_in_call(POLICY, missing, present((5, 50)), ENDS)
    assert found is not None
    assert (found.status, found.method, found.marked_at, found.version) == ("PRESENT", "JOIN", _at(5), 2)


def test_what_a_hand_has_set_no_machine_changes() -> None:
    by_hand = overridden(
        meeting(), "ben", None, "EXCUSED", "At the dentist.", by="ada", expected_version=None, now=ENDS
    )
    assert (by_hand.status, by_hand.method, by_hand.marked_by_id, by_hand.version) == ("EXCUSED", "MANUAL", "ada", 1)
    assert marked(POLICY, "ben", by_hand, "FACE", _at(1)) is by_hand
    assert absent(POLICY, "ben", by_hand, ENDS) is by_hand
    assert seen_in_call(POLICY, by_hand, present((0, 60)), ENDS) is by_hand
    assert with_length(POLICY, by_hand, present((0, 1))) is by_hand


def test_a_hand_sets_ever_anew_and_the_first_mark_keeps_its_time() -> None:
    first = marked(POLICY, "ben", None, "JOIN", _at(1))
    second = overridden(
        meeting(), "ben", first, "ABSENT", "Only the dog was there.", by="ada", expected_version=1, now=ENDS
    )
    third = overridden(meeting(), "ben", second, "PRESENT", "It was him.", by="mia", expected_version=2, now=ENDS)
    assert [record.version for record in (first, second, third)] == [1, 2, 3]
    assert {record.marked_at for record in (first, second, third)} == {_at(1)}
    with pytest.raises(DomainError) as refused:
        overridden(meeting(), "ben", third, "ABSENT", "No.!", by="ada", expected_version=2, now=ENDS)
    assert (refused.value.code, refused.value.info["currentVersion"]) == (Code.CONFLICT, 3)


@pytest.mark.parametrize("note", ["", "  ", "no", " a\n"])
def test_a_hand_gives_its_reason(note: str) -> None:
    with pytest.raises(DomainError) as refused:
        overridden(meeting(), "ben", None, "ABSENT", note, by="ada", expected_version=None, now=ENDS)
    assert (refused.value.code, refused.value.info["field"]) == (Code.BAD_REQUEST, "input.note")


@pytest.mark.parametrize(
    ("intervals", "minutes"),
    [
        ([(-30, -20)], None),
        ([(-30, -10)], None),  # gone as the window opens
        ([(-30, 5)], -10),
        ([(-10, 5)], -10),
        ([(20, 30), (40, None)], 20),
        ([(-30, -20), (59.99, None)], 59.99),
        ([(60, 90)], None),
        ([], None),
    ],
)
def test_who_was_in_the_call_at_a_moment_of_the_window_was_there(
    intervals: list[tuple[float, float | None]], minutes: float | None
) -> None:
    row = present(*intervals)
    assert first_moment(POLICY, row) == (None if minutes is None else _at(minutes))
    record = seen_in_call(POLICY, None, row, ENDS)
    assert (None if record is None else record.marked_at) == (None if minutes is None else _at(minutes))


def test_nobody_is_marked_before_the_window_opens() -> None:
    early = present((-30, None))
    assert seen_in_call(POLICY, None, early, _at(-10.001)) is None
    assert seen_in_call(POLICY, None, early, _at(-10)) is not None


def test_being_in_the_call_marks_only_where_that_is_a_way_and_nobody_who_was_put_out() -> None:
    by_code = msgspec.structs.replace(POLICY, methods=("CHALLENGE",))
    assert seen_in_call(by_code, None, present((0, 60)), ENDS) is None
    assert seen_in_call(POLICY, None, present((0, 60), status="REMOVED"), ENDS) is None


def test_too_short_a_time_in_the_call_is_left_early_until_more_is_known() -> None:
    first = marked(POLICY, "ben", None, "FACE", _at(11))
    short = with_length(POLICY, first, present((0, 29.9)))
    assert (short.status, short.method, short.marked_at, short.version) == ("LEFT_EARLY", "FACE", _at(11), 2)
    assert with_length(POLICY, short, present((0, 20))) is short
    longer = with_length(POLICY, short, present((0, 20), (30, 40)))
    assert (longer.status, longer.version) == ("LATE", 3)
    assert with_length(POLICY, first, None).status == "LEFT_EARLY"  # never in the call
    without = msgspec.structs.replace(POLICY, minimum_attended_seconds=0)
    assert with_length(without, first, None) is first


RECORDS = st.sampled_from(["mark", "absent", "hand", "seen", "length"])


@given(st.lists(st.tuples(RECORDS, st.integers(-20, 80)), max_size=12))
def test_versions_rise_by_one_marks_never_move_and_hands_stay(steps: list[tuple[str, int]]) -> None:
    record: AttendanceRecord | None = None
    for kind, minutes in steps:
        before, record = record, _stepped(POLICY, record, kind, minutes)
        if record is None or record is before:
            continue
        assert record.version == (1 if before is None else before.version + 1)
        if before is not None and before.is_mark:
            assert record.marked_at == before.marked_at
        if before is not None and before.is_by_hand:
            assert record.is_by_hand


def _stepped(
    policy: AttendancePolicy, record: AttendanceRecord | None, kind: str, minutes: int
) -> AttendanceRecord | None:
    if kind == "mark":
        return marked(policy, "ben", record, "FACE", _at(minutes))
    if kind == "absent":
        return absent(policy, "ben", record, _at(minutes))
    if kind == "hand":
        return overridden(
            meeting(), "ben", record, "LATE", "So it was.", by="ada", expected_version=None, now=_at(minutes)
        )
    row = present((minutes, minutes + 30))
    return seen_in_call(policy, record, row, ENDS) if kind == "seen" else record and with_length(policy, record, row)
