"""Items of the tables Rooms, RoomMembers and Messages, with the attributes that their indexes need."""

from typing import Any

import msgspec

from datasources.conditions import any_of, at_most, equals, not_exists
from datasources.ports import Attributes, Change, Check, Item, Put
from datasources.tables import MESSAGES, ROOM_MEMBERS, ROOMS
from datasources.updates import difference
from domain.messages import Message
from domain.records import to_item
from domain.room_members import RoomMember
from domain.rooms import Room
from domain.times import Timestamp, epoch_seconds

PUBLIC = "PUBLIC"
"""The partition of PublicActivityIndex with the rooms of no course."""
_OF_COUNTER = ("lastSequence", "lastChangeSequence", "lastMessageAt")


def room_key(room_id: str) -> dict[str, str]:
    return {"roomId": room_id}


def member_key(room_id: str, user_id: str) -> dict[str, str]:
    return {"userId": user_id, "roomId": room_id}


def message_key(message_id: str) -> dict[str, str]:
    return {"messageId": message_id}


def course_scope(course_id: str) -> str:
    """The partition of PublicActivityIndex with a course's PUBLIC rooms."""
    return f"COURSE#{course_id}"


def room_attributes(room: Room) -> Item:
    """The item without its key. The counter's numbers have an item of their own."""
    item = {name: value for name, value in to_item(room).items() if name not in ("id", *_OF_COUNTER)}
    if room.kind == "PUBLIC":
        item["scope"] = PUBLIC if room.course_id is None else course_scope(room.course_id)
    return item


def room_of(item: Attributes, counter: Attributes | None) -> Room:
    """`counter` None is a room in which nothing was said yet."""
    return msgspec.convert({**item, **(counter or {}), "id": item["roomId"]}, Room)


def new_room(room: Room) -> Put:
    """Fails when there is such a room already."""
    return Put(ROOMS, {**room_key(room.id), **room_attributes(room)}, not_exists("roomId"))


def unchanged_room(room: Room) -> Check:
    """Holds while nobody archives or changes the room."""
    return Check(ROOMS, room_key(room.id), equals("version", room.version))


def unchanged_member(member: RoomMember) -> Check:
    """Holds while nothing is decided about the member; read positions may move."""
    return Check(ROOM_MEMBERS, member_key(member.room_id, member.user_id), equals("version", member.version))


def member_of(item: Attributes) -> RoomMember:
    return msgspec.convert(item, RoomMember)


def member_step(before: RoomMember | None, after: RoomMember) -> Put | Change:
    """The write of one step of a membership. Fails when the row is another by now.

    Only what the step changes is written, so that a read position that moves meanwhile is not moved back.
    """
    if before is None:
        return Put(ROOM_MEMBERS, to_item(after), not_exists("userId"))
    updates = difference(to_item(before), to_item(after))
    return Change(ROOM_MEMBERS, member_key(before.room_id, before.user_id), updates, equals("version", before.version))


def message_item(message: Message, ttl: int) -> Item:
    """The whole item."""
    item: dict[str, Any] = to_item(message)
    item["messageId"] = item.pop("id")
    item["timestamp"] = item.pop("sentAt")
    item["ttl"] = ttl
    return item


def message_of(item: Attributes) -> Message:
    return msgspec.convert({**item, "id": item["messageId"], "sentAt": item["timestamp"]}, Message)


def put_message(message: Message, ttl: int, before: Message | None, now: Timestamp) -> Put:
    """Fails when the message is another by now. An expired one that is still there counts as gone."""
    item = message_item(message, ttl)
    if before is None:
        return Put(MESSAGES, item, any_of(not_exists("messageId"), at_most("ttl", epoch_seconds(now))))
    return Put(MESSAGES, item, equals("changeSequence", before.change_sequence))


def expiry(sent_at: Timestamp, days: int) -> int:
    """`ttl` of a message and of all that belongs to it."""
    return epoch_seconds(sent_at) + days * 24 * 3600
