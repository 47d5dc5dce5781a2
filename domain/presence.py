"""Who is online, and who is typing: facts that last for seconds."""

from typing import Literal

import msgspec

from domain.records import Record
from domain.times import Timestamp, later

PresenceStatus = Literal["ONLINE", "AWAY", "OFFLINE"]

HEARTBEAT_SECONDS = 75
"""How long one heartbeat counts."""
TYPING_SECONDS = 6


class Presence(Record, frozen=True):
    """A row of table Presence; `last_seen_at` None where nothing is known, or may be told."""

    user_id: str
    status: str
    last_seen_at: Timestamp | None = None


class TypingEvent(Record, frozen=True):
    """Somebody is typing, or stopped; published, never stored."""

    room_id: str
    user_id: str
    is_typing: bool
    expires_at: Timestamp


def offline(user_id: str) -> Presence:
    """Of everybody who sent no heartbeat, is hidden, or shares no room with who asks: all look alike."""
    return Presence(user_id, "OFFLINE")


def at(presence: Presence, now: Timestamp) -> Presence:
    """By the clock: OFFLINE when the last heartbeat counts no longer."""
    seen = presence.last_seen_at
    if seen is None or later(seen, seconds=HEARTBEAT_SECONDS) > now:
        return presence
    return msgspec.structs.replace(presence, status="OFFLINE")


def typing(room_id: str, user_id: str, is_typing: bool, now: Timestamp) -> TypingEvent:
    return TypingEvent(room_id, user_id, is_typing, later(now, seconds=TYPING_SECONDS) if is_typing else now)
