"""Which web origins may call the API from a browser. Never with cookies: credentials travel in headers."""

import re
from collections.abc import Iterable, Sequence

from app.http.headers import NOSNIFF, Header, Headers
from app.http.replies import Reply, reply_headers

ALLOWED_HEADERS = (
    "x-api-key",
    "authorization",
    "content-type",
    "x-amz-user-agent",
    "x-amz-date",
    "x-amz-security-token",
)
"""What Amplify and the other AppSync clients send."""

MOST_ASKED_HEADERS = 32
_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}")
_EXPOSED = (
    b"x-amzn-RequestId,x-amzn-ErrorType,x-amz-user-agent,x-amzn-ErrorMessage,Date,x-amz-schema-version,Retry-After"
)
_MAX_AGE_SECONDS = b"7200"  # the longest that Chromium keeps


class Cors:
    """What pages of other origins may send and read.

    Args:
        origins: `("*",)` for any, else exact origins.
        methods: that are answered.
        headers: that a page may send besides its own ones.
        exposed: headers of answers that a page may read.
    """

    def __init__(
        self,
        origins: Sequence[str],
        *,
        methods: bytes = b"GET, POST, OPTIONS",
        headers: Sequence[str] = ALLOWED_HEADERS,
        exposed: bytes = _EXPOSED,
    ) -> None:
        self._methods = methods
        self._allowed = tuple(headers)
        may_read, may_see = b"access-control-allow-origin", (b"access-control-expose-headers", exposed)
        by_origin = (b"vary", b"origin")
        self._to_all = Headers(NOSNIFF, (may_read, b"*"), may_see) if "*" in origins else None
        self._to_others = Headers(NOSNIFF, by_origin)
        listed = (origin.encode() for origin in origins)
        self._to_listed = {origin: Headers(NOSNIFF, (may_read, origin), may_see, by_origin) for origin in listed}

    def headers(self, asked: Iterable[Header]) -> Headers:
        """For the answer to a request with these headers. An origin is only ever repeated when it is on the list."""
        if self._to_all is not None:
            return self._to_all
        origin = next((value for name, value in asked if name == b"origin"), b"")
        return self._to_listed.get(origin, self._to_others)

    def preflight(self, asked: Iterable[Header]) -> Reply:
        """The answer to OPTIONS with these headers; a browser compares it with what it is about to send."""
        names = dict(asked).get(b"access-control-request-headers", b"")
        return Reply(
            200,
            headers=reply_headers(
                (b"allow", self._methods),
                (b"access-control-allow-methods", self._methods),
                (b"access-control-allow-headers", self._headers(names)),
                (b"access-control-max-age", _MAX_AGE_SECONDS),
            ),
        )

    def _headers(self, asked: bytes) -> bytes:
        """The usual headers and an app's own ones, as far as they are header names at all."""
        names = (name.strip().lower() for name in asked.decode("latin-1").split(",")[:MOST_ASKED_HEADERS])
        own = [name for name in names if name not in self._allowed and _HEADER_NAME.fullmatch(name)]
        return ",".join([*self._allowed, *own]).encode()
