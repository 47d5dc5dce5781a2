"""What each field of the SDL means. Importing the package fills the registry."""

from resolvers import (
    base,
    catalog,
    courses,
    enrollment,
    lessons,
    meeting_attendees,
    meeting_subscriptions,
    meetings,
    messages,
    notifications,
    outline,
    presence,
    progress,
    room_members,
    room_subscriptions,
    rooms,
    users,
)
from resolvers.registry import registry

__all__ = [
    "base",
    "catalog",
    "courses",
    "enrollment",
    "lessons",
    "meeting_attendees",
    "meeting_subscriptions",
    "meetings",
    "messages",
    "notifications",
    "outline",
    "presence",
    "progress",
    "registry",
    "room_members",
    "room_subscriptions",
    "rooms",
    "users",
]
