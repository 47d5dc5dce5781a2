"""Chat rooms: their records, and what their owners and moderators may choose."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import msgspec

from domain import text
from domain.errors import Code, DomainError, bad_request
from domain.fields import Rule, check_given, whole_number
from domain.records import Record
from domain.times import Timestamp

RoomKind = Literal["PUBLIC", "PRIVATE", "DIRECT"]

MOST_INVITED_AT_ONCE = 100
SLOWEST_SECONDS = 3_600
LARGE = 100
"""Beyond so many members nobody is told who is typing, or who has read how far."""


class Room(Record, frozen=True):
    """A chat room: its row in table Rooms, and with it the room's counter.

    `member_count` follows the memberships a moment later. `owner_count` is exact. `activity_hour` is the hour of
    the last message, or of the creation: "2026-11-21T13".
    """

    id: str
    kind: str
    created_at: Timestamp
    version: int
    name: str | None = None
    topic: str | None = None
    course_id: str | None = None
    member_count: int = 0
    owner_count: int = 0
    slow_mode_seconds: int = 0
    is_archived: bool = False
    activity_hour: str = ""
    last_sequence: int = 0
    last_change_sequence: int = 0
    last_message_at: Timestamp | None = None

    @property
    def is_large(self) -> bool:
        return self.member_count > LARGE


def new_room(given: Mapping[str, Any], *, room_id: str, now: Timestamp) -> Room:
    """Of a `CreateRoomInput`, with its first owner in it. Raises BAD_REQUEST."""
    if given["kind"] == "DIRECT":
        raise bad_request("input.kind", "KIND", "A DIRECT room is opened with openDirectRoom.")
    course_id = given.get("course_id")
    return Room(
        id=room_id,
        kind=given["kind"],
        created_at=now,
        version=1,
        name=text.clean(given["name"], "input.name", longest=text.NAME),
        topic=text.clean_or_none(given.get("topic"), "input.topic", longest=text.SUMMARY),
        course_id=None if course_id is None else text.identifier(course_id, "input.courseId"),
        member_count=1,
        owner_count=1,
        activity_hour=hour_of(now),
    )


def invited_at_once(given: Mapping[str, Any], creator: str) -> list[str]:
    """The users that a `CreateRoomInput` invites, each once and without its creator. Raises BAD_REQUEST."""
    user_ids: Sequence[str] = given.get("invite_user_ids") or ()
    if len(user_ids) > MOST_INVITED_AT_ONCE:
        message = f"At most {MOST_INVITED_AT_ONCE} users are invited at once."
        raise bad_request("input.inviteUserIds", "COUNT", message)
    checked = (text.identifier(user_id, "input.inviteUserIds") for user_id in user_ids)
    return [user_id for user_id in dict.fromkeys(checked) if user_id != creator]


def direct_room(user_id: str, other_id: str, now: Timestamp) -> Room:
    """The room of two users, whoever opens it. Nobody owns it, so nobody changes it."""
    return Room(
        id=direct_room_id(user_id, other_id),
        kind="DIRECT",
        created_at=now,
        version=1,
        member_count=2,
        activity_hour=hour_of(now),
    )


def room_of_meeting(room_id: str, name: str, now: Timestamp) -> Room:
    """The room of a meeting, owned by its host. Its members follow the meeting's roster."""
    return Room(
        id=room_id,
        kind="PRIVATE",
        created_at=now,
        version=1,
        name=name,
        member_count=1,
        owner_count=1,
        activity_hour=hour_of(now),
    )


def direct_room_id(user_id: str, other_id: str) -> str:
    """The same for both; tells nothing of either."""
    pair = "\0".join(sorted((user_id, other_id)))
    return hashlib.sha256(f"educonnect direct room\0{pair}".encode()).hexdigest()[:32]


def changed_room(room: Room, given: Mapping[str, Any]) -> Room:
    """The room after an `UpdateRoomInput`, one version on. Raises BAD_REQUEST, ROOM_ARCHIVED."""
    require_open(room)
    changes = check_given(_CHANGEABLE, _CLEARED, given)
    return msgspec.structs.replace(room, **changes, version=room.version + 1)


def archived_room(room: Room) -> Room:
    """Read-only for good. Raises ROOM_ARCHIVED when it is already."""
    require_open(room)
    return msgspec.structs.replace(room, is_archived=True, version=room.version + 1)


def require_open(room: Room) -> None:
    """Raises ROOM_ARCHIVED."""
    if room.is_archived:
        raise DomainError(Code.ROOM_ARCHIVED, "The room is archived.")


def hour_of(at: Timestamp) -> str:
    return at[:13]


_CHANGEABLE: Mapping[str, Rule] = {
    "name": partial(text.clean, longest=text.NAME),
    "topic": partial(text.clean_or_none, longest=text.SUMMARY),
    "slow_mode_seconds": whole_number(0, SLOWEST_SECONDS),
}
_CLEARED = {"topic": None, "slow_mode_seconds": 0}
