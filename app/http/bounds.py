"""What one HTTP connection may take."""

import msgspec


class Bounds(msgspec.Struct, frozen=True):
    """Times, sizes and a number.

    Attributes:
        header_seconds: from a request's first byte, or from the connection's start, to its last header.
        body_seconds: for a body to arrive, and for a full write buffer to be read by the client.
        keep_alive_seconds: from an answer to the next request.
        header_bytes: of request line and headers together.
        unread_bytes: what a client may send on, unread, once its request is answered or refused.
        connections: open ones that are served; as many again are told 503, the rest are cut.
    """

    header_seconds: float = 10
    body_seconds: float = 20
    keep_alive_seconds: float = 75
    header_bytes: int = 32 * 1024
    unread_bytes: int = 32 * 1024 * 1024
    connections: int = 5_000

    @property
    def shortest_seconds(self) -> float:
        return min(self.header_seconds, self.body_seconds, self.keep_alive_seconds)
