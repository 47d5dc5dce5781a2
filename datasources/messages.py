"""Messages of rooms: read by place, by change or by time; written through the room's queue."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from datasources import room_log
from datasources.batches import get_each
from datasources.idempotency import Request
from datasources.message_changes import Edit, React, Remove, Send
from datasources.ports import RecordStore, SortRange, Write
from datasources.room_draft import Reaction, RoomChange
from datasources.room_log import Order
from datasources.room_queue import RoomQueue
from datasources.room_rows import message_key, message_of
from datasources.tables import MESSAGES
from domain.chat_limits import ChatLimits
from domain.errors import DomainError, bad_request, rate_limited
from domain.messages import Message, Words, room_id_of
from domain.rate import RateLimiter
from domain.times import Timestamp, moment

_IDS = uuid.UUID("6c3a5f0e-4a55-5d0c-9a3e-0f3b6b1c8a47")
"""The namespace of ids that follow from a clientToken."""

Found = tuple[list[Message], Any]
"""Messages, and where the list goes on; None at its end."""


class Messages:
    """All of it, save search.

    Args:
        now: the server's clock.
        limits: how fast rooms and users may change messages, and how long these are kept.
    """

    def __init__(self, store: RecordStore, now: Callable[[], Timestamp], limits: ChatLimits) -> None:
        def seconds() -> float:
            return moment(now()).timestamp()

        self._store = store
        self._queue = RoomQueue(store, now, days=limits.message_days)
        self._seconds = seconds
        self._rooms = RateLimiter(limits.room_changes_per_second, limits.room_burst, seconds)
        self._users = RateLimiter(limits.user_changes_per_second, limits.user_burst, seconds)

    # Reads

    async def get(self, message_id: str) -> Message | None:
        item = await self._store.get(MESSAGES, message_key(message_id))
        return None if item is None else message_of(item)

    async def get_many(self, message_ids: Sequence[str]) -> list[Message | None]:
        """Consistent, in the order asked; None for the unknown."""
        items = await get_each(self._store, MESSAGES, [message_key(message_id) for message_id in message_ids])
        return [None if item is None else message_of(item) for item in items]

    async def by_time(
        self, room_id: str, position: Any, size: int, *, sent_after: Timestamp | None, descending: bool
    ) -> Found:
        """For scrolling: what was sent a moment ago may not be there yet."""
        page = await self._store.query(
            MESSAGES,
            room_id,
            index="RoomIdTimestampIndex",
            sort=None if sent_after is None else SortRange(after=sent_after),
            limit=size,
            after=position,
            descending=descending,
        )
        return [message_of(item) for item in page.items], page.last_key

    async def behind_sequence(self, room_id: str, sequence: int, position: int | None, size: int) -> Found:
        """Every message with a higher sequence, rising; with all that was acknowledged before the call."""
        _, messages, following = await self._behind(room_id, "S", sequence, position, size)
        return [message for message in messages if message is not None], following

    async def behind_change(self, room_id: str, change_sequence: int, position: int | None, size: int) -> Found:
        """Every message with a higher change, rising, each once and in its present form; with all that was
        acknowledged before the call.

        A message that changed while it was read is left out here and comes later in the list, under its new
        number; so the list goes on then, even when nothing else follows.
        """
        rows, messages, following = await self._behind(room_id, "C", change_sequence, position, size)
        present: list[Message] = []
        for row, message in zip(rows, messages, strict=True):
            if message is None:
                continue
            if message.change_sequence == row.number:
                present.append(message)
            else:
                following = rows[-1].number
        return present, following

    async def _behind(
        self, room_id: str, order: Order, number: int, position: int | None, size: int
    ) -> tuple[list[room_log.LogRow], list[Message | None], int | None]:
        start = number if position is None else position
        rows, more = await room_log.rows_behind(self._store, room_id, order, start, size)
        messages = await self.get_many([row.message_id for row in rows])
        return rows, messages, (rows[-1].number if rows else start) if more else None

    async def replies(self, message_id: str, position: Any, size: int) -> Found:
        """Oldest first."""
        page = await self._store.query(
            MESSAGES, message_id, index="ReplyToIdTimestampIndex", limit=size, after=position
        )
        return [message_of(item) for item in page.items], page.last_key

    # Changes

    async def send(
        self,
        room_id: str,
        sender_id: str,
        words: Words,
        *,
        reply_to_id: str | None,
        fresh_id: str,
        request: Request | None,
    ) -> Message:
        """The message, or the one that the same request sent before.

        Args:
            fresh_id: a new ULID, for a call without a clientToken.

        Raises:
            DomainError: NOT_FOUND, FORBIDDEN, MEMBER_BANNED, MEMBER_MUTED, ROOM_ARCHIVED, MESSAGE_DELETED,
                MEDIA_NOT_READY, BAD_REQUEST, RATE_LIMITED, IDEMPOTENCY_MISMATCH, THROTTLED.
        """
        if reply_to_id is not None and room_id_of(reply_to_id) != room_id:
            raise bad_request("input.replyToId", "OTHER_ROOM", "input.replyToId is a message of the same room.")
        own_id = fresh_id if request is None else str(uuid.uuid5(_IDS, request.id))
        change = Send(
            room_id=room_id,
            id=f"{room_id}.{own_id}",
            words=words,
            sender_id=sender_id,
            reply_to_id=reply_to_id,
            request_hash=None if request is None else request.hash,
        )
        return await self._make(room_id, sender_id, change)

    async def tell(self, room_id: str, event_id: str, body: str) -> Message:
        """A SYSTEM message about an event; the same event is told once. Raises NOT_FOUND, ROOM_ARCHIVED."""
        own_id = uuid.uuid5(_IDS, f"{room_id}#{event_id}")
        return await self._queue.make(room_id, Send(room_id, f"{room_id}.{own_id}", Words(body), None))

    async def edit(
        self,
        message_id: str,
        editor_id: str,
        body: str,
        *,
        mentioned: tuple[str, ...] | None,
        expected_version: int | None,
    ) -> Message:
        """As `send` for who may write at all; and raises EDIT_WINDOW_PASSED, CONFLICT."""
        change = Edit(message_id, editor_id, body, mentioned, expected_version)
        return await self._make(room_id_of(message_id), editor_id, change)

    async def delete(
        self, message_id: str, deleter_id: str, *, expected_version: int | None, as_staff: Write | None
    ) -> Message:
        """The message without its words; one that was deleted before stays as it is.

        Args:
            as_staff: the audit event of a deleter who needs no right in the room; None for everybody else.

        Raises:
            DomainError: NOT_FOUND, FORBIDDEN, MEMBER_BANNED, MEMBER_MUTED, ROOM_ARCHIVED, CONFLICT,
                RATE_LIMITED, THROTTLED.
        """
        change = Remove(message_id, deleter_id, as_staff is not None, expected_version, as_staff)
        return await self._make(room_id_of(message_id), deleter_id, change)

    async def take_down(self, message_id: str) -> Message:
        """Deleted by the backend, in an archived room too. Raises NOT_FOUND, THROTTLED."""
        change = Remove(message_id, None, as_staff=True, expected_version=None)
        return await self._queue.make(room_id_of(message_id), change)

    async def react(self, message_id: str, emoji: str, user_id: str, *, is_set: bool) -> Message:
        """The message with or without the user's reaction.

        Raises:
            DomainError: as for `send`; MESSAGE_DELETED; LIMIT_EXCEEDED for a 21st different emoji.
        """
        change = React(Reaction(message_id, emoji, user_id), is_set)
        return await self._make(room_id_of(message_id), user_id, change)

    async def _make(self, room_id: str, user_id: str, change: RoomChange) -> Message:
        """Within the user's rate and the room's. What is refused counts for the user only: nobody slows a room
        down that they may not write in."""
        now = self._seconds()
        _spend(self._users, user_id, now, "This user")
        _spend(self._rooms, room_id, now, "This room")
        try:
            return await self._queue.make(room_id, change)
        except DomainError:
            self._rooms.give_back(room_id)
            raise


def _spend(limiter: RateLimiter, name: str, now: float, what: str) -> None:
    wait = limiter.wait(name, now)
    if wait:
        raise rate_limited(f"{what} changes messages too fast.", after_seconds=wait)
