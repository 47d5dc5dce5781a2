"""The last head of a connection, in bytes: the same bytes say the same, so that nobody has to parse them again.

Clients that keep a connection send the same head with every request, but for the length of the body.
"""

from typing import Self

import msgspec

from app.http.head import Head

MOST_BYTES = 4 * 1024
"""Of a head that is kept: every open connection may keep one."""

_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length: "


class KnownHead:
    """Takes packets that are one whole request with this head. Its body may have another length, of as many digits."""

    __slots__ = ("_after", "_before", "_bytes", "_head", "_size")

    def __init__(self, head: Head, before: bytes, size: int, after: bytes) -> None:
        """
        Args:
            before, after: what stands around the length of the body.
            size: that length, as in the head's scope.
        """
        self._head = head
        self._before = before
        self._size = size
        self._after = after
        self._bytes = len(before) + len(b"%d" % size) + len(after)

    @classmethod
    def of(cls, packet: bytes, head: Head) -> Self | None:
        """None where the packet is not just this head and a body whose length it tells, or the head is too long.

        Args:
            packet: in which the parser, between two requests before, found this head and the end of a request.
        """
        end = packet.find(_END, 0, MOST_BYTES) + len(_END)
        size = len(packet) - end
        told = b"%b%d\r\n" % (_LENGTH, size)
        place = packet[:end].lower().find(told)
        # Whoever takes a bare line feed for the end of a line sees another end of the head.
        if place < 0 or packet.count(b"\n", 0, end) != packet.count(b"\r\n", 0, end):
            return None
        return cls(head, packet[: place + len(_LENGTH)], size, packet[place + len(told) - 2 : end])

    def request(self, packet: bytes) -> tuple[Head, bytes] | None:
        """The head and the body of a request; None where the packet has to be parsed."""
        end = self._bytes
        size = len(packet) - end
        head = b"%b%d%b" % (self._before, size, self._after)
        if len(head) != end or not packet.startswith(head):
            return None
        if size != self._size:
            self._tell(size)
        return self._head, packet[end:]

    def _tell(self, size: int) -> None:
        """From now on the head tells this length."""
        self._size = size
        told = b"%d" % size
        headers = tuple(
            (name, told if name == b"content-length" else value) for name, value in self._head.scope["headers"]
        )
        self._head = msgspec.structs.replace(self._head, scope={**self._head.scope, "headers": headers})
