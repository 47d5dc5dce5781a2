"""What workers do about a meeting's attendance, stage after stage, each going through people page by page.

OPENING  who is in the call as the window opens, is marked
ABSENT   once it has closed: who is in the roster and was not marked, was not there
MISSED   the same for the course's learners who are not in the roster
COUNTED  once the meeting is over: who left early; and from now on the records count in the course's summaries
"""

from typing import Any, Literal

import msgspec

from domain.attendance_policy import AttendancePolicy
from domain.meetings import Meeting
from domain.records import Record
from domain.times import Timestamp, later

Stage = Literal["OPENING", "ABSENT", "MISSED", "COUNTED"]

LAG_SECONDS = 60
"""What was seen in a call may be told later than this clock says."""
NOT_OPENED_SECONDS = 3600
"""How often we look whether a meeting is opened after all."""
STILL_LIVE_SECONDS = 600
GIVEN_UP_SECONDS = 24 * 3600
"""How long after its window a meeting that was never opened is looked after."""
PATIENCE_SECONDS = 3600
"""How long after a meeting's end we wait for news of who left it."""


class Settling(Record, frozen=True):
    """The row `#WORK` of table Attendance. `position` is where the stage goes on, None at its start."""

    meeting_id: str
    stage: Stage
    due_at: Timestamp
    step: int = 1
    position: Any = None


def first_work(policy: AttendancePolicy) -> Settling:
    return Settling(policy.meeting_id, "OPENING", policy.opens_at)


def waiting(work: Settling, policy: AttendancePolicy, meeting: Meeting | None, now: Timestamp) -> Settling | None:
    """The work as it is when it can be done, or put off while the meeting has not come so far.

    Returns:
        None when there is nothing more to be done: the meeting was canceled, or never opened.
    """
    if meeting is None or meeting.status == "CANCELED":
        return None
    if work.stage == "OPENING":
        return work
    if meeting.status == "SCHEDULED":
        gives_up = now >= later(policy.closes_at, seconds=GIVEN_UP_SECONDS)
        return None if gives_up else _put_off(work, later(now, seconds=NOT_OPENED_SECONDS))
    if work.stage != "COUNTED":
        return work
    if meeting.is_live:
        return _put_off(work, later(now, seconds=STILL_LIVE_SECONDS))
    # Who is still in the roster as JOINED has left, and the news of it may be on its way.
    if meeting.attendee_count and now < later(meeting.ended_at or now, seconds=PATIENCE_SECONDS):
        return _put_off(work, later(now, seconds=LAG_SECONDS))
    return work


def further(work: Settling, position: Any) -> Settling:
    """The stage goes on behind a page."""
    return msgspec.structs.replace(work, position=position, step=work.step + 1)


def next_stage(work: Settling, policy: AttendancePolicy) -> Settling | None:
    """None behind the last."""
    step = work.step + 1
    if work.stage == "OPENING":
        return Settling(work.meeting_id, "ABSENT", later(policy.closes_at, seconds=LAG_SECONDS), step)
    if work.stage == "ABSENT" and policy.course_id is not None:
        return Settling(work.meeting_id, "MISSED", work.due_at, step)
    if work.stage in ("ABSENT", "MISSED"):
        return Settling(work.meeting_id, "COUNTED", work.due_at, step)
    return None


def _put_off(work: Settling, until: Timestamp) -> Settling:
    return msgspec.structs.replace(work, due_at=until, step=work.step + 1)
