"""The last head of a connection, in bytes: the same bytes say the same, so that nobody has to parse them again.

Clients that keep a connection send the same head with every request, but for the length of the body.
"""

import re
from typing import Self

import msgspec

from app.http.head import Head

MOST_BYTES = 4 * 1024
"""Of a head that is kept: every open connection may keep one."""

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)\r\n", re.IGNORECASE)
_MOST_DIGITS = 7


class KnownHead:
    """Takes requests that are one packet, whole: this head, of a body of any length, and nothing behind the body."""

    __slots__ = ("_after", "_before", "_digits", "_head")

    def __init__(self, head: Head, before: bytes, digits: bytes, after: bytes) -> None:
        self._head = head
        self._before = before
        self._digits = digits
        self._after = after

    @classmethod
    def of(cls, packet: bytes, head: Head) -> Self | None:
        """None where the packet is not just this head and a body whose length it tells, or the head is too long.

        Args:
            packet: in which the parser found one whole request with this head, and nothing before it.
        """
        end = packet.find(_END, 0, MOST_BYTES) + len(_END)
        length = _LENGTH.search(packet, 0, end)
        # Whoever takes a bare line feed for the end of a line sees another end of the head.
        if length is None or packet.count(b"\n", 0, end) != packet.count(b"\r\n", 0, end):
            return None
        digits = length[1]
        if len(digits) > _MOST_DIGITS or int(digits) != len(packet) - end:
            return None
        start, stop = length.span(1)
        return cls(head, packet[:start], digits, packet[stop:end])

    def request(self, packet: bytes) -> tuple[Head, bytes] | None:
        """The head and the body of a request; None where the packet has to be parsed."""
        before, after = self._before, self._after
        if not packet.startswith(before):
            return None
        start = len(before)
        stop = packet.find(b"\r", start, start + _MOST_DIGITS + 1)
        digits = packet[start:stop]
        if stop < 0 or not digits.isdigit() or not packet.startswith(after, stop):
            return None
        body = packet[stop + len(after) :]
        if int(digits) != len(body):
            return None
        if digits != self._digits:
            self._told(digits)
        return self._head, body

    def _told(self, digits: bytes) -> None:
        """From now on the head tells this length."""
        headers = self._head.scope["headers"]
        told = tuple((name, digits if name == b"content-length" else value) for name, value in headers)
        self._head = msgspec.structs.replace(self._head, scope={**self._head.scope, "headers": told})
        self._digits = digits
