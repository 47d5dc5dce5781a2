"""A user's row in a meeting's roster: its states, and each step between them as a pure function.

    INVITED -> JOINED <-> LEFT; every one of them -> REMOVED -> INVITED

A step takes the row as it is and returns it as it shall be, one version on, or the row itself where nothing changes.
"""

import re
from typing import Any, Literal

import msgspec

from domain.errors import Code, DomainError, bad_request, forbidden, invalid_state
from domain.meeting_presence import Presence, PresenceInterval
from domain.meetings import Meeting
from domain.records import Record
from domain.times import Timestamp, later

MeetingRole = Literal["HOST", "CO_HOST", "ATTENDEE"]
MeetingAttendeeStatus = Literal["INVITED", "JOINED", "LEFT", "REMOVED"]


class MeetingAttendee(Record, frozen=True):
    """A row of table MeetingAttendees.

    `presence` rests on what Chime saw; `joined_at` and `left_at` are its ends. Never shown: `session_id` and
    `attendee_id` are the user's place in the call, `admitted_at` when the credentials for it were last asked for.
    """

    meeting_id: str
    user_id: str
    role: str
    status: str
    version: int
    starts_at: Timestamp
    """The meeting's, for lists by time."""
    joined_at: Timestamp | None = None
    left_at: Timestamp | None = None
    attended_seconds: int = 0
    presence: tuple[PresenceInterval, ...] = ()
    session_id: str | None = None
    attendee_id: str | None = None
    admitted_at: Timestamp | None = None

    @property
    def is_joined(self) -> bool:
        return self.status == "JOINED"

    @property
    def is_removed(self) -> bool:
        return self.status == "REMOVED"

    @property
    def is_seen_now(self) -> bool:
        """Whether the last that is known of the user in the call is that they came."""
        return bool(self.presence) and self.presence[-1].left_at is None

    @property
    def runs(self) -> bool:
        """Whether the user may decide about others in the meeting."""
        return self.role in ("HOST", "CO_HOST") and not self.is_removed


def may_meet(user_id: str) -> bool:
    """Whether Chime takes the user's id: 2 to 64 characters, few signs. Other issuers' ids may be of another form."""
    return _CHIME_ID.fullmatch(user_id) is not None


def require_may_meet(user_id: str) -> None:
    """Raises FORBIDDEN (reason USER_ID)."""
    if not may_meet(user_id):
        raise forbidden("The account's id has a form that meetings cannot take.", reason="USER_ID")


def host_of(meeting: Meeting) -> MeetingAttendee:
    return _first(meeting, meeting.host_id, "HOST", "INVITED")


def invited(meeting: Meeting, user_id: str, before: MeetingAttendee | None) -> MeetingAttendee:
    """An invitation also lets in again who was removed; whoever is there already stays as they are."""
    if before is None:
        return _first(meeting, user_id, "ATTENDEE", "INVITED")
    return _next(before, status="INVITED") if before.is_removed else before


def admitted(meeting: Meeting, user_id: str, before: MeetingAttendee | None, now: Timestamp) -> MeetingAttendee:
    """The user takes or keeps a seat; whether one is free is settled elsewhere.

    Raises:
        DomainError: REMOVED_FROM_MEETING.
    """
    if before is None:
        before = msgspec.structs.replace(_first(meeting, user_id, "ATTENDEE", "INVITED"), version=0)
    if before.is_removed:
        raise removed_from_meeting()
    if before.is_joined and before.admitted_at is not None and now < later(before.admitted_at, seconds=_A_MOMENT):
        return before
    return _next(before, status="JOINED", left_at=None, admitted_at=now)


def unseated(row: MeetingAttendee, before: MeetingAttendee | None) -> MeetingAttendee:
    """Of who was admitted, and got no place in the call: as they were before."""
    if before is None:
        return _next(row, status="INVITED", admitted_at=None)
    return _next(row, status=before.status, left_at=before.left_at, admitted_at=None)


def seated(before: MeetingAttendee, session_id: str, attendee_id: str) -> MeetingAttendee:
    """With the place in the call that Chime made."""
    return _next(before, session_id=session_id, attendee_id=attendee_id)


def freed(before: MeetingAttendee) -> MeetingAttendee:
    """Of who has left, without the place in the call that was kept for a quick return."""
    return _next(before, **_NO_PLACE)


