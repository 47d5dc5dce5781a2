"""How much chat a deployment allows."""

import msgspec


class ChatLimits(msgspec.Struct, frozen=True):
    """Rates are of each process.

    Attributes:
        room_changes_per_second, room_burst: messages, edits, deletions and reactions of one room.
        user_changes_per_second, user_burst: the same of one user.
        message_days: how long a message is kept.
    """

    room_changes_per_second: float = 20
    room_burst: int = 50
    user_changes_per_second: float = 10
    user_burst: int = 30
    message_days: int = 30


DEFAULT = ChatLimits()
