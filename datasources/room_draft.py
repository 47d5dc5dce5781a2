"""One transaction in the making: a room as it was read, and as it shall be after the changes applied so far.

Several changes of one room commit together, each under its own number. A message that is changed twice in
one transaction is written once, as after the second: what lay between was never seen by anybody.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from datasources import room_log
from datasources.batches import get_each
from datasources.conditions import all_of, equals, exists, not_exists
from datasources.contention import LostRace
from datasources.media_rows import media_key, media_of
from datasources.media_uses import Use, counted, no_use, use_row
from datasources.ports import Change, Delete, Put, RecordStore, TransactionFailed, Write
from datasources.room_log import Counter
from datasources.room_rows import (
    expiry,
    member_key,
    member_of,
    message_key,
    message_of,
    put_message,
    room_key,
    room_of,
    unchanged_member,
    unchanged_room,
)
from datasources.tables import MEDIA, MESSAGES, REACTIONS, ROOM_LOG, ROOM_MEMBERS, ROOMS
from datasources.updates import Set
from domain.errors import not_found
from domain.media import MediaAsset
from domain.messages import Message
from domain.room_members import RoomMember
from domain.rooms import Room, hour_of
from domain.times import Timestamp, later


class Reaction(msgspec.Struct, frozen=True):
    """One user's reaction with one emoji: a row of table Reactions."""

    message_id: str
    emoji: str
    user_id: str

    @property
    def key(self) -> dict[str, str]:
        return {"messageId": self.message_id, "emojiUser": f"{self.emoji}#{self.user_id}"}


class RoomChange(Protocol):
    """What one call wants of a room's messages.

    Attributes:
        message_ids, user_ids, reactions, media_ids: what the decision rests on, besides the room.
        rests_on_writer: the user whose place in the room is all of it, and who says something new; None where it
            rests on more.
        most_writes: how many items it writes or checks at most, besides room and counter.
    """

    @property
    def message_ids(self) -> Sequence[str]: ...

    @property
    def user_ids(self) -> Sequence[str]: ...

    @property
    def reactions(self) -> Sequence[Reaction]: ...

    @property
    def media_ids(self) -> Sequence[str]: ...

    @property
    def rests_on_writer(self) -> str | None: ...

    @property
    def most_writes(self) -> int: ...

    def apply(self, draft: "Draft") -> Message:
        """The message after the change. Raises DomainError for a refusal; the draft is then as it was."""
        ...


