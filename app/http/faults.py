"""What is said to a request that is answered before any application has seen it."""

from http import HTTPStatus
from uuid import uuid4

import msgspec
import orjson

from app.errors import refused_request
from app.http.replies import JSON, MALFORMED

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


class Fault(msgspec.Struct, frozen=True):
    """Why a request is not answered as it asks.

    Args:
        error_type: what clients switch on.
        message: one English sentence.
    """

    status: int
    error_type: str
    message: str

    def written(self) -> bytes:
        """The whole answer, the last of its connection."""
        request_id = str(uuid4())
        body = orjson.dumps(refused_request(self.error_type, self.message, request_id))
        headers = (
            b"content-type: " + JSON,
            b"content-length: %d" % len(body),
            b"cache-control: no-store",
            b"x-content-type-options: nosniff",
            b"x-amzn-requestid: " + request_id.encode(),
            b"x-amzn-errortype: " + self.error_type.encode(),
            b"connection: close",
        )
        return STATUS_LINES[self.status] + b"\r\n".join(headers) + b"\r\n\r\n" + body


BROKEN = Fault(400, MALFORMED, "This is not well-formed HTTP.")
NO_HOST = Fault(400, MALFORMED, "A request names exactly one host.")
OLD_FRAMING = Fault(400, MALFORMED, "HTTP/1.0 has no Transfer-Encoding.")
UNKNOWN_VERSION = Fault(400, MALFORMED, "Only HTTP/1 is spoken here.")
LARGE_HEADERS = Fault(431, "RequestHeaderFieldsTooLargeException", "The request line and headers are too large.")
SLOW = Fault(408, "RequestTimeoutException", "The request did not arrive in time.")
UNANSWERED = Fault(500, "INTERNAL_ERROR", "Internal error.")