def left(before: MeetingAttendee, now: Timestamp) -> MeetingAttendee:
    """The user goes, and gives the place in the call back.

    Raises:
        DomainError: INVALID_STATE for who has never come, or was removed.
    """
    if before.status == "LEFT" and before.attendee_id is None:
        return before
    if before.status not in ("JOINED", "LEFT"):
        raise invalid_state(before.status, "The user is not in the meeting.")
    return _next(before, status="LEFT", left_at=before.left_at or now, **_NO_PLACE)


def removed(before: MeetingAttendee, now: Timestamp) -> MeetingAttendee:
    """Out, and kept out. Raises FORBIDDEN for the host."""
    if before.role == "HOST":
        raise forbidden("The host stays.")
    if before.is_removed:
        return before
    left_at = before.left_at or (now if before.is_joined else None)
    return _next(before, status="REMOVED", left_at=left_at, **_NO_PLACE)


def with_role(before: MeetingAttendee, role: MeetingRole) -> MeetingAttendee:
    """Raises BAD_REQUEST, FORBIDDEN, INVALID_STATE."""
    if role == "HOST":
        raise bad_request("input.role", "HOST", "A meeting has the one host that it was made by.")
    if before.role == "HOST":
        raise forbidden("The host stays.")
    if before.is_removed:
        raise invalid_state(before.status, "The user was removed from the meeting.")
    return before if before.role == role else _next(before, role=role)


def seen(row: MeetingAttendee, presence: Presence) -> MeetingAttendee:
    """With what was seen of the user in the call, as it is known now; of the same version.

    Who was removed stays out. Who asked for credentials after the last sighting is on the way, and keeps the seat.
    """
    if not presence.intervals:
        return row
    last = presence.intervals[-1].left_at
    status = row.status
    if not row.is_removed:
        on_the_way = last is not None and row.admitted_at is not None and row.admitted_at > last
        status = "JOINED" if last is None or on_the_way else "LEFT"
    return msgspec.structs.replace(
        row,
        status=status,
        joined_at=presence.intervals[0].joined_at,
        left_at=None if status == "JOINED" else last or row.left_at,
        attended_seconds=presence.seconds,
        presence=presence.intervals,
    )


def one_version_on(before: MeetingAttendee, after: MeetingAttendee) -> MeetingAttendee:
    """The outcome of several steps as one; `before` itself where they change nothing."""
    after = msgspec.structs.replace(after, version=before.version)
    return before if after == before else _next(after)


def closed(before: MeetingAttendee, at: Timestamp) -> MeetingAttendee:
    """Whoever still has a seat when the call is over goes with it, also when nothing was ever seen of them."""
    if not before.is_joined:
        return before
    return _next(before, status="LEFT", left_at=before.left_at or at, **_NO_PLACE)


def moved(before: MeetingAttendee, starts_at: Timestamp) -> MeetingAttendee:
    return before if before.starts_at == starts_at else _next(before, starts_at=starts_at)


def without_presence(row: MeetingAttendee) -> MeetingAttendee:
    """As others see it who do not run the meeting, and as subscribers do."""
    return msgspec.structs.replace(row, joined_at=None, left_at=None, presence=())


def removed_from_meeting() -> DomainError:
    return DomainError(Code.REMOVED_FROM_MEETING, "The user was removed from the meeting.")


_CHIME_ID = re.compile(r"[-_A-Za-z0-9][-_&@+=,(){}\[\]/.:|'\"A-Za-z0-9]{1,63}")
_A_MOMENT = 1
"""Seconds in which asking again for credentials changes nothing."""
_NO_PLACE: dict[str, Any] = {"session_id": None, "attendee_id": None, "admitted_at": None}


def _first(meeting: Meeting, user_id: str, role: MeetingRole, status: MeetingAttendeeStatus) -> MeetingAttendee:
    return MeetingAttendee(
        meeting_id=meeting.id,
        user_id=user_id,
        role=role,
        status=status,
        version=1,
        starts_at=meeting.starts_at,
    )


def _next(before: MeetingAttendee, **changes: Any) -> MeetingAttendee:
    return msgspec.structs.replace(before, **changes, version=before.version + 1)
