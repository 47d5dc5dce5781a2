"""The opening of a WebSocket connection (RFC 6455, section 4): what the client says, and what it is answered."""

import binascii
from base64 import b64encode
from hashlib import sha1
from http import HTTPStatus

import msgspec

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION = "13"
_KEY_BYTES = 16


class Handshake(msgspec.Struct, frozen=True):
    """What the client said to be let in.

    Attributes:
        query: undecoded, without its question mark.
        headers: lower-case names and values, in order.
        ip_address: the client's, after trusted proxies.
    """

    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    ip_address: str | None
    request_id: str

    def values(self, name: str) -> list[str]:
        """Of a header, given its lower-case name."""
        return [value for key, value in self.headers if key == name]

    def listed(self, name: str) -> list[str]:
        """The members of a header that is a list, in order."""
        return [each for value in self.values(name) for part in value.split(",") if (each := part.strip())]

    @property
    def protocols(self) -> list[str]:
        """The sub-protocols offered, in order. Among them may be base64 that is no token."""
        return self.listed("sec-websocket-protocol")


class Refused(Exception):
    """Nobody is let in; the text is for whoever wrote the client."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status

    def written(self) -> bytes:
        """The whole answer."""
        body = f"{self}\n".encode()
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\nconnection: close\r\n"
            f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\n"
        )
        if self.status is HTTPStatus.UPGRADE_REQUIRED:
            head += f"upgrade: websocket\r\nsec-websocket-version: {_VERSION}\r\n"
        return f"{head}\r\n".encode() + body


def accepted(handshake: Handshake, protocol: str) -> bytes:
    """The answer after which both sides speak this sub-protocol. Raises Refused for what is no valid handshake."""
    upgrades = [each.lower() for each in handshake.listed("upgrade")]
    if upgrades != ["websocket"] or "upgrade" not in (each.lower() for each in handshake.listed("connection")):
        raise Refused(HTTPStatus.UPGRADE_REQUIRED, "Only WebSocket is spoken here.")
    if handshake.values("sec-websocket-version") != [_VERSION]:
        raise Refused(HTTPStatus.UPGRADE_REQUIRED, f"Only version {_VERSION} of WebSocket is spoken here.")
    key = handshake.values("sec-websocket-key")
    if len(key) != 1 or not _is_key(key[0]):
        raise Refused(HTTPStatus.BAD_REQUEST, f"Sec-WebSocket-Key is not {_KEY_BYTES} bytes in base64.")
    digest = sha1((key[0] + _GUID).encode(), usedforsecurity=False).digest()
    return (
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        f"sec-websocket-accept: {b64encode(digest).decode()}\r\nsec-websocket-protocol: {protocol}\r\n\r\n"
    ).encode()


def _is_key(text: str) -> bool:
    try:
        return len(binascii.a2b_base64(text.encode(), strict_mode=True)) == _KEY_BYTES
    except ValueError:
        return False
