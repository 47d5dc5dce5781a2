"""The rules of attendance in a meeting: how it is taken, and when. The window counts by the server's clock."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from domain.errors import Code, DomainError, bad_request, invalid_state
from domain.fields import Rule, as_given, check_given, input_field, whole_number
from domain.meetings import LONGEST_SECONDS, Meeting
from domain.records import Record
from domain.times import Timestamp, later

MarkMethod = Literal["FACE", "JOIN", "CHALLENGE"]
"""What a user may do to be marked."""

OPENS_BEFORE_SECONDS = 600
LATE_AFTER_SECONDS = 600
SIMILARITY_PERCENT = 95.0
LEAST_SIMILARITY_PERCENT, MOST_SIMILARITY_PERCENT = 80.0, 100.0
_MARGIN_SECONDS = 24 * 3600
"""How far a window may reach beyond its meeting, on either side."""
_METHODS = ("FACE", "JOIN", "CHALLENGE")


class AttendancePolicy(Record, frozen=True):
    """The row `#POLICY` of table Attendance.

    Never shown: `starts_at` and `ends_at` are the meeting's planned times, and a window that is not `own_window`
    follows them; `counted_at` is when the records began to count in the course's summaries.
    """

    meeting_id: str
    methods: tuple[MarkMethod, ...]
    opens_at: Timestamp
    closes_at: Timestamp
    starts_at: Timestamp
    ends_at: Timestamp
    version: int
    late_after_seconds: int = LATE_AFTER_SECONDS
    minimum_attended_seconds: int = 0
    minimum_similarity_percent: float = SIMILARITY_PERCENT
    liveness_required: bool = False
    own_opening: bool = False
    own_closing: bool = False
    course_id: str | None = None
    counted_at: Timestamp | None = None

    @property
    def late_at(self) -> Timestamp:
        """Marks after this are late."""
        return later(self.starts_at, seconds=self.late_after_seconds)

    def is_open(self, now: Timestamp) -> bool:
        return self.opens_at <= now < self.closes_at


class FaceAbilities(msgspec.Struct, frozen=True):
    """What this deployment can do with faces."""

    compares: bool
    tells_life: bool

    @property
    def features(self) -> tuple[str, ...]:
        """As getServerInfo names them."""
        named = (("FACE_ATTENDANCE", self.compares), ("FACE_LIVENESS", self.tells_life))
        return tuple(name for name, is_on in named if is_on)


def default_policy(meeting: Meeting) -> AttendancePolicy:
    """Of a new meeting: who is in the call while the window is open, was there."""
    policy = AttendancePolicy(
        meeting_id=meeting.id,
        methods=("JOIN",),
        opens_at=meeting.starts_at,
        closes_at=meeting.ends_at,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        version=1,
        course_id=meeting.course_id,
    )
    return _with_default_window(policy)


def moved_policy(policy: AttendancePolicy, meeting: Meeting) -> AttendancePolicy:
    """The policy after its meeting was planned anew: what its host has not chosen follows; itself, if nothing does."""
    if (policy.starts_at, policy.ends_at) == (meeting.starts_at, meeting.ends_at):
        return policy
    moved = msgspec.structs.replace(policy, starts_at=meeting.starts_at, ends_at=meeting.ends_at)
    return _with_default_window(msgspec.structs.replace(moved, version=policy.version + 1))


def changed_policy(
    policy: AttendancePolicy, given: Mapping[str, Any], abilities: FaceAbilities, now: Timestamp
) -> AttendancePolicy:
    """The policy after a `SetAttendancePolicyInput`: what is left out stays, null is the default again.

    Raises:
        DomainError: INVALID_STATE once the window has opened; BAD_REQUEST; FEATURE_DISABLED.
    """
    if policy.opens_at <= now:
        raise invalid_state("OPEN", "The rules stay as they are once the window has opened.")
    changes = check_given(_RULES, _CLEARED, given) | _own_window(given)
    changed = _with_default_window(msgspec.structs.replace(policy, **changes, version=policy.version + 1))
    _check_methods(changed, abilities)
    _check_window(changed, now)
    return changed


def require_open(policy: AttendancePolicy, now: Timestamp) -> None:
    """Raises ATTENDANCE_CLOSED with the window."""
    if not policy.is_open(now):
        raise _closed(policy)


def require_opened(policy: AttendancePolicy, now: Timestamp) -> None:
    """For what may be done in the window and ever after. Raises ATTENDANCE_CLOSED."""
    if now < policy.opens_at:
        raise _closed(policy)


def require_method(policy: AttendancePolicy, method: MarkMethod) -> None:
    """Raises METHOD_NOT_ALLOWED with those that are."""
    if method not in policy.methods:
        message = f"The meeting does not take attendance by {method}."
        raise DomainError(Code.METHOD_NOT_ALLOWED, message, methods=list(policy.methods))


def feature_disabled(what: str) -> DomainError:
    return DomainError(Code.FEATURE_DISABLED, f"This deployment has no {what}.")


def _methods(values: list[str], field: str) -> tuple[str, ...]:
    chosen = tuple(method for method in _METHODS if method in values)
    if not chosen or len(chosen) < len(set(values)):
        raise bad_request(field, "METHODS", f"{field} is one or more of {', '.join(_METHODS)}.")
    if chosen == ("FACE",):
        raise bad_request(field, "FACE_ALONE", f"{field} has a way without a face beside FACE.")
    return chosen


def _similarity(value: float, field: str) -> float:
    if not LEAST_SIMILARITY_PERCENT <= value <= MOST_SIMILARITY_PERCENT:
        raise bad_request(field, "RANGE", f"{field} is 80 to 100.")
    return value


_RULES: Mapping[str, Rule] = {
    "methods": _methods,
    "late_after_seconds": whole_number(0, LONGEST_SECONDS),
    "minimum_attended_seconds": whole_number(0, LONGEST_SECONDS),
    "minimum_similarity_percent": _similarity,
    "liveness_required": as_given,
}
_CLEARED: Mapping[str, Any] = {
    "late_after_seconds": LATE_AFTER_SECONDS,
    "minimum_attended_seconds": 0,
    "minimum_similarity_percent": SIMILARITY_PERCENT,
    "liveness_required": False,
}


def _own_window(given: Mapping[str, Any]) -> dict[str, Any]:
    """The ends of the window that the host chooses, or gives back to the meeting's plan with null."""
    changes: dict[str, Any] = {}
    for at, own in (("opens_at", "own_opening"), ("closes_at", "own_closing")):
        if at in given:
            changes[own] = given[at] is not None
            if given[at] is not None:
                changes[at] = given[at]
    return changes


