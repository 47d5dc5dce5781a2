"""The IAM mode: requests signed with AWS Signature Version 4 for the service `appsync`.

The signature is computed anew from what arrived and compared. The host is the one of the Host header as
received: a proxy that rewrites it breaks signatures, on AWS as here.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote_to_bytes

import msgspec

from app.auth.config import IamConfig, IamKey
from app.auth.credentials import Credentials
from domain.callers import Caller, Mode

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SERVICE: Final = "appsync"
CLOCK_SKEW_SECONDS = 300
MAX_AUTHORIZATION_CHARACTERS = 4096
_AUTHORIZATION: Final = re.compile(
    ALGORITHM
    + r" +Credential=(?P<key>[\w/+=-]{1,128})/(?P<day>\d{8})/(?P<region>[a-z0-9-]{1,32})/(?P<service>[a-z0-9-]{1,32})"
    r"/aws4_request *, *SignedHeaders=(?P<headers>[a-z0-9;_.-]{1,2048}) *, *Signature=(?P<signature>[0-9a-f]{64})",
    re.ASCII,
)


class _Claim(msgspec.Struct, frozen=True):
    """What an Authorization header says: who signed which headers, for when and where."""

    access_key_id: str
    day: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str

    @property
    def scope(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


class SignatureVerifier:
    """Signatures of the configured access keys.

    Args:
        clock: epoch seconds; a signature is good for 5 minutes to either side of its date.
    """

    def __init__(self, config: IamConfig, clock: Callable[[], float]) -> None:
        self._config = config
        self._clock = clock

    def verify(self, credentials: Credentials) -> Caller | None:
        """None when anything about the signature is wrong."""
        claim = _claim(credentials.value("authorization") or "")
        date = credentials.value("x-amz-date") or ""
        if claim is None or not self._is_for_here_and_now(claim, date):
            return None
        if not {"host", "x-amz-date"}.issubset(claim.signed_headers):
            return None
        payload_hash = hashlib.sha256(credentials.body).hexdigest()
        if credentials.values("x-amz-content-sha256") not in ([], [payload_hash]):
            return None
        key = self._config.keys.get(claim.access_key_id)
        request = canonical_request(credentials, claim.signed_headers, payload_hash)
        if key is None or request is None or not _carries_token(credentials, key):
            return None
        if not hmac.compare_digest(_signature(key.secret, claim, date, request), claim.signature):
            return None
        return Caller(Mode.IAM)

    def _is_for_here_and_now(self, claim: _Claim, date: str) -> bool:
        try:
            signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        except ValueError:
            return False
        return (
            abs(self._clock() - signed_at) <= CLOCK_SKEW_SECONDS
            and date.startswith(claim.day)
            and claim.service == SERVICE
            and self._config.region in (None, claim.region)
        )


def canonical_request(credentials: Credentials, signed_headers: tuple[str, ...], payload_hash: str) -> bytes | None:
    """The request in the one form that both sides hash; None when a signed header is not there."""
    header_lines = []
    for name in signed_headers:
        values = credentials.values(name)
        if not values:
            return None
        # Back to the bytes of the wire: str.split would also take a no-break space for a blank.
        line = b",".join(b" ".join(value.encode("latin-1").split()) for value in values)
        header_lines.append(name.encode() + b":" + line + b"\n")
    lines = (
        credentials.method.encode("latin-1"),
        _canonical_path(credentials.path).encode(),
        _canonical_query(credentials.query).encode(),
        b"".join(header_lines),
        ";".join(signed_headers).encode(),
        payload_hash.encode(),
    )
    return b"\n".join(lines)


def _claim(authorization: str) -> _Claim | None:
    if len(authorization) > MAX_AUTHORIZATION_CHARACTERS:
        return None
    match = _AUTHORIZATION.fullmatch(authorization)
    if match is None:
        return None
    names = tuple(match["headers"].split(";"))
    if names != tuple(sorted(set(names))):
        return None
    return _Claim(match["key"], match["day"], match["region"], match["service"], names, match["signature"])


def _carries_token(credentials: Credentials, key: IamKey) -> bool:
    """A temporary key's session token has to come along; a permanent key has none."""
    token = credentials.value("x-amz-security-token") or ""
    return hmac.compare_digest(token.encode("latin-1"), (key.session_token or "").encode())


def _canonical_path(path: str) -> str:
    """Dots and double slashes resolved, then each segment encoded once more than on the wire."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    slash = "/" if segments and path.endswith("/") else ""
    return quote("/" + "/".join(segments) + slash, safe="/~", encoding="latin-1")


def _canonical_query(query: str) -> str:
    """Parameters encoded in the one right way, sorted by name and then by value."""
    pairs = (parameter.partition("=")[::2] for parameter in query.split("&") if parameter)
    return "&".join(
        f"{name}={value}" for name, value in sorted((_encoded(name), _encoded(value)) for name, value in pairs)
    )


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text.encode("latin-1")), safe="-_.~")


def _signature(secret: str, claim: _Claim, date: str, request: bytes) -> str:
    text = "\n".join((ALGORITHM, date, claim.scope, hashlib.sha256(request).hexdigest()))
    key = f"AWS4{secret}".encode()
    for part in (claim.day, claim.region, claim.service, "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()
