"""Whole answers: status, headers and body in one piece, in AppSync's form."""

from collections.abc import Mapping
from typing import Any

import msgspec
import orjson
from starlette.types import Scope, Send

from app.errors import refused_request
from app.http.headers import Header, Headers

JSON = b"application/json;charset=UTF-8"
_KIND: tuple[Header, ...] = ((b"content-type", JSON), (b"cache-control", b"no-store"))

REQUEST_ID = "request_id"
ACCESS_LINE = "access"
COMMON_HEADERS = "headers"
HEAD = "head"
EXCHANGE = "exchange"
OVERLOADED = "overloaded"
"""Keys of `scope["state"]`: the request's id, its `AccessLine`, the `Headers` of the answer besides the
id's, the request's `Head`; and from connections of ours the `Exchange`, which takes an answer whole, and whether this
is one above the limit, where only health is answered."""

MALFORMED = "MalformedHttpRequestException"
"""AppSync's errorType of a request that holds no GraphQL operation."""


def reply_headers(*more: Header) -> Headers:
    """Of a `Reply`. Raises ValueError: one does not end where it should."""
    return Headers(*_KIND, *more)


class Reply(msgspec.Struct, frozen=True):
    """One answer in JSON, ready to be sent."""

    status: int
    body: bytes = b""
    headers: Headers = reply_headers()

    async def send(self, scope: Scope, send: Send) -> None:
        """The answer, at once where the protocol can."""
        state = scope["state"]
        exchange = state.get(EXCHANGE)
        if exchange is not None:
            own, common, request_id = self.headers.lines, state[COMMON_HEADERS].lines, state[REQUEST_ID].encode()
            if exchange.answer(self.status, b"%b%bx-amzn-requestid: %b\r\n" % (own, common, request_id), self.body):
                state[ACCESS_LINE].status = self.status
                return
        headers = [*self.headers.pairs, (b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


class Refusal(Exception):
    """A request that is not executed, and why.

    Args:
        status: of HTTP.
        error_type: what clients switch on.
        message: one English sentence.
        info: errorInfo, JSON-ready; None when there is nothing to add.
        headers: besides those of every answer.
    """

    def __init__(
        self,
        status: int,
        error_type: str,
        message: str,
        *,
        info: Mapping[str, Any] | None = None,
        headers: tuple[Header, ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message
        self.info = info
        self.headers = headers

    def reply(self, request_id: str) -> Reply:
        content = refused_request(self.error_type, self.message, request_id, info=self.info)
        headers = reply_headers((b"x-amzn-errortype", self.error_type.encode()), *self.headers)
        return Reply(self.status, orjson.dumps(content), headers)


class ClientGone(Exception):
    """The client hung up before its request was whole; nobody is left to answer."""


def malformed(message: str) -> Refusal:
    return Refusal(400, MALFORMED, message)


def method_not_allowed(allowed: str) -> Refusal:
    return Refusal(
        405,
        "MethodNotAllowedException",
        f"Only {allowed} can be answered here.",
        headers=((b"allow", allowed.encode()),),
    )


def overloaded(message: str) -> Refusal:
    """Shed load at once instead of letting everybody wait."""
    return Refusal(
        503,
        "ServiceUnavailableException",
        message,
        info={"retryable": True, "retryAfterSeconds": 1},
        headers=((b"retry-after", b"1"),),
    )


def rate_limited(seconds: int) -> Refusal:
    return Refusal(
        429,
        "RATE_LIMITED",
        "Too many requests; try again later.",
        info={"retryable": True, "retryAfterSeconds": seconds},
        headers=((b"retry-after", str(seconds).encode()),),
    )
