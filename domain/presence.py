"""Who is online, and who is typing: facts that last for seconds."""

from typing import Literal

import msgspec

from domain.records import Record
from domain.times import Timestamp, later

PresenceStatus = Literal["ONLINE", "AWAY", "OFFLINE"]

OFFLINE = "OFFLINE"
HEARTBEAT_SECONDS = 75
"""How long one heartbeat counts."""
TYPING_SECONDS = 6


class Presence(Record, frozen=True):
    """How a user is shown to others; `last_seen_at` None where nothing is known, or may be told."""

    user_id: str
    status: str
    last_seen_at: Timestamp | None = None


class Whereabouts(Record, frozen=True):
    """What is stored of a user who is there, or was a moment ago: a row of table Presence.

    Attributes:
        status: the user's last word, ONLINE before the first.
        counts_until: so long the user is there also without an open socket.
        nodes: the processes in which the user has sockets open.
        told: the status that subscribers were told last, or are just being told.
        is_confirmed: whether they have been.
        revision: how often the row has changed.
    """

    user_id: str
    status: str
    last_seen_at: Timestamp
    counts_until: Timestamp = Timestamp("")
    nodes: tuple[str, ...] = ()
    told: str = OFFLINE
    is_confirmed: bool = True
    revision: int = 0


class TypingEvent(Record, frozen=True):
    """Somebody is typing, or stopped; published, never stored."""

    room_id: str
    user_id: str
    is_typing: bool
    expires_at: Timestamp


def offline(user_id: str) -> Presence:
    """Of everybody who is not there, is hidden, or shares no room with who asks: all look alike."""
    return Presence(user_id, OFFLINE)


def is_there(known: Whereabouts, now: Timestamp) -> bool:
    """With a socket open, or by a heartbeat that still counts."""
    return bool(known.nodes) or known.counts_until > now


def shown(known: Whereabouts, now: Timestamp) -> Presence:
    return Presence(known.user_id, known.status if is_there(known, now) else OFFLINE, known.last_seen_at)


def said(known: Whereabouts | None, user_id: str, status: str, now: Timestamp) -> Whereabouts:
    """After a heartbeat."""
    until = later(now, seconds=HEARTBEAT_SECONDS)
    if known is None:
        return Whereabouts(user_id, status, now, until)
    return msgspec.structs.replace(known, status=status, last_seen_at=now, counts_until=until)


def came(known: Whereabouts | None, user_id: str, node: str, now: Timestamp) -> Whereabouts:
    """With a socket open in a process. Who was away until now is ONLINE; what was said before that is forgotten."""
    if known is None:
        return Whereabouts(user_id, "ONLINE", now, now, (node,))
    status = known.status if is_there(known, now) else "ONLINE"
    nodes = known.nodes if node in known.nodes else (*known.nodes, node)
    return msgspec.structs.replace(known, status=status, last_seen_at=now, nodes=nodes)


def went(known: Whereabouts, node: str, now: Timestamp) -> Whereabouts:
    """Without a socket in that process."""
    return msgspec.structs.replace(known, last_seen_at=now, nodes=tuple(each for each in known.nodes if each != node))


def announced(before: Whereabouts | None, after: Whereabouts, now: Timestamp) -> Whereabouts:
    """The row to be stored: `told` is as it is shown now, and where that is news it has to be confirmed."""
    status = shown(after, now).status
    known, was_confirmed = (OFFLINE, True) if before is None else (before.told, before.is_confirmed)
    return msgspec.structs.replace(
        after, told=status, is_confirmed=was_confirmed and status == known, revision=after.revision + 1
    )


def typing(room_id: str, user_id: str, is_typing: bool, now: Timestamp) -> TypingEvent:
    return TypingEvent(room_id, user_id, is_typing, later(now, seconds=TYPING_SECONDS) if is_typing else now)
