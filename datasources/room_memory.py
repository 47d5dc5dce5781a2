"""Rooms as this process has written or read them last, so that a plain message is committed without a read before.

Memory decides nothing. It lets a change be tried, under the same conditions as one that was read: the room, its
counter and the writer's place in it are as they are remembered, or nothing is written. What is refused is read first.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

import msgspec

from datasources.room_draft import Draft, RoomChange
from domain.room_members import RoomMember
from domain.rooms import Room
from domain.times import Timestamp

MOST_ROOMS = 5_000
MOST_MEMBERS = 20_000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Seen(msgspec.Struct, frozen=True):
    """A room; and whether others seem to change it too, so that trying would mostly be in vain."""

    room: Room
    is_shared: bool


class _Latest(Generic[K, V]):
    """At most so many values; the one unused longest makes room."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._size:
            self._values.popitem(last=False)


class RoomMemory:
    """One a queue, which works on each room for one transaction after another."""

    def __init__(self) -> None:
        self._rooms: _Latest[str, _Seen] = _Latest(MOST_ROOMS)
        self._members: _Latest[tuple[str, str], RoomMember] = _Latest(MOST_MEMBERS)

    def draft(self, room_id: str, changes: Sequence[RoomChange], now: Timestamp, days: int) -> Draft | None:
        """What the changes rest on, as it is remembered; None where that is not all, or is likely not so any more."""
        seen = self._rooms.get(room_id)
        if seen is None or seen.is_shared:
            return None
        members: dict[str, RoomMember] = {}
        for change in changes:
            writer_id = change.rests_on_writer
            member = None if writer_id is None else self._members.get((room_id, writer_id))
            if member is None:
                return None
            members[member.user_id] = member
        return Draft(seen.room, {}, members, {}, {}, now, days)

    def doubt(self, room_id: str) -> None:
        """Somebody else has changed the room: read it until nobody does."""
        seen = self._rooms.get(room_id)
        if seen is not None:
            self._rooms.put(room_id, _Seen(seen.room, is_shared=True))

    def keep(self, draft: Draft) -> None:
        """What a draft has committed. Others change the room too if it had moved on since it was kept last."""
        room = draft.room_after()
        seen = self._rooms.get(room.id)
        was_changed = seen is not None and seen.room.last_change_sequence != draft.room.last_change_sequence
        self._rooms.put(room.id, _Seen(room, is_shared=was_changed))
        for member in draft.members.values():
            self._members.put((room.id, member.user_id), member)
