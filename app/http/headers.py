"""Headers of answers: in pairs, as ASGI has them, and in lines, as the client reads them."""

from collections.abc import Sequence
from functools import lru_cache

Header = tuple[bytes, bytes]

NOSNIFF: Header = (b"x-content-type-options", b"nosniff")
"""In every answer."""


def header_lines(headers: Sequence[Header]) -> bytes:
    """
    Raises:
        ValueError: one does not end where it should.
    """
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    if not lines.count(b"\n") == lines.count(b"\r") == len(headers):
        raise ValueError("a header of the answer holds the end of a line")
    return lines


@lru_cache(maxsize=16)
def lasting_lines(headers: tuple[Header, ...]) -> bytes:
    """The same, of headers that all answers have in common for a while."""
    return header_lines(headers)


class Headers:
    """Headers that many answers have in common, in both forms. Raises ValueError as `header_lines` does."""

    __slots__ = ("lines", "pairs")

    def __init__(self, *pairs: Header) -> None:
        self.pairs = pairs
        self.lines = header_lines(pairs)