def _with_default_window(policy: AttendancePolicy) -> AttendancePolicy:
    opens_at = policy.opens_at if policy.own_opening else later(policy.starts_at, seconds=-OPENS_BEFORE_SECONDS)
    closes_at = policy.closes_at if policy.own_closing else policy.ends_at
    return msgspec.structs.replace(policy, opens_at=opens_at, closes_at=closes_at)


def _check_methods(policy: AttendancePolicy, abilities: FaceAbilities) -> None:
    if "FACE" in policy.methods and not abilities.compares:
        raise feature_disabled("attendance by face")
    if policy.liveness_required and not abilities.tells_life:
        raise feature_disabled("liveness checks")


def _check_window(policy: AttendancePolicy, now: Timestamp) -> None:
    if policy.closes_at <= policy.opens_at:
        raise bad_request(input_field("closes_at"), "ORDER", "input.closesAt is later than input.opensAt.")
    if policy.closes_at <= now:
        raise bad_request(input_field("closes_at"), "FUTURE", "input.closesAt lies in the future.")
    if policy.opens_at < later(policy.starts_at, seconds=-_MARGIN_SECONDS):
        raise bad_request(input_field("opens_at"), "RANGE", "input.opensAt is at most a day before the meeting.")
    if policy.closes_at > later(policy.ends_at, seconds=_MARGIN_SECONDS):
        raise bad_request(input_field("closes_at"), "RANGE", "input.closesAt is at most a day after the meeting.")


def _closed(policy: AttendancePolicy) -> DomainError:
    message = "Attendance is not taken now."
    return DomainError(Code.ATTENDANCE_CLOSED, message, opensAt=policy.opens_at, closesAt=policy.closes_at)
