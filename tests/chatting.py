"""Rooms full of people, made by the product's own classes."""

from collections.abc import Sequence
from dataclasses import dataclass

from ulid import ULID

from datasources.idempotency import Request
from datasources.messages import Messages
from datasources.ports import RecordStore
from datasources.room_log import rows_behind
from datasources.room_members import RoomMembers
from datasources.rooms import Rooms
from domain.chat_limits import ChatLimits
from domain.messages import Message, Words
from domain.room_members import RoomMember, join
from domain.rooms import Room, new_room
from domain.times import Timestamp

NOW = Timestamp("2036-09-01T08:00:00.000Z")
"""Far ahead, for the stores tell by their own clock whether an item's ttl has passed."""
OWNER = "owner"
UNLIMITED = ChatLimits(
    room_changes_per_second=1e6, room_burst=1_000_000, user_changes_per_second=1e6, user_burst=1_000_000
)


def now() -> Timestamp:
    return NOW


@dataclass
class Chat:
    """The chat of one process; several over one store are several processes."""

    store: RecordStore

    def __post_init__(self) -> None:
        self.rooms = Rooms(self.store)
        self.members = RoomMembers(self.store)
        self.messages = Messages(self.store, now, UNLIMITED)

    async def room(self, *user_ids: str, kind: str = "PUBLIC") -> Room:
        """A room of OWNER, with these users in it."""
        room = new_room({"kind": kind, "name": "Shore birds"}, room_id=str(ULID()), now=NOW)
        await self.rooms.create(room, OWNER, None, NOW)
        for user_id in user_ids:
            await self.enter(room, user_id)
        return room

    async def enter(self, room: Room, user_id: str) -> RoomMember:
        def joined(room: Room, before: RoomMember | None, _actor: RoomMember | None) -> RoomMember:
            return join(room, user_id, before, NOW)

        member, _ = await self.members.step(room.id, user_id, joined, actor_id=user_id)
        return member

    async def send(
        self,
        room: Room,
        sender_id: str,
        body: str = "Hello",
        *,
        reply_to: Message | None = None,
        mentioned: Sequence[str] = (),
        request: Request | None = None,
    ) -> Message:
        return await self.messages.send(
            room.id,
            sender_id,
            Words(body, tuple(mentioned)),
            reply_to_id=None if reply_to is None else reply_to.id,
            fresh_id=str(ULID()),
            request=request,
        )

    async def counted(self, room: Room) -> Room:
        """The room as it is now."""
        found = await self.rooms.get(room.id)
        assert found is not None
        return found

    async def behind_sequence(self, room: Room, number: int, size: int = 100) -> list[Message]:
        """The whole list, page by page."""
        return await self._walk(room, number, size, by_change=False)

    async def behind_change(self, room: Room, number: int, size: int = 100) -> list[Message]:
        return await self._walk(room, number, size, by_change=True)

    async def _walk(self, room: Room, number: int, size: int, *, by_change: bool) -> list[Message]:
        read = self.messages.behind_change if by_change else self.messages.behind_sequence
        found: list[Message] = []
        position = None
        while True:
            page, position = await read(room.id, number, position, size)
            assert len(page) <= size
            found += page
            if position is None:
                return found


async def log_numbers(store: RecordStore, room: Room) -> tuple[list[int], list[int]]:
    """The numbers of the room's place rows and change rows."""
    places, _ = await rows_behind(store, room.id, "S", 0, 999)
    changes, _ = await rows_behind(store, room.id, "C", 0, 999)
    return [row.number for row in places], [row.number for row in changes]
