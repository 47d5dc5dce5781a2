"""Refusals of requests for files, in the words and with the statuses of S3, which clients of uploads know."""

from html import escape

from starlette.types import Send

from app.http.headers import Header

XML = b"application/xml"


class S3Error(Exception):
    """A request for a file that is refused.

    Args:
        status: of HTTP.
        code: S3's name of the fault, on which clients switch.
        message: one English sentence.
        headers: besides those of every answer.
    """

    def __init__(self, status: int, code: str, message: str, *headers: Header) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers

    async def send(self, send: Send, request_id: str, *, bare: bool = False) -> None:
        """Args: bare: without a body, as answers to HEAD and 304 are."""
        body = b"" if bare else self._document(request_id).encode()
        headers = [
            (b"content-type", XML),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            *self.headers,
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _document(self, request_id: str) -> str:
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{self.code}</Code><Message>{escape(self.message)}</Message>"
            f"<RequestId>{escape(request_id)}</RequestId></Error>"
        )


def bad_signature() -> S3Error:
    return S3Error(403, "SignatureDoesNotMatch", "The request is not the one that was signed.")


def access_denied(message: str) -> S3Error:
    return S3Error(403, "AccessDenied", message)


def slow_down() -> S3Error:
    return S3Error(503, "SlowDown", "Too much is being sent or received; try again shortly.", (b"retry-after", b"1"))


def no_such_key() -> S3Error:
    return S3Error(404, "NoSuchKey", "There is no such file.")


def request_timeout() -> S3Error:
    message = "Your socket connection to the server was not read from or written to within the timeout period."
    return S3Error(400, "RequestTimeout", message, (b"connection", b"close"))


def internal_error() -> S3Error:
    return S3Error(500, "InternalError", "We encountered an internal error. Please try again.")
