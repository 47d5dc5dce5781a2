"""How present a user was in a meeting: a record's states, and each step between them as a pure function.

A step takes the record as it is, None where there is none, and returns it as it shall be, one version on, or the
record itself where nothing changes. The first mark stays; what somebody set by hand, no machine changes.
"""

from typing import Any, Literal

import msgspec

from domain import text
from domain.attendance_policy import AttendancePolicy, MarkMethod
from domain.errors import conflict
from domain.meeting_attendees import MeetingAttendee
from domain.meetings import Meeting
from domain.records import Record
from domain.times import Timestamp

AttendanceStatus = Literal["PRESENT", "LATE", "LEFT_EARLY", "ABSENT", "EXCUSED"]
AttendanceMethod = Literal["FACE", "JOIN", "CHALLENGE", "MANUAL", "AUTOMATIC"]

ATTENDED: frozenset[str] = frozenset({"PRESENT", "LATE", "LEFT_EARLY"})
SHORTEST_NOTE = 3


class AttendanceRecord(Record, frozen=True):
    """A row of table Attendance. `starts_at` is the meeting's planned start, never shown."""

    meeting_id: str
    user_id: str
    status: AttendanceStatus
    method: AttendanceMethod
    marked_at: Timestamp
    starts_at: Timestamp
    version: int
    course_id: str | None = None
    similarity_percent: float | None = None
    marked_by_id: str | None = None
    note: str | None = None

    @property
    def id(self) -> str:
        return f"{self.meeting_id}#{self.user_id}"

    @property
    def is_mark(self) -> bool:
        """Whether the user was marked, or somebody decided: not only found missing."""
        return (self.status, self.method) != ("ABSENT", "AUTOMATIC")

    @property
    def is_by_hand(self) -> bool:
        return self.method == "MANUAL"


class AttendanceChange(Record, frozen=True):
    """A past state of a record, as it was written."""

    version: int
    status: AttendanceStatus
    method: AttendanceMethod
    changed_at: Timestamp
    changed_by_id: str | None = None
    note: str | None = None


def marked(
    policy: AttendancePolicy,
    user_id: str,
    before: AttendanceRecord | None,
    method: MarkMethod,
    at: Timestamp,
    *,
    similarity_percent: float | None = None,
) -> AttendanceRecord:
    """The user was there at a moment in the window. A mark that is there already stays; ABSENT gives way."""
    if before is not None and before.is_mark:
        return before
    return AttendanceRecord(
        meeting_id=policy.meeting_id,
        user_id=user_id,
        status="LATE" if at > policy.late_at else "PRESENT",
        method=method,
        marked_at=at,
        starts_at=policy.starts_at,
        version=_after(before),
        course_id=policy.course_id,
        similarity_percent=similarity_percent,
    )


def absent(policy: AttendancePolicy, user_id: str, before: AttendanceRecord | None, now: Timestamp) -> AttendanceRecord:
    """The window is over and nobody marked the user."""
    if before is not None:
        return before
    return AttendanceRecord(
        meeting_id=policy.meeting_id,
        user_id=user_id,
        status="ABSENT",
        method="AUTOMATIC",
        marked_at=now,
        starts_at=policy.starts_at,
        version=1,
        course_id=policy.course_id,
    )


def overridden(
    meeting: Meeting,
    user_id: str,
    before: AttendanceRecord | None,
    status: AttendanceStatus,
    note: str,
    *,
    by: str,
    expected_version: int | None,
    now: Timestamp,
) -> AttendanceRecord:
    """Set by hand, with the reason. A first mark stays the first.

    Raises:
        DomainError: CONFLICT; BAD_REQUEST for a note under 3 characters.
    """
    if expected_version not in (None, 0 if before is None else before.version):
        raise conflict(0 if before is None else before.version)
    return AttendanceRecord(
        meeting_id=meeting.id,
        user_id=user_id,
        status=status,
        method="MANUAL",
        marked_at=before.marked_at if before is not None and before.is_mark else now,
        starts_at=meeting.starts_at,
        version=_after(before),
        course_id=meeting.course_id,
        marked_by_id=by,
        note=text.clean(note, "input.note", longest=text.REASON, shortest=SHORTEST_NOTE),
    )


def seen_in_call(
    policy: AttendancePolicy, before: AttendanceRecord | None, row: MeetingAttendee, now: Timestamp
) -> AttendanceRecord | None:
    """What follows from a user's presence in the call, where being in it is a way to be marked. None: no record."""
    at = first_moment(policy, row)
    if at is None or at > now or "JOIN" not in policy.methods or row.is_removed:
        return before
    return marked(policy, row.user_id, before, "JOIN", at)


def with_length(policy: AttendancePolicy, before: AttendanceRecord, row: MeetingAttendee | None) -> AttendanceRecord:
    """How present the user was once the meeting is over: LEFT_EARLY for who was in the call too short a time.

    Known anew when late sightings lengthen it.
    """
    if before.is_by_hand or before.status not in ATTENDED:
        return before
    attended = 0 if row is None else row.attended_seconds
    in_time: AttendanceStatus = "LATE" if before.marked_at > policy.late_at else "PRESENT"
    status: AttendanceStatus = "LEFT_EARLY" if attended < policy.minimum_attended_seconds else in_time
    return before if status == before.status else _next(before, status=status)


def first_moment(policy: AttendancePolicy, row: MeetingAttendee) -> Timestamp | None:
    """The first moment within the window at which the user was in the call."""
    for interval in row.presence:
        if interval.left_at is not None and interval.left_at <= policy.opens_at:
            continue
        at = max(interval.joined_at, policy.opens_at)
        return at if at < policy.closes_at else None
    return None


def change_of(record: AttendanceRecord, now: Timestamp) -> AttendanceChange:
    """The entry of the record's history."""
    return AttendanceChange(
        version=record.version,
        status=record.status,
        method=record.method,
        changed_at=now,
        changed_by_id=record.marked_by_id,
        note=record.note,
    )


def _after(before: AttendanceRecord | None) -> int:
    return 1 if before is None else before.version + 1


def _next(before: AttendanceRecord, **changes: Any) -> AttendanceRecord:
    return msgspec.structs.replace(before, **changes, version=before.version + 1)
