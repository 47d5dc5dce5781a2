"""The last head of a connection, in bytes: the same bytes say the same, so that nobody has to parse them again.

Clients that keep a connection send the same head with every request, but for the length of the body.
"""

import msgspec

from app.http.head import Head

MOST_BYTES = 4 * 1024
"""Of a head that is kept: every open connection may keep one."""
MOST_VAIN = 8
"""Heads in a row that are kept and do not come again, before none is kept any more: behind a proxy that numbers
requests all differ."""

_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length: "


class KnownHead:
    """Takes packets that are one whole request with this head. Its body may have another length, of as many digits."""

    __slots__ = ("_after", "_before", "_bytes", "_head", "_size", "_vain")

    def __init__(self) -> None:
        self._head: Head | None = None
        self._before = self._after = b""  # what stands around the length of the body
        self._size = 0  # that length, as the head has it
        self._bytes = 0
        self._vain = 0

    def keep(self, packet: bytes, head: Head) -> None:
        """From now on this is the head; not where the packet is anything but a head and a body whose length it tells.

        Args:
            packet: in which the parser, between two requests before, found this head and the end of a request.
        """
        if self._vain == MOST_VAIN:
            self._head, self._before, self._after = None, b"", b""
            return
        end = packet.find(_END, 0, MOST_BYTES) + len(_END)
        size = len(packet) - end
        told = b"%b%d\r\n" % (_LENGTH, size)
        place = packet[:end].lower().find(told)
        # Whoever takes a bare line feed for the end of a line sees another end of the head.
        if place < 0 or packet.count(b"\n", 0, end) != packet.count(b"\r\n", 0, end):
            return
        self._head, self._size, self._bytes = head, size, end
        self._before, self._after = packet[: place + len(_LENGTH)], packet[place + len(told) - 2 : end]
        self._vain += 1

    def request(self, packet: bytes) -> tuple[Head, bytes] | None:
        """The head and the body of a request; None where the packet has to be parsed."""
        known, end = self._head, self._bytes
        if known is None:
            return None
        size = len(packet) - end
        head = b"%b%d%b" % (self._before, size, self._after)
        if len(head) != end or not packet.startswith(head):
            return None
        if size != self._size:
            known = _telling(known, size)
            self._head, self._size = known, size
        self._vain = 0
        return known, packet[end:]


def _telling(head: Head, size: int) -> Head:
    """The same head of a body of this length."""
    told = b"%d" % size
    headers = tuple((name, told if name == b"content-length" else value) for name, value in head.scope["headers"])
    return msgspec.structs.replace(head, scope={**head.scope, "headers": headers})
