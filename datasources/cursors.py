"""`nextToken`s: where a list goes on, sealed so that only the one who was given it can use it, as given."""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import Code, DomainError
from domain.times import Timestamp, later

LIFETIME_SECONDS = 24 * 3600
MAX_TOKEN_CHARACTERS = 4096
_NONCE_BYTES = 12


class Cursors:
    """Seals list positions with AES-GCM; what a position is bound to is authenticated, not stored.

    Args:
        secret: the same on every process of a deployment, at least 16 bytes. A new one ends all lists.
        now: the server's clock.
    """

    def __init__(self, secret: bytes, now: Callable[[], Timestamp]) -> None:
        self._cipher = AESGCM(hashlib.sha256(b"educonnect next token\0" + secret).digest())
        self._now = now

    def seal(self, position: Any, *, bound_to: bytes) -> str:
        """URL-safe text. `position` is JSON-like; `bound_to` names caller, operation and arguments."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = msgspec.msgpack.encode((self._now(), position))
        return _text(nonce + self._cipher.encrypt(nonce, plain, bound_to))

    def open(self, token: str, *, bound_to: bytes) -> Any:
        """The position. Raises INVALID_NEXT_TOKEN: altered, foreign, other arguments, or over 24 hours old."""
        refusal = DomainError(Code.INVALID_NEXT_TOKEN, "nextToken is not valid here; start the list again.")
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise refusal
        try:
            sealed = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
            if _text(sealed) != token:  # the decoder skips signs that it does not know
                raise refusal
            nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            issued_at, position = msgspec.msgpack.decode(self._cipher.decrypt(nonce, body, bound_to))
        except (InvalidTag, ValueError, binascii.Error, msgspec.DecodeError):
            raise refusal from None
        if later(issued_at, seconds=LIFETIME_SECONDS) <= self._now():
            raise refusal
        return position


def _text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")
