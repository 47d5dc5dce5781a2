"""Signed URLs of the embedded file store: what may be done with which key until when, and a keyed hash over it all.

The signature covers the URL's text, byte for byte, and is checked before any of it is read.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode

import msgspec

from domain.uploads import Checksum, ChecksumAlgorithm

PATH = "/files/"
_SIGNATURE = "&signature="
_ALLOWED_BY = {"GET": "GET", "HEAD": "GET", "PUT": "PUT"}


class BadSignature(Exception):
    """This URL was not made here, or not for this method."""


class Expired(Exception):
    """The URL was good once."""


class Grant(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one URL allows, and until when.

    Attributes:
        expires: epoch seconds.
        size: of the body of a PUT, bytes; exactly.
        type: of the body, or told of what is read.
        upload, part: of a multipart upload; a PUT without them stores a whole file.
        name: to save as, of what is read.
    """

    method: Literal["GET", "PUT"]
    key: str
    expires: int
    size: int = 0
    type: str | None = None
    algorithm: ChecksumAlgorithm | None = None
    checksum: str | None = None
    upload: str | None = None
    part: int = 0
    name: str | None = None

    @property
    def expected(self) -> Checksum | None:
        """The checksum of the body, where one is fixed."""
        return None if self.algorithm is None or self.checksum is None else Checksum(self.algorithm, self.checksum)


class UrlSigner:
    """Makes and reads URLs.

    Args:
        secret: known to all processes that share the store, and to nobody else.
        base_url: where clients reach the server, without a slash at the end.
        now: epoch seconds.
    """

    def __init__(self, secret: bytes, base_url: str, now: Callable[[], float]) -> None:
        self._secret = secret
        self._base_url = base_url
        self._now = now

    def url(self, grant: Grant) -> str:
        given: dict[str, Any] = msgspec.to_builtins(grant)
        method, key = given.pop("method"), given.pop("key")
        signed = f"{quote(key)}?{urlencode(given)}"
        return f"{self._base_url}{PATH}{signed}{_SIGNATURE}{self._signature(method, signed.encode())}"

    def read(self, method: str, path: bytes, query: bytes) -> Grant:
        """What a request may do.

        Args:
            path: what follows `PATH`, as it was sent.
            query: as it was sent.

        Raises:
            BadSignature, Expired.
        """
        given, _, signature = query.rpartition(_SIGNATURE.encode())
        allowed = _ALLOWED_BY.get(method, "")
        if not hmac.compare_digest(self._signature(allowed, path + b"?" + given).encode(), signature):
            raise BadSignature
        shape = {**dict(parse_qsl(given.decode(), keep_blank_values=True)), "method": allowed, "key": unquote(path)}
        grant = msgspec.convert(shape, Grant, strict=False)
        if grant.expires <= self._now():
            raise Expired
        return grant

    def _signature(self, method: str, signed: bytes) -> str:
        return hmac.new(self._secret, method.encode() + b" " + signed, hashlib.sha256).hexdigest()
