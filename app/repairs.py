"""Events that were lost are sent again from the change feed: a process may die between a commit and its event.

Who changes a record publishes it at once. The one process that runs the workers reads the same changes from the
feed three seconds later, and looks up what it has heard of them; what it has not, it publishes. A process that
has just begun has heard nothing, so it repeats what was not yet looked at: subscribers may hear a state twice.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from app import presence_steps
from app.sdl import snake
from app.worker_steps import FeedStep, Step
from datasources.attendance_rows import challenge_key
from datasources.notifications import shown_change
from datasources.ports import FeedEvent, Write
from datasources.room_log import is_change_row, number_of
from datasources.tables import (
    ATTENDANCE,
    ENROLLMENTS,
    MEETING_ATTENDEES,
    MEETINGS,
    NOTIFICATIONS,
    ROOM_LOG,
    ROOM_MEMBERS,
    ROOMS,
    Table,
)
from datasources.together import together
from domain.times import Timestamp, moment
from resolvers.context import Publish
from subscriptions.ledger import Mark

SECONDS = 3.0
"""That a process has for telling of its changes itself."""
BATCH = 1_000
_AT_ONCE = 16
"""Records that are published."""


class Repair(msgspec.Struct, frozen=True):
    """One kind of record whose events are not lost.

    Attributes:
        field: of Subscription.
        mutation: publishes a record, given the mark's fields.
        table: where its changes are read.
        change: what of a change subscribers hear, with the mark's fields; None for what they do not hear of, or
            only from the workers, who tell of a change before they go on.
    """

    field: str
    mutation: str
    mark: Mark
    table: Table
    change: Callable[[FeedEvent], Mapping[str, Any] | None]


def _message(event: FeedEvent) -> Mapping[str, Any] | None:
    if event.new is None or not is_change_row(event.key):
        return None
    return {"id": event.new["messageId"], "changeSequence": number_of(event.new)}


def _notification(event: FeedEvent) -> Mapping[str, Any] | None:
    return None if event.new is None or shown_change(event) is None else {"readAt": None, **event.new}


def _challenge(event: FeedEvent) -> Mapping[str, Any] | None:
    return event.new if event.key == challenge_key(event.key["meetingId"]) else None


def _versioned(**names: str) -> Callable[[FeedEvent], Mapping[str, Any] | None]:
    """Of records with a version. What lies beside them in their table is kept under keys such as `#POLICY`.

    Args:
        names: the attribute of each field that names the record.
    """

    def change(event: FeedEvent) -> Mapping[str, Any] | None:
        new, old = event.new, event.old or {}
        is_beside = any(str(value).startswith("#") for value in event.key.values())
        if new is None or is_beside or new["version"] == old.get("version"):
            return None
        return {"version": new["version"], **{field: new[name] for field, name in names.items()}}

    return change


def _repair(field: str, mutation: str, table: Table, **names: str) -> Repair:
    """Of a record with a version; see `_versioned`."""
    return Repair(field, mutation, Mark(tuple(names), "version"), table, _versioned(**names))


REPAIRS = (
    Repair("onMessage", "publishMessage", Mark(("id",), "changeSequence"), ROOM_LOG, _message),
    Repair("onNotification", "publishNotification", Mark(("userId", "id"), "readAt"), NOTIFICATIONS, _notification),
    _repair("onRoomMemberChanged", "publishRoomMember", ROOM_MEMBERS, roomId="roomId", userId="userId"),
    _repair("onRoomUpdated", "publishRoom", ROOMS, id="roomId"),
    _repair("onEnrollmentChanged", "publishEnrollment", ENROLLMENTS, courseId="courseId", userId="userId"),
    _repair("onMeetingUpdated", "publishMeeting", MEETINGS, id="meetingId"),
    _repair(
        "onMeetingAttendeeChanged", "publishMeetingAttendee", MEETING_ATTENDEES, meetingId="meetingId", userId="userId"
    ),
    _repair("onAttendanceChanged", "publishAttendance", ATTENDANCE, meetingId="meetingId", userId="userId"),
    Repair(
        "onAttendanceChallenge",
        "publishAttendanceChallenge",
        Mark(("meetingId",), "startedAt"),
        ATTENDANCE,
        _challenge,
    ),
)
"""One for each mutation that publishes a stored record, but media, recordings and exports: steps of
their own publish those."""
MARKS: Mapping[str, Mark] = {
    **{repair.field: repair.mark for repair in REPAIRS},
    presence_steps.FIELD: presence_steps.MARK,  # without a feed, as every heartbeat would be in it
}
"""By which it is remembered what subscribers heard."""


class Heard(Protocol):
    """What subscribers are known to have heard; see subscriptions.ledger.Ledger."""

    def reached(self, field: str, record: tuple[str, ...], state: Any) -> bool: ...


class NothingHeard:
    """Of a process that tells of every change itself, because nobody else does."""

    def reached(self, field: str, record: tuple[str, ...], state: Any) -> bool:
        return False


def repair_steps(
    publish: Publish,
    ledger: Heard,
    now: Callable[[], Timestamp],
    repairs: Sequence[Repair] = REPAIRS,
    *,
    seconds: float = SECONDS,
) -> list[Step]:
    """
    Args:
        publish: returns once subscribers were told.
        seconds: that processes have for telling of their changes themselves.
    """

    def step(repair: Repair) -> FeedStep:
        async def handle(events: Sequence[FeedEvent]) -> Sequence[Write]:
            await asyncio.sleep(_left(events, now(), seconds))
            latest: dict[tuple[str, ...], Any] = {}
            for event in events:
                change = repair.change(event)
                if change is not None:
                    latest[tuple(change[name] for name in repair.mark.record)] = change[repair.mark.state]
            lost = [record for record, state in latest.items() if not ledger.reached(repair.field, record, state)]
            names = [snake(name) for name in repair.mark.record]

            async def publish_each(records: Sequence[tuple[str, ...]]) -> None:
                for record in records:
                    await publish(repair.mutation, **dict(zip(names, record, strict=True)))

            await together(publish_each(lost[start::_AT_ONCE]) for start in range(min(len(lost), _AT_ONCE)))
            return ()

        return FeedStep(f"lost-{repair.mutation}", repair.table, handle, BATCH, is_led=True)

    return [step(repair) for repair in repairs]


def _left(events: Sequence[FeedEvent], now: Timestamp, seconds: float) -> float:
    """Until all of them must have been told of; clocks may differ."""
    if not events:
        return 0.0
    youngest = max(event.at or now for event in events)
    return min(seconds, max(0.0, seconds - (moment(now) - moment(youngest)).total_seconds()))
