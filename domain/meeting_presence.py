"""Who was in a call, and when: from single sightings, in any order and repeated, to intervals.

An attendee is in the call from a JOINED sighting to the next one that ends it, or to the end of the Chime meeting.
A user may come back as another attendee; what counts is the union.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Literal

import msgspec

from domain.records import Record
from domain.times import Timestamp, moment

LeaveReason = Literal["LEFT", "DROPPED", "REMOVED", "MEETING_ENDED"]

MOST_INTERVALS = 200
"""Kept of one user and meeting; above, the two with the shortest gap between them are joined."""
_AT_ONE_MOMENT = ("JOINED", "REMOVED", "LEFT", "DROPPED", "MEETING_ENDED")
"""Coming before going: who did both is gone. And who was put out was not lost."""


class Sighting(Record, frozen=True):
    """That an attendee came or went, by Chime's clock. `kind` is JOINED or a LeaveReason."""

    at: Timestamp
    kind: str
    session_id: str
    attendee_id: str


class PresenceInterval(Record, frozen=True):
    """A stretch of time in the call. `left_at` None: still there."""

    joined_at: Timestamp
    left_at: Timestamp | None = None
    leave_reason: LeaveReason | None = None


class Presence(Record, frozen=True):
    """What is kept of a user's time in a meeting. `seconds` is exact, also where intervals were joined."""

    intervals: tuple[PresenceInterval, ...]
    seconds: int

    @property
    def is_open(self) -> bool:
        return bool(self.intervals) and self.intervals[-1].left_at is None


def presence(sightings: Iterable[Sighting], session_ends: Mapping[str, Timestamp]) -> Presence:
    """The union of a user's intervals, ascending and without overlaps.

    Args:
        session_ends: of those Chime meetings that are over.
    """
    union = _united(_intervals(sightings, session_ends))
    milliseconds = sum(_milliseconds(each.joined_at, each.left_at) for each in union)
    return Presence(_joined(union), milliseconds // 1000)


def _intervals(sightings: Iterable[Sighting], session_ends: Mapping[str, Timestamp]) -> list[PresenceInterval]:
    def attendee(sighting: Sighting) -> tuple[str, str]:
        return sighting.session_id, sighting.attendee_id

    ordered = sorted(sightings, key=lambda each: (*attendee(each), each.at, _AT_ONE_MOMENT.index(each.kind)))
    found: list[PresenceInterval] = []
    for (session_id, _), group in groupby(ordered, key=attendee):
        found += _of_attendee(group, session_ends.get(session_id))
    return found


def _of_attendee(sightings: Iterable[Sighting], session_end: Timestamp | None) -> list[PresenceInterval]:
    found: list[PresenceInterval] = []
    since: Timestamp | None = None
    for sighting in sightings:
        if session_end is not None and sighting.at >= session_end:
            break
        if sighting.kind == "JOINED":
            since = since or sighting.at
        elif since is not None:
            found.append(_interval(since, sighting.at, sighting.kind))
            since = None
    if since is not None:
        found.append(PresenceInterval(since) if session_end is None else _interval(since, session_end, "MEETING_ENDED"))
    return found


def _interval(since: Timestamp, until: Timestamp, reason: str) -> PresenceInterval:
    return msgspec.convert({"joinedAt": since, "leftAt": until, "leaveReason": reason}, PresenceInterval)


def _united(intervals: Sequence[PresenceInterval]) -> list[PresenceInterval]:
    union: list[PresenceInterval] = []
    for each in sorted(intervals, key=lambda interval: interval.joined_at):
        if union and _reaches(union[-1], each.joined_at):
            union[-1] = _merged(union[-1], each)
        else:
            union.append(each)
    return union


def _reaches(interval: PresenceInterval, at: Timestamp) -> bool:
    return interval.left_at is None or interval.left_at >= at


def _merged(first: PresenceInterval, second: PresenceInterval) -> PresenceInterval:
    """From the start of `first` to the later end."""
    last = first if _ends_later(first, second) else second
    return msgspec.structs.replace(last, joined_at=first.joined_at)


def _ends_later(first: PresenceInterval, second: PresenceInterval) -> bool:
    if first.left_at is None or second.left_at is None:
        return first.left_at is None
    return first.left_at > second.left_at


def _joined(union: Sequence[PresenceInterval]) -> tuple[PresenceInterval, ...]:
    """At most 200, the shortest gaps closed, earlier ones first among equals."""
    excess = len(union) - MOST_INTERVALS
    if excess <= 0:
        return tuple(union)
    gaps = sorted(range(1, len(union)), key=lambda index: (_gap(union, index), index))
    closed = set(gaps[:excess])
    kept: list[PresenceInterval] = []
    for index, each in enumerate(union):
        if index in closed:
            kept[-1] = _merged(kept[-1], each)
        else:
            kept.append(each)
    return tuple(kept)


def _gap(union: Sequence[PresenceInterval], index: int) -> int:
    """Milliseconds between an interval and the one before it."""
    return _milliseconds(union[index - 1].left_at, union[index].joined_at)


def _milliseconds(since: Timestamp | None, until: Timestamp | None) -> int:
    """0 where one of the two is not there yet."""
    if since is None or until is None:
        return 0
    return round((moment(until) - moment(since)).total_seconds() * 1000)
