"""Meetings: their states, and each step between them as a pure function.

    SCHEDULED -> LIVE -> ENDED; SCHEDULED -> CANCELED

A step takes the meeting as it is and returns it as it shall be, one version on. Who may ask for it is
settled elsewhere.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Literal

import msgspec

from domain import text
from domain.chime import ChimeMeeting, MediaPlacement
from domain.errors import Code, DomainError, bad_request, invalid_state
from domain.fields import Rule, as_given, check_given, whole_number
from domain.records import Record
from domain.times import Timestamp, later

MeetingStatus = Literal["SCHEDULED", "LIVE", "ENDED", "CANCELED"]
MeetingEndReason = Literal["HOST", "TIMED_OUT", "PARENT_ENDED"]

MOST_ATTENDEES = 250
"""Chime's own limit."""
LONGEST_SECONDS = 12 * 3600
EARLY_SECONDS = 15 * 60
"""How long before its planned start a meeting may be opened."""
SESSION_SECONDS = 24 * 3600
"""How long after its opening a meeting may get a new Chime meeting; Chime's longest too."""
CHECK_SECONDS = 3600
"""Between two looks whether a LIVE meeting's Chime meeting is still there: its end is told, but only at best."""
MOST_INVITED_AT_ONCE = 100
MOST_INVITED = 1_000
"""Invitations of one meeting, counted over its life."""


class Meeting(Record, frozen=True):
    """A row of table Meetings.

    `attendee_count` and `invited_count` follow the roster in its transactions and raise no version. Never shown:
    `session` is the Chime meeting, `session_count` how many there have been, `check_at` when to ask whether it is still
    there; `transcription_at` is the moment of the last word on transcription, the host's or Chime's; `recording_id`
    names the recording that runs, `breakout_ids` the breakouts opened last.
    """

    id: str
    title: str
    host_id: str
    status: str
    starts_at: Timestamp
    ends_at: Timestamp
    max_attendees: int
    created_at: Timestamp
    version: int
    description: str | None = None
    course_id: str | None = None
    parent_meeting_id: str | None = None
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    end_reason: str | None = None
    cancel_reason: str | None = None
    attendee_count: int = 0
    invited_count: int = 0
    room_id: str | None = None
    transcription_language: str | None = None
    transcription_at: Timestamp | None = None
    session: ChimeMeeting | None = None
    session_count: int = 0
    check_at: Timestamp | None = None
    recording_id: str | None = None
    breakout_ids: tuple[str, ...] = ()

    @property
    def is_live(self) -> bool:
        return self.status == "LIVE"

    @property
    def is_over(self) -> bool:
        return self.status in ("ENDED", "CANCELED")


class MeetingJoin(msgspec.Struct, frozen=True):
    """What a client needs to enter: secret, made for one user, never stored as a whole and never published."""

    meeting: Meeting
    chime_meeting_id: str
    media_region: str
    media_placement: MediaPlacement
    chime_attendee_id: str
    external_user_id: str
    join_token: str


def new_meeting(
    given: Mapping[str, Any], *, meeting_id: str, host_id: str, room_id: str | None, now: Timestamp
) -> Meeting:
    """Of a `CreateMeetingInput`. Raises BAD_REQUEST."""
    course_id = given.get("course_id")
    most = given.get("max_attendees")
    meeting = Meeting(
        id=meeting_id,
        title=text.clean(given["title"], "input.title", longest=text.NAME),
        host_id=host_id,
        status="SCHEDULED",
        starts_at=given["starts_at"],
        ends_at=given["ends_at"],
        max_attendees=MOST_ATTENDEES if most is None else _SEATS(most, "input.maxAttendees"),
        created_at=now,
        version=1,
        description=text.clean_or_none(given.get("description"), "input.description", longest=text.BODY),
        course_id=None if course_id is None else text.identifier(course_id, "input.courseId"),
        room_id=room_id,
    )
    _check_times(meeting, now)
    return meeting


def changed_meeting(meeting: Meeting, given: Mapping[str, Any], now: Timestamp) -> Meeting:
    """The meeting after an `UpdateMeetingInput`. Raises BAD_REQUEST, INVALID_STATE."""
    _require(meeting, "SCHEDULED")
    changed = _next(meeting, **check_given(_CHANGEABLE, _CLEARED, given))
    _check_times(changed, now)
    return changed


def canceled_meeting(meeting: Meeting, reason: str | None) -> Meeting:
    """Raises INVALID_STATE."""
    _require(meeting, "SCHEDULED")
    return _next(meeting, status="CANCELED", cancel_reason=reason)


def require_may_open(meeting: Meeting, now: Timestamp) -> None:
    """Raises INVALID_STATE, MEETING_TOO_EARLY."""
    _require(meeting, "SCHEDULED")
    opens_at = later(meeting.starts_at, seconds=-EARLY_SECONDS)
    if now < opens_at:
        message = "The meeting can be opened 15 minutes before its planned start."
        raise DomainError(Code.MEETING_TOO_EARLY, message, opensAt=opens_at)


def opened_meeting(meeting: Meeting, session: ChimeMeeting, now: Timestamp) -> Meeting:
    """Raises as `require_may_open`."""
    require_may_open(meeting, now)
    return _next(
        meeting,
        status="LIVE",
        started_at=now,
        session=session,
        session_count=1,
        check_at=later(now, seconds=CHECK_SECONDS),
    )


