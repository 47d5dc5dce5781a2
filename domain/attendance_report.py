"""Attendance as rows of a report that tells of each status why it is so."""

from domain.attendance import AttendanceRecord
from domain.attendance_policy import AttendancePolicy
from domain.csv_text import Cell
from domain.meetings import Meeting

COLUMNS = (
    "meetingId",
    "title",
    "startsAt",
    "userId",
    "displayName",
    "status",
    "method",
    "markedAt",
    "attendedSeconds",
    "markedById",
    "note",
    "explanation",
)


def report_row(
    meeting: Meeting,
    policy: AttendancePolicy,
    record: AttendanceRecord,
    *,
    attended_seconds: int,
    name: str | None,
    marker: str | None,
) -> tuple[Cell, ...]:
    """Cells in the order of `COLUMNS`, None where there is nothing.

    Args:
        attended_seconds: in the call.
        name, marker: display names of the user, and of who set the record by hand; None for who is gone.
    """
    return (
        meeting.id,
        meeting.title,
        meeting.starts_at,
        record.user_id,
        name,
        record.status,
        record.method,
        record.marked_at if record.is_mark else None,
        attended_seconds,
        record.marked_by_id,
        record.note,
        explanation(policy, record, attended_seconds, marker),
    )


def explanation(policy: AttendancePolicy, record: AttendanceRecord, attended_seconds: int, marker: str | None) -> str:
    """One sentence: from what the status follows."""
    if record.is_by_hand:
        who = marker or record.marked_by_id or "somebody"
        return f"Set to {record.status} by hand by {who}: {(record.note or 'no note').rstrip('.')}."
    if not record.is_mark:
        return f"No mark until the window closed at {policy.closes_at}."
    timing, length = _timing(policy, record), _length(policy, record, attended_seconds)
    return f"First mark at {record.marked_at} by {record.method}, {timing}{length}."


def _timing(policy: AttendancePolicy, record: AttendanceRecord) -> str:
    is_late = record.marked_at > policy.late_at
    if record.status != "LEFT_EARLY" and is_late != (record.status == "LATE"):
        return f"{record.status} by the rules of that moment, which were changed since"
    if is_late:
        return f"within the window that opened at {policy.opens_at}, but later than {policy.late_at}"
    return f"within the window that opened at {policy.opens_at}, and not later than {policy.late_at}"


def _length(policy: AttendancePolicy, record: AttendanceRecord, attended_seconds: int) -> str:
    if policy.minimum_attended_seconds == 0:
        return ""
    attended = f"; attended {attended_seconds} of at least {policy.minimum_attended_seconds} seconds"
    is_short = attended_seconds < policy.minimum_attended_seconds
    return attended if is_short == (record.status == "LEFT_EARLY") else f"{attended}, which is not settled yet"
