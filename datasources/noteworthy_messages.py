"""What is said in rooms, to whom it is news, and how often, by the levels that members chose.

Every mention and every reply tells its user. All else tells a member once, and then no more until they have read on;
in a large room it tells nobody. So a busy room floods nobody, and its cost goes by its members, not by its messages.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from datasources.batches import get_each
from datasources.ports import FeedEvent, Item, RecordStore
from datasources.room_log import is_change_row, is_of_new_message
from datasources.room_members import RoomMembers
from datasources.room_rows import message_key, message_of, room_key, room_of
from datasources.tables import MESSAGES, ROOMS
from domain import notification_texts
from domain.messages import Message
from domain.notifications import Draft
from domain.room_members import RoomMember, hears_everything, hears_what_is_for_them
from domain.rooms import Room

_PAGE = 100
_ROOMS_AT_ONCE = 16
_MOST_PAGES = 10
"""Of rows of a room that is not large; only one that many have left has more than two."""


class _Said(msgspec.Struct):
    """In one room: messages that are new, and messages whose words are; and by id what new ones reply to."""

    new: list[Message] = msgspec.field(default_factory=list)
    worded: list[Message] = msgspec.field(default_factory=list)
    parents: Mapping[str, Message] = msgspec.field(default_factory=dict)

    def for_whom(self, message: Message) -> dict[str, bool]:
        """The users whom a message is for, but its sender; and whether it mentions them, else it replies to them."""
        users = dict.fromkeys(message.mentioned_user_ids, True)
        parent = self.parents.get(message.reply_to_id or "")
        if parent is not None and parent.sender_id is not None:
            users.setdefault(parent.sender_id, False)
        return {user_id: is_mention for user_id, is_mention in users.items() if user_id != message.sender_id}

    def addressed(self) -> list[tuple[Message, str, bool]]:
        """Each message with each user whom it is for, and how."""
        messages = {message.id: message for message in (*self.new, *self.worded)}
        return [(message, *user) for message in messages.values() for user in self.for_whom(message).items()]


async def in_room_log(store: RecordStore, events: Sequence[FeedEvent]) -> list[Draft]:
    """Feed of RoomLog. Drafts hold no word of a message, so that deleting it deletes it."""
    rows = [event.new for event in events if event.new is not None]
    new = [row["messageId"] for row in rows if is_of_new_message(row)]
    worded = [row["messageId"] for row in rows if is_change_row(row) and row["words"]]
    messages = await _messages(store, [*new, *worded])
    parents = await _messages(store, [messages[each].reply_to_id for each in new if each in messages])
    rooms: dict[str, _Said] = defaultdict(lambda: _Said(parents=parents))
    for message_id in new:
        if message_id in messages:
            rooms[messages[message_id].room_id].new.append(messages[message_id])
    for message_id in worded:
        if message_id in messages:
            rooms[messages[message_id].room_id].worded.append(messages[message_id])
    items = await get_each(store, ROOMS, [room_key(room_id) for room_id in rooms])
    known = [(room_of(item, None), rooms[item["roomId"]]) for item in items if item is not None]
    drafts: list[Draft] = []
    for start in range(0, len(known), _ROOMS_AT_ONCE):
        some = known[start : start + _ROOMS_AT_ONCE]
        members = await _members(store, some)
        drafts += [draft for room, said in some for draft in _in_room(room, said, members[room.id])]
    return drafts


async def _messages(store: RecordStore, ids: Iterable[str | None]) -> dict[str, Message]:
    """By id, those that users sent and nobody has deleted."""
    wanted = [message_id for message_id in dict.fromkeys(ids) if message_id is not None]
    items: list[Item | None] = await get_each(store, MESSAGES, [message_key(message_id) for message_id in wanted])
    found = [message_of(item) for item in items if item is not None]
    return {message.id: message for message in found if message.kind == "USER" and not message.is_deleted}


def _in_room(room: Room, said: _Said, members: Mapping[str, RoomMember]) -> list[Draft]:
    drafts = [
        (notification_texts.of_mention if is_mention else notification_texts.of_reply)(message, user_id, room.name)
        for message, user_id, is_mention in said.addressed()
        if user_id in members and hears_what_is_for_them(members[user_id])
    ]
    drafts += [
        notification_texts.of_messages(member, room.name)
        for member in members.values()
        if hears_everything(room, member) and any(_is_news(said, message, member) for message in said.new)
    ]
    return drafts


def _is_news(said: _Said, message: Message, member: RoomMember) -> bool:
    """Whether a message of no special address is one that the member has not seen."""
    is_theirs = message.sender_id == member.user_id or member.user_id in said.for_whom(message)
    return not is_theirs and message.sequence > member.last_read_sequence


async def _members(store: RecordStore, rooms: Sequence[tuple[Room, _Said]]) -> dict[str, dict[str, RoomMember]]:
    """Who may be told, by room and user: all who are in it, or in a large one only those whom a message is for."""
    book = RoomMembers(store)
    found: dict[str, dict[str, RoomMember]] = {room.id: {} for room, _ in rooms}
    whole: dict[str, Any] = {}
    for room, said in rooms:
        if said.new and not room.is_large:
            whole[room.id] = None
        elif addressed := dict.fromkeys(user_id for _, user_id, _ in said.addressed()):
            rows = await book.of_room(room.id, list(addressed))
            found[room.id] = {row.user_id: row for row in rows if row is not None}
    for _ in range(_MOST_PAGES):
        if not whole:
            break
        page, whole = await book.list_rooms(whole, ("JOINED",), _PAGE)
        for row in page:
            found[row.room_id][row.user_id] = row
    return found
