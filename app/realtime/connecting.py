"""Who opens a socket: AppSync's three ways to show credentials, and its ways to refuse them."""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import orjson

from app.auth.credentials import Credentials, Operation
from app.auth.errors import Unauthenticated
from app.realtime.websocket import Handshake
from domain.callers import Caller
from domain.errors import RETRYABLE, Code, DomainError

CONNECT_PATH = "/graphql/connect"
START_PATH = "/graphql"
"""Signed requests name the GraphQL endpoint's path, whatever path the socket has."""
CONNECT_BODY = b"{}"
CONNECT = Operation(operation_name="DeepDish:Connect")
"""What AppSync tells a Lambda authorizer when somebody connects."""
MOST_HEADERS = 50
_PROTOCOL = "header-"


class Refusal(Exception):
    """A connection that is refused, in the words of AppSync's connection_error."""

    def __init__(self, error_type: str, message: str, code: int) -> None:
        super().__init__(message)
        self.error = {"errorType": error_type, "message": message, "errorCode": code}


def credentials_of(handshake: Handshake) -> Credentials:
    """From a sub-protocol `header-...`, else `?header=...`, else the request's own headers. Raises Refusal."""
    in_protocol = [each[len(_PROTOCOL) :] for each in handshake.protocols if each.startswith(_PROTOCOL)]
    in_query = [
        # Only percent-decoded: clients send a raw plus sign, which as in a form would become a space.
        unquote(value)
        for name, _, value in (each.partition("=") for each in handshake.query.split("&"))
        if name == "header"
    ]
    if in_protocol or in_query:
        header = header_object(_decoded((in_protocol or in_query)[0]))
    else:
        header = dict(handshake.headers)
    return credentials(handshake, CONNECT_PATH, header, CONNECT_BODY)


def credentials(handshake: Handshake, path: str, header: Mapping[str, str], body: bytes) -> Credentials:
    """As of a POST of this body; the socket itself tells the address and, when the header does not, the user agent."""
    agents = [value for name, value in handshake.headers if name == "user-agent"]
    if agents and "user-agent" not in header:
        header = {**header, "user-agent": agents[0]}
    return Credentials.of_socket(path, header, body, ip_address=handshake.ip_address, request_id=handshake.request_id)


def header_object(value: Any) -> dict[str, str]:
    """The headers of a JSON object. Raises Refusal when it is none."""
    if not isinstance(value, dict) or len(value) > MOST_HEADERS:
        raise malformed("The header is not a JSON object of strings.")
    return {name: text for name, text in value.items() if isinstance(text, str)}


def malformed(message: str) -> Refusal:
    return Refusal("BadRequestException", message, 400)


def refusal_of(error: Unauthenticated | DomainError) -> Refusal:
    """Only what will not pass by itself is told as final: clients stop trying at 400 to 403."""
    if isinstance(error, Unauthenticated):
        return Refusal(Code.UNAUTHORIZED_REQUEST, error.message, 401)
    if error.code is Code.UNAUTHORIZED_REQUEST:
        return Refusal(error.code, error.message, 401)
    return Refusal(error.code, error.message, 503 if error.code in RETRYABLE else 400)


def bucket(caller: Caller) -> tuple[str, str | None]:
    """Whose sockets are counted together. An API key is public: its users go by address."""
    return (caller.mode.value, caller.user_id or caller.ip_address)


def _decoded(text: str) -> Any:
    """Base64 of JSON in either alphabet, with or without padding."""
    try:
        raw = urlsafe_b64decode(
            text.replace("+", "-").replace("/", "_").rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
        )
        return orjson.loads(raw)
    except (binascii.Error, ValueError):
        raise malformed("The header is not base64 of JSON.") from None