class Draft:
    """Made by `read`, or from memory. `room` and `media` are as they were read, `members` as they shall be, `now` is
    the time of all that is written."""

    def __init__(
        self,
        room: Room,
        messages: Mapping[str, Message],
        members: Mapping[str, RoomMember],
        reactions: Mapping[Reaction, bool],
        media: Mapping[str, MediaAsset],
        now: Timestamp,
        days: int,
    ) -> None:
        self.room = room
        self.media = media
        self.now = now
        self._days = days
        self._counter = self._counter_read = Counter(
            room.last_sequence, room.last_change_sequence, room.last_message_at
        )
        self._messages_read = messages
        self._messages: dict[str, Message] = {}
        self._members_read = members
        self.members = dict(members)
        self._relied_on: set[str] = set()
        self._reactions_read = reactions
        self._reactions = dict(reactions)
        self._shown: dict[str, int] = {}
        self._uses: dict[tuple[str, str], Put | Delete] = {}
        self._also: list[Write] = []

    def room_after(self) -> Room:
        """The room once this is committed."""
        counter = self._counter
        return msgspec.structs.replace(
            self.room,
            last_sequence=counter.last_sequence,
            last_change_sequence=counter.last_change_sequence,
            last_message_at=counter.last_message_at,
            activity_hour=self._activity_hour(),
        )

    def message(self, message_id: str) -> Message | None:
        return self._messages.get(message_id) or self._messages_read.get(message_id)

    def has(self, reaction: Reaction) -> bool:
        return self._reactions[reaction]

    def append(self, message: Message) -> Message:
        """The message at the next place of the room, sent later than every other."""
        last, sent_at = self._counter, self.now
        if last.last_message_at is not None and last.last_message_at >= sent_at:
            sent_at = later(last.last_message_at, seconds=0.001)
        self._counter = Counter(last.last_sequence + 1, last.last_change_sequence, sent_at)
        return self.replace(msgspec.structs.replace(message, sequence=self._counter.last_sequence, sent_at=sent_at))

    def replace(self, message: Message) -> Message:
        """The message as it shall be, under the next change's number."""
        number = self._counter.last_change_sequence + 1
        self._counter = msgspec.structs.replace(self._counter, last_change_sequence=number)
        changed = msgspec.structs.replace(message, change_sequence=number)
        self._messages[changed.id] = changed
        return changed

    def rely_on(self, member: RoomMember) -> None:
        """Commit only while the membership is as it was read."""
        self._relied_on.add(member.user_id)

    def start_waiting(self, member: RoomMember, since: Timestamp) -> None:
        """Slow mode: the member sent something."""
        self.members[member.user_id] = msgspec.structs.replace(member, last_sent_at=since)

    def react(self, reaction: Reaction) -> None:
        self._reactions[reaction] = True

    def unreact(self, reaction: Reaction) -> None:
        self._reactions[reaction] = False

    def show(self, message: Message) -> None:
        """The message's attachments are used from now on, until the message expires."""
        ttl = expiry(message.sent_at, self._days)
        for media_id in message.attachment_ids:
            self._shown[media_id] = self._shown.get(media_id, 0) + 1
            self._uses[media_id, message.id] = use_row(media_id, Use("MESSAGE", message.id), ttl=ttl)

    def hide(self, message: Message) -> None:
        """The message shows them no more."""
        for media_id in message.attachment_ids:
            self._uses[media_id, message.id] = no_use(media_id, Use("MESSAGE", message.id))

    def also(self, write: Write) -> None:
        """A write of the same transaction that always holds, e.g. an audit event."""
        self._also.append(write)

    async def save(self, store: RecordStore) -> None:
        """Raises LostRace when anything that was read is no longer so. Nothing changed: nothing is written."""
        if not self._messages:
            return
        try:
            await store.transact(self._writes())
        except TransactionFailed:
            raise LostRace from None

    def _writes(self) -> list[Write]:
        writes: list[Write] = [room_log.advanced(self.room.id, self._counter_read, self._counter), self._room_write()]
        for message in self._messages.values():
            before, ttl = self._messages_read.get(message.id), expiry(message.sent_at, self._days)
            writes.append(put_message(message, ttl, before, self.now))
            writes.append(room_log.change_row(message, before, ttl))
            writes.append(room_log.sequence_row(message, ttl) if before is None else room_log.change_row_gone(before))
        writes += [self._member_write(user_id) for user_id in sorted(self._relied_on)]
        writes += self._reaction_writes()
        writes += [counted(media_id, number) for media_id, number in self._shown.items()]
        return [*writes, *self._uses.values(), *self._also]

    def _room_write(self) -> Write:
        """The room as it was read, and once an hour its place in the list of rooms by activity."""
        unchanged, hour = unchanged_room(self.room), self._activity_hour()
        if hour == self.room.activity_hour:
            return unchanged
        return Change(ROOMS, unchanged.key, [Set("activityHour", hour)], unchanged.condition)

    def _activity_hour(self) -> str:
        said_anything = self._counter.last_sequence > self._counter_read.last_sequence
        before = self.room.activity_hour
        return max(before, hour_of(self._counter.last_message_at or self.now)) if said_anything else before

    def _member_write(self, user_id: str) -> Write:
        before, after = self._members_read[user_id], self.members[user_id]
        unchanged = unchanged_member(before)
        if before.last_sent_at == after.last_sent_at:
            return unchanged
        last = before.last_sent_at
        not_since = not_exists("lastSentAt") if last is None else equals("lastSentAt", last)
        now_since = [Set("lastSentAt", after.last_sent_at)]
        return Change(ROOM_MEMBERS, unchanged.key, now_since, all_of(unchanged.condition, not_since))

    def _reaction_writes(self) -> list[Write]:
        writes: list[Write] = []
        for reaction, is_there in self._reactions.items():
            if is_there == self._reactions_read[reaction]:
                continue
            if is_there:
                ttl = expiry(self._messages[reaction.message_id].sent_at, self._days)
                writes.append(Put(REACTIONS, {**reaction.key, "ttl": ttl}, not_exists("messageId")))
            else:
                writes.append(Delete(REACTIONS, reaction.key, exists("messageId")))
        return writes


async def read(store: RecordStore, room_id: str, changes: Sequence[RoomChange], now: Timestamp, days: int) -> Draft:
    """What the changes rest on, consistently read. Raises NOT_FOUND."""
    message_ids = list(dict.fromkeys(each for change in changes for each in change.message_ids))
    user_ids = list(dict.fromkeys(each for change in changes for each in change.user_ids))
    reactions = list(dict.fromkeys(reaction for change in changes for reaction in change.reactions))
    media_ids = list(dict.fromkeys(each for change in changes for each in change.media_ids))
    room, counter, messages, members, reacted, media = await asyncio.gather(
        store.get(ROOMS, room_key(room_id)),
        store.get(ROOM_LOG, room_log.counter_key(room_id)),
        get_each(store, MESSAGES, [message_key(each) for each in message_ids]),
        get_each(store, ROOM_MEMBERS, [member_key(room_id, each) for each in user_ids]),
        get_each(store, REACTIONS, [reaction.key for reaction in reactions]),
        get_each(store, MEDIA, [media_key(each) for each in media_ids]),
    )
    if room is None:
        raise not_found("room")
    return Draft(
        room_of(room, counter),
        {item["messageId"]: message_of(item) for item in messages if item is not None},
        {item["userId"]: member_of(item) for item in members if item is not None},
        {reaction: item is not None for reaction, item in zip(reactions, reacted, strict=True)},
        {item["mediaId"]: media_of(item) for item in media if item is not None},
        now,
        days,
    )