def with_session(meeting: Meeting, session: ChimeMeeting) -> Meeting:
    """A LIVE meeting whose Chime meeting was lost, with a new one; nobody transcribes or records it yet."""
    require_live(meeting)
    return _next(meeting, session=session, session_count=meeting.session_count + 1, transcription_language=None)


def session_token(meeting: Meeting) -> str:
    """Names the next Chime meeting: the same for everybody who finds that it is needed."""
    return meeting.id if meeting.session_count == 0 else f"{meeting.id}-{meeting.session_count}"


def may_renew_session(meeting: Meeting, now: Timestamp) -> bool:
    return meeting.started_at is not None and now < later(meeting.started_at, seconds=SESSION_SECONDS)


def ended_meeting(meeting: Meeting, reason: MeetingEndReason, at: Timestamp) -> Meeting:
    """A LIVE meeting after its end; a breakout that was never opened ends with its parent too. Raises INVALID_STATE."""
    if not (reason == "PARENT_ENDED" and meeting.status == "SCHEDULED"):
        _require(meeting, "LIVE")
    return _next(meeting, status="ENDED", ended_at=at, end_reason=reason, transcription_language=None)


def transcribed(meeting: Meeting, language: str | None, at: Timestamp) -> Meeting:
    """Itself when nothing changes, as after a word that is newer. Raises MEETING_NOT_LIVE.

    Args:
        language: None: nothing is transcribed from that moment on.
    """
    require_live(meeting)
    if meeting.transcription_at is not None and at < meeting.transcription_at:
        return meeting
    if meeting.transcription_language == language:
        return meeting
    return _next(meeting, transcription_language=language, transcription_at=at)


def transcription_ended(meeting: Meeting, session_id: str, at: Timestamp, *, has_failed: bool) -> Meeting:
    """The meeting once its Chime meeting is not transcribed any more. Itself when that is no news.

    Args:
        has_failed: it was to begin. That may be told before the beginning is written, which then finds the newer word.
    """
    is_old = meeting.transcription_at is not None and at < meeting.transcription_at
    is_another = meeting.session is None or meeting.session.meeting_id != session_id
    is_known = meeting.transcription_language is None and not has_failed
    if not meeting.is_live or is_another or is_old or is_known:
        return meeting
    return _next(meeting, transcription_language=None, transcription_at=at)


def with_recording(meeting: Meeting, recording_id: str | None) -> Meeting:
    return _next(meeting, recording_id=recording_id)


def with_breakouts(meeting: Meeting, breakout_ids: Iterable[str]) -> Meeting:
    """Raises MEETING_NOT_LIVE."""
    require_live(meeting)
    return _next(meeting, breakout_ids=tuple(breakout_ids))


def require_live(meeting: Meeting) -> None:
    """Raises MEETING_NOT_LIVE with the status."""
    if not meeting.is_live:
        raise not_live(meeting)


def not_live(meeting: Meeting) -> DomainError:
    return DomainError(Code.MEETING_NOT_LIVE, "The meeting is not live.", status=meeting.status)


def require_not_over(meeting: Meeting) -> None:
    """Raises INVALID_STATE for an ENDED or CANCELED meeting."""
    if meeting.is_over:
        raise invalid_state(meeting.status, "The meeting is over.")


def invited_users(user_ids: Iterable[str], field: str, host_id: str) -> list[str]:
    """Each user once, without the host. Raises BAD_REQUEST."""
    checked = list(dict.fromkeys(text.identifier(user_id, field) for user_id in user_ids))
    if len(checked) > MOST_INVITED_AT_ONCE:
        raise bad_request(field, "COUNT", f"At most {MOST_INVITED_AT_ONCE} users are invited at once.")
    return [user_id for user_id in checked if user_id != host_id]


_SEATS = whole_number(1, MOST_ATTENDEES)
_CHANGEABLE: Mapping[str, Rule] = {
    "title": partial(text.clean, longest=text.NAME),
    "description": partial(text.clean_or_none, longest=text.BODY),
    "starts_at": as_given,
    "ends_at": as_given,
    "max_attendees": _SEATS,
}
_CLEARED = {"description": None, "max_attendees": MOST_ATTENDEES}


def _check_times(meeting: Meeting, now: Timestamp) -> None:
    if meeting.ends_at <= meeting.starts_at:
        raise bad_request("input.endsAt", "ORDER", "input.endsAt is later than input.startsAt.")
    if meeting.ends_at > later(meeting.starts_at, seconds=LONGEST_SECONDS):
        raise bad_request("input.endsAt", "RANGE", "input.endsAt is at most 12 hours after input.startsAt.")
    if meeting.ends_at <= now:
        raise bad_request("input.endsAt", "FUTURE", "input.endsAt lies in the future.")


def _require(meeting: Meeting, status: MeetingStatus) -> None:
    if meeting.status != status:
        raise invalid_state(meeting.status, f"The meeting is not {status}.")


def _next(meeting: Meeting, **changes: Any) -> Meeting:
    return msgspec.structs.replace(meeting, **changes, version=meeting.version + 1)
