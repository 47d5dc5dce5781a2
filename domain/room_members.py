"""A user's place in a room: its states, each step between them, and what it lets the user do.

    INVITED -> JOINED -> LEFT -> JOINED or INVITED; every one of them -> BANNED -> LEFT

A step takes the row as it is and returns the row as it shall be, one version on, or the row itself where
nothing changes.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from domain.errors import Code, DomainError, bad_request, forbidden, invalid_state, not_found
from domain.records import Record
from domain.rooms import Room, require_open
from domain.times import Timestamp

RoomRole = Literal["OWNER", "MODERATOR", "MEMBER"]
RoomMemberStatus = Literal["INVITED", "JOINED", "LEFT", "BANNED"]

_MODERATING = ("OWNER", "MODERATOR")


class RoomMember(Record, frozen=True):
    """A row of table RoomMembers.

    `joined_at` is when the user was invited, until they join. `read_at` is when the read position moved last,
    `last_sent_at` the last message under slow mode. The room was created with its founders in it.
    """

    room_id: str
    user_id: str
    role: str
    status: str
    joined_at: Timestamp
    version: int
    notification_level: str = "ALL"
    last_read_sequence: int = 0
    status_changed_by_id: str | None = None
    muted_until_at: Timestamp | None = None
    read_at: Timestamp | None = None
    last_sent_at: Timestamp | None = None
    is_founder: bool = False

    @property
    def is_joined(self) -> bool:
        return self.status == "JOINED"

    @property
    def is_owner(self) -> bool:
        return self.is_joined and self.role == "OWNER"

    @property
    def moderates(self) -> bool:
        return self.is_joined and self.role in _MODERATING

    def is_muted(self, now: Timestamp) -> bool:
        return self.muted_until_at is not None and self.muted_until_at > now


class ReadReceipt(Record, frozen=True):
    """A read position; only moves forward."""

    room_id: str
    user_id: str
    last_read_sequence: int
    read_at: Timestamp


# What a place lets its user do


def may_know(room: Room, member: RoomMember | None) -> bool:
    """Whether the user may learn that the room exists. An invitation tells its id and no more."""
    return room.kind == "PUBLIC" or (member is not None and member.is_joined)


def require_may_read(room: Room, member: RoomMember | None) -> None:
    """Raises NOT_FOUND for a room that the user may not know, FORBIDDEN for one that banned them."""
    if not may_know(room, member):
        raise not_found("room")
    if member is not None and member.status == "BANNED":
        raise forbidden("The user is banned from the room.")


def require_joined(room: Room, member: RoomMember | None) -> RoomMember:
    """Raises MEMBER_BANNED; NOT_FOUND for a room that the user may not know; FORBIDDEN for another."""
    if member is not None and member.is_joined:
        return member
    if member is not None and member.status == "BANNED":
        raise banned()
    if not may_know(room, member):
        raise not_found("room")
    raise forbidden("Join the room first.")


def require_may_write(room: Room, member: RoomMember | None, now: Timestamp) -> RoomMember:
    """As `require_joined`; and raises ROOM_ARCHIVED, MEMBER_MUTED."""
    writer = require_joined(room, member)
    require_open(room)
    if writer.is_muted(now):
        message = "The user may not write in this room for now."
        raise DomainError(Code.MEMBER_MUTED, message, mutedUntilAt=writer.muted_until_at)
    return writer


def require_moderates(room: Room, member: RoomMember | None) -> RoomMember:
    """As `require_joined`; and raises FORBIDDEN for a plain member."""
    moderator = require_joined(room, member)
    if not moderator.moderates:
        raise forbidden("This is for the room's owners and moderators.")
    return moderator


def require_owns(room: Room, member: RoomMember | None) -> RoomMember:
    """As `require_joined`; and raises FORBIDDEN for who is no owner."""
    owner = require_joined(room, member)
    if not owner.is_owner:
        raise forbidden("This is for the room's owners.")
    return owner


def banned() -> DomainError:
    return DomainError(Code.MEMBER_BANNED, "The user is banned from the room.")


# What its user is told of


def hears_what_is_for_them(member: RoomMember) -> bool:
    """Mentions and replies."""
    return member.is_joined and member.notification_level != "NONE"


def hears_everything(room: Room, member: RoomMember) -> bool:
    """Also what is said to all. In a DIRECT room that is for them, in a large one it is for nobody in particular."""
    if room.is_large or not member.is_joined:
        return False
    return member.notification_level == "ALL" or (room.kind == "DIRECT" and member.notification_level != "NONE")


# Steps


def founder(room: Room, user_id: str, role: RoomRole) -> RoomMember:
    """A place that is made with its room."""
    return RoomMember(
        room_id=room.id,
        user_id=user_id,
        role=role,
        status="JOINED",
        joined_at=room.created_at,
        version=1,
        status_changed_by_id=user_id,
        is_founder=True,
    )


def invite(room: Room, user_id: str, before: RoomMember | None, inviter_id: str, now: Timestamp) -> RoomMember:
    """INVITED to a PRIVATE room, JOINED to a PUBLIC one; a place that is there already stays.

    Raises:
        DomainError: ROOM_ARCHIVED; MEMBER_BANNED until the ban is lifted.
    """
    require_open(room)
    if before is not None and before.status == "BANNED":
        raise banned()
    if before is not None and (before.is_joined or room.kind != "PUBLIC") and before.status != "LEFT":
        return before
    status: RoomMemberStatus = "JOINED" if room.kind == "PUBLIC" else "INVITED"
    return _placed(room, user_id, before, status, inviter_id, now)


def join(room: Room, user_id: str, before: RoomMember | None, now: Timestamp) -> RoomMember:
    """The user enters a PUBLIC room, or accepts an invitation. What was said before counts as read.

    Raises:
        DomainError: NOT_FOUND, MEMBER_BANNED, ROOM_ARCHIVED.
    """
    status = None if before is None else before.status
    if status == "BANNED":
        raise banned()
    if room.kind != "PUBLIC" and status not in ("INVITED", "JOINED"):
        raise not_found("room")
    if before is not None and before.is_joined:
        return before
    require_open(room)
    return _placed(room, user_id, before, "JOINED", user_id, now)


def leave(room: Room, before: RoomMember) -> RoomMember:
    """The user goes, or declines an invitation; also from an archived room.

    Raises:
        DomainError: INVALID_STATE for who is not there, and in a DIRECT room (reason DIRECT).
    """
    if room.kind == "DIRECT":
        raise invalid_state(before.status, "A direct room is for ever.", reason="DIRECT")
    if before.status not in ("INVITED", "JOINED"):
        raise invalid_state(before.status, "The user is not in the room.")
    return _gone(before, "LEFT", before.user_id)


def moderate(room: Room, actor: RoomMember, before: RoomMember, given: Mapping[str, Any], now: Timestamp) -> RoomMember:
    """The row after an `UpdateRoomMemberInput` of an owner or a moderator.

    Raises:
        DomainError: ROOM_ARCHIVED; BAD_REQUEST; INVALID_STATE; FORBIDDEN for a moderator who touches an owner
            or makes one.
    """
    require_open(room)
    role, status = given.get("role"), given.get("status")
    if status not in (None, "BANNED", "LEFT"):
        raise bad_request("input.status", "STATUS", "input.status is BANNED or LEFT.")
    if not actor.is_owner and (before.role == "OWNER" or role == "OWNER"):
        raise forbidden("Only an owner decides on owners.")
    after = before
    if role is not None and role != before.role:
        if not before.is_joined:
            raise invalid_state(before.status, "Only who is in the room has a role.")
        after = msgspec.structs.replace(after, role=role)
    if "muted_until_at" in given:
        after = msgspec.structs.replace(after, muted_until_at=_mute(given["muted_until_at"], now))
    if status is not None and status != before.status:
        after = _sent_away(actor, after, status)
    if after == before:
        return before
    return msgspec.structs.replace(after, version=before.version + 1)


def follow(
    room: Room,
    user_id: str,
    before: RoomMember | None,
    host_id: str,
    now: Timestamp,
    *,
    is_out: bool = False,
    is_back: bool = False,
) -> RoomMember:
    """The place in a meeting's room that follows from the meeting's roster.

    Whoever is put out of the meeting is banned here, and back with the meeting. Else who has a place keeps it as it
    is: leaving the room is theirs to decide, and banning them from it the room's moderators'.

    Args:
        before: None for who has never been there; then they are not out.
    """
    if before is None or (is_back and before.status == "BANNED"):
        return _placed(room, user_id, before, "JOINED", host_id, now)
    return _gone(before, "BANNED", host_id) if is_out and before.status != "BANNED" else before


def with_notifications(before: RoomMember, level: str) -> RoomMember:
    """Raises INVALID_STATE for who is not in the room."""
    if not before.is_joined:
        raise invalid_state(before.status, "The user is not in the room.")
    return msgspec.structs.replace(before, notification_level=level, version=before.version + 1)


def _placed(
    room: Room, user_id: str, before: RoomMember | None, status: RoomMemberStatus, by_id: str, now: Timestamp
) -> RoomMember:
    """A fresh place. Of an earlier one a mute and slow mode's clock go on, and the version."""
    fresh = RoomMember(
        room_id=room.id,
        user_id=user_id,
        role="MEMBER",
        status=status,
        joined_at=now,
        version=1,
        last_read_sequence=room.last_sequence,
        status_changed_by_id=by_id,
    )
    if before is None:
        return fresh
    return msgspec.structs.replace(
        fresh,
        version=before.version + 1,
        notification_level=before.notification_level,
        muted_until_at=before.muted_until_at,
        last_sent_at=before.last_sent_at,
        is_founder=before.is_founder,
    )


def _mute(until: Timestamp | None, now: Timestamp) -> Timestamp | None:
    if until is not None and until <= now:
        raise bad_request("input.mutedUntilAt", "FUTURE", "input.mutedUntilAt lies in the future.")
    return until


def _sent_away(actor: RoomMember, before: RoomMember, status: str) -> RoomMember:
    """Removed, banned, or no longer banned."""
    if before.user_id == actor.user_id:
        raise bad_request("input.status", "SELF", "Use leaveRoom to go.")
    away = _gone(before, status, actor.user_id)
    return msgspec.structs.replace(away, version=before.version)


def _gone(before: RoomMember, status: str, by_id: str) -> RoomMember:
    return msgspec.structs.replace(
        before, status=status, role="MEMBER", status_changed_by_id=by_id, version=before.version + 1
    )
