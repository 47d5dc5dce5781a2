"""Notifications by user, newest first, and what of them is read: one by one, or all up to a moment."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec

from datasources.conditions import any_of, exists, less, not_exists
from datasources.ports import ConditionFailed, FeedEvent, Item, RecordStore, SortRange
from datasources.tables import NOTIFICATIONS
from datasources.updates import Remove, Set, SetIfMissing, Update
from domain.errors import not_found
from domain.notifications import (
    KEPT_DAYS,
    MOST_COUNTED,
    Notification,
    NotificationInbox,
    created_at_of,
    seen,
)
from domain.records import to_item
from domain.times import Timestamp, epoch_seconds, later

_INBOX = "INBOX"
_UNREAD = "UnreadIndex"
_CLEARED_AT_ONCE = 25


class Notifications:
    """A user sees what was made up to their inbox's `readUntilAt` as read, whether its row says so yet or not."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def get(self, user_id: str, notification_id: str) -> Notification | None:
        key = _key(user_id, notification_id)
        if key is None:
            return None
        item, read_until = await asyncio.gather(self._store.get(NOTIFICATIONS, key), self._read_until(user_id))
        return None if item is None else seen(_of(item), read_until)

    async def page(
        self, user_id: str, *, unread_only: bool, position: Any, size: int
    ) -> tuple[list[Notification], Any]:
        """Newest first; position None is the start, next position None the end."""
        read_until = await self._read_until(user_id)
        index, sort = (_UNREAD, SortRange(after=read_until)) if unread_only else (None, SortRange(before=_INBOX))
        found = await self._store.query(
            NOTIFICATIONS, user_id, index=index, sort=sort, limit=size, after=position, descending=True
        )
        items = [seen(_of(item), read_until) for item in found.items]
        return [item for item in items if not (unread_only and item.read_at)], found.last_key

    async def inbox(self, user_id: str) -> NotificationInbox:
        read_until = await self._read_until(user_id)
        unread = await self._store.count(
            NOTIFICATIONS, user_id, index=_UNREAD, sort=SortRange(after=read_until), most=MOST_COUNTED
        )
        return NotificationInbox(user_id, unread, read_until)

    async def mark_read(self, user_id: str, notification_id: str, now: Timestamp) -> Notification:
        """The notification, read; one that was read before stays as it was read. Raises NOT_FOUND."""
        found = await self.get(user_id, notification_id)
        key = _key(user_id, notification_id)
        if found is None or key is None:
            raise not_found("notification")
        updates: list[Update] = [SetIfMissing("readAt", found.read_at or now), Remove("unreadUserId")]
        try:
            item = await self._store.update(NOTIFICATIONS, key, updates, condition=exists("sk"))
        except ConditionFailed:
            raise not_found("notification") from None
        return _of(item)

    async def mark_all_read(self, user_id: str, until: Timestamp) -> NotificationInbox:
        """The inbox with everything up to `until` read; a later moment that was given before stays."""
        older = any_of(not_exists("readUntilAt"), less("readUntilAt", until))
        with suppress(ConditionFailed):  # everything up to then is read already
            await self._store.update(NOTIFICATIONS, _inbox_key(user_id), [Set("readUntilAt", until)], condition=older)
        return await self.inbox(user_id)

    async def delete(self, user_id: str, notification_id: str) -> Notification:
        """The notification as it was. Raises NOT_FOUND."""
        key = _key(user_id, notification_id)
        item = None if key is None else await self._store.delete(NOTIFICATIONS, key)
        if item is None:
            raise not_found("notification")
        return seen(_of(item), await self._read_until(user_id))

    async def clear_read(self, event: FeedEvent) -> None:
        """Feed step: what an inbox says is read leaves the index of the unread. Harmless when repeated."""
        if event.key["sk"] != _INBOX or event.new is None:
            return
        user_id, after = event.key["userId"], None
        until = SortRange(at_most=await self._read_until(user_id))
        while True:
            page = await self._store.query(
                NOTIFICATIONS, user_id, index=_UNREAD, sort=until, limit=_CLEARED_AT_ONCE, after=after
            )
            await asyncio.gather(*map(self._clear, page.items))
            if page.last_key is None:
                return
            after = page.last_key

    async def _clear(self, item: Item) -> None:
        key = {"userId": item["userId"], "sk": item["sk"]}
        try:
            await self._store.update(NOTIFICATIONS, key, [Remove("unreadUserId")], condition=exists("sk"))
        except ConditionFailed:
            return  # deleted meanwhile

    async def _read_until(self, user_id: str) -> Timestamp | None:
        inbox = await self._store.get(NOTIFICATIONS, _inbox_key(user_id))
        return None if inbox is None else inbox["readUntilAt"]


def new_item(notification: Notification) -> Item:
    """The row of a notification that nobody has read."""
    key = {"userId": notification.user_id, "sk": f"{notification.created_at}#{notification.id}"}
    expires = epoch_seconds(later(notification.created_at, days=KEPT_DAYS))
    return {**to_item(notification), **key, "unreadUserId": notification.user_id, "ttl": expires}


def shown_change(event: FeedEvent) -> dict[str, str] | None:
    """The key of the notification that an event made or marked read; None for what no client can see."""
    if event.new is None or event.key["sk"] == _INBOX:
        return None
    if event.old is not None and event.old.get("readAt") == event.new.get("readAt"):
        return None
    return {"user_id": event.new["userId"], "id": event.new["id"]}


def _key(user_id: str, notification_id: str) -> dict[str, str] | None:
    """None for a text that is no notification's id."""
    created_at = created_at_of(notification_id)
    return None if created_at is None else {"userId": user_id, "sk": f"{created_at}#{notification_id}"}


def _inbox_key(user_id: str) -> dict[str, str]:
    return {"userId": user_id, "sk": _INBOX}


def _of(item: Item) -> Notification:
    return msgspec.convert(item, Notification)
