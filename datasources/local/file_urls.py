"""Signed URLs of the embedded file store: what may be done with which key until when, and a keyed hash over it all.

The signature covers what a URL means and not how it is spelled, because clients and proxies encode queries anew.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode

import msgspec

from domain.uploads import Checksum, ChecksumAlgorithm

PATH = "/files/"
_SIGNATURE = "signature"
_MOST_FIELDS = 20
_ALLOWED_BY = {"GET": "GET", "HEAD": "GET", "PUT": "PUT"}


class BadSignature(Exception):
    """This URL was not made here, or not for this method."""


class Expired(Exception):
    """The URL was good once."""


class Grant(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
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
        del given["method"]
        path = quote(given.pop("key"))
        query = urlencode({**given, _SIGNATURE: self._signature(grant)}, quote_via=quote)
        return f"{self._base_url}{PATH}{path}?{query}"

    def read(self, method: str, path: bytes, query: bytes) -> Grant:
        """What a request may do.

        Args:
            path: what follows `PATH`, as it was sent.
            query: as it was sent.

        Raises:
            BadSignature, Expired.
        """
        try:
            given = dict(parse_qsl(query.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
            signature = given.pop(_SIGNATURE, "")
            shape = {**given, "method": _ALLOWED_BY.get(method), "key": unquote(path, errors="strict")}
            grant = msgspec.convert(shape, Grant, strict=False)
        except ValueError:  # msgspec's and Python's own
            raise BadSignature from None
        if not hmac.compare_digest(self._signature(grant).encode(), signature.encode()):
            raise BadSignature
        if grant.expires <= self._now():
            raise Expired
        return grant

    def _signature(self, grant: Grant) -> str:
        return hmac.new(self._secret, msgspec.json.encode(grant), hashlib.sha256).hexdigest()
