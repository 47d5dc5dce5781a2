"""Notifications: messages to one user, each made once from one event, read one by one or all up to a moment."""

import hashlib
from typing import Literal

import msgspec

from domain.records import Record
from domain.times import Timestamp, from_epoch, moment
from domain.ulids import milliseconds_of, ulid

Channel = Literal["IN_APP", "PUSH", "EMAIL", "SMS"]
Category = Literal[
    "SECURITY",
    "COURSE",
    "ASSESSMENT",
    "CHAT",
    "COMMUNITY",
    "MEETING",
    "ATTENDANCE",
    "MENTORSHIP",
    "PAYMENT",
    "MEDIA",
    "DEVICE",
]

KEPT_DAYS = 90
MOST_COUNTED = 999
"""An unread count above it is told as this."""


class Draft(Record, frozen=True):
    """A notification to be: what an event says to one user, before their preferences are asked.

    Attributes:
        event: names what happened, the same whenever it is handled, e.g. "enrollment#c1#u1#3".
        path: inside the clients, e.g. "/courses/c1".
    """

    event: str
    user_id: str
    category: Category
    title: str
    body: str
    path: str | None = None

    @property
    def key(self) -> str:
        """One for each event and user."""
        return hashlib.sha256(f"{self.event}\0{self.user_id}".encode()).hexdigest()


class Notification(Record, frozen=True):
    """A row of table Notifications. Its id begins with the moment when it was made, as every ULID does."""

    id: str
    user_id: str
    category: str
    title: str
    body: str
    created_at: Timestamp
    path: str | None = None
    read_at: Timestamp | None = None


class NotificationInbox(Record, frozen=True):
    """`unread_count` is exact up to 999, then 999. `read_until_at` None: nothing was ever read as a whole."""

    user_id: str
    unread_count: int
    read_until_at: Timestamp | None = None


def notification(draft: Draft, now: Timestamp) -> Notification:
    """The notification that a draft becomes now."""
    return Notification(
        id=_id(draft.key, now),
        user_id=draft.user_id,
        category=draft.category,
        title=draft.title,
        body=draft.body,
        created_at=now,
        path=draft.path,
    )


def created_at_of(notification_id: str) -> Timestamp | None:
    """When a notification was made, from its id; None for a text that is no such id."""
    try:
        return from_epoch(milliseconds_of(notification_id) / 1000)
    except (ValueError, OverflowError):
        return None


def seen(notification: Notification, read_until_at: Timestamp | None) -> Notification:
    """As its user sees it, when they have read everything up to a moment."""
    if notification.read_at is None and read_until_at is not None and notification.created_at <= read_until_at:
        return msgspec.structs.replace(notification, read_at=read_until_at)
    return notification


def _id(key: str, now: Timestamp) -> str:
    milliseconds = round(moment(now).timestamp() * 1000)
    return ulid(milliseconds, bytes.fromhex(key)[:10])
