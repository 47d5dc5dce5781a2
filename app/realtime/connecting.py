"""Who opens a socket: AppSync's three ways to show credentials, and its ways to refuse them."""

import logging
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, unquote_plus

import msgspec
import orjson

from app.auth.credentials import Credentials, Operation
from app.auth.errors import Unauthenticated
from app.realtime.handshake import Handshake
from domain.callers import Caller
from domain.errors import RETRYABLE, Code, DomainError

CONNECT_PATH = "/graphql/connect"
START_PATH = "/graphql"
"""Signed requests name the GraphQL endpoint's path, whatever path the socket has."""
CONNECT_BODY = b"{}"
CONNECT = Operation(operation_name="DeepDish:Connect")
"""What AppSync tells a Lambda authorizer when somebody connects."""
MOST_HEADERS = 50
LONGEST_HOST = 255
_PROTOCOL = "header-"
_HEADER, _PAYLOAD = "header", "payload"
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_CREDENTIALS = frozenset(
    {"authorization", "x-api-key", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256", "host", "cookie"}
)
"""Headers that no other parameter of the query stands for."""

_NO_JSON = "The header or the payload is not base64 of JSON."

Headers = tuple[tuple[str, str], ...]
"""Lower-case names and values as in `Credentials`."""

log = logging.getLogger(__name__)


class Refusal(Exception):
    """A connection that is refused, in the words of AppSync's connection_error."""

    def __init__(self, error_type: str, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
        self.error = {"errorType": error_type, "message": message, "errorCode": code}


def credentials_of(handshake: Handshake) -> Credentials:
    """From a sub-protocol `header-...`, else `?header=...`, else the request's own headers. Raises Refusal."""
    shown = [each.removeprefix(_PROTOCOL) for each in handshake.protocols if each.startswith(_PROTOCOL)]
    encoded = _only(shown or _values(handshake, _HEADER))
    payload = _only(_values(handshake, _PAYLOAD))
    headers = handshake.headers if encoded is None else header_object(_json(_from_base64(encoded)))
    body = _from_base64(payload) if payload else CONNECT_BODY
    if not isinstance(_json(body), dict):
        raise malformed("The payload is not a JSON object.")
    _tell_of_another_host(handshake, headers)
    return credentials(handshake, CONNECT_PATH, headers, body)


def credentials(handshake: Handshake, path: str, headers: Headers, body: bytes) -> Credentials:
    """As of a POST of this body. The socket adds the client's address, and headers that are not among these: its user
    agent, and what the query of its address says (Amplify puts an application's own headers there)."""
    known = {name for name, _ in headers}
    agents = [(name, value) for name, value in handshake.headers if name == "user-agent"]
    more = tuple((name, value) for name, value in (*agents[:1], *_parameters(handshake)) if name not in known)
    return Credentials(
        "POST", path, "", headers + more, body, ip_address=handshake.ip_address, request_id=handshake.request_id
    )


def without_credentials(handshake: Handshake) -> Handshake:
    """What is left of it once they were looked at: what every later claim on the socket is told with."""
    agents = [(name, value) for name, value in handshake.headers if name == "user-agent"]
    kept = (each for each in handshake.query.split("&") if each.partition("=")[0] not in (_HEADER, _PAYLOAD))
    return msgspec.structs.replace(handshake, headers=tuple(agents[:1]), query="&".join(kept))


def header_object(value: Any) -> Headers:
    """The headers of a JSON object. Raises Refusal when it is none."""
    if not isinstance(value, dict) or len(value) > MOST_HEADERS:
        raise malformed("The header is not a JSON object of strings.")
    return tuple((name.lower(), _as_sent(text)) for name, text in value.items() if isinstance(text, str))


def malformed(message: str) -> Refusal:
    return Refusal("BadRequestException", message, 400)


def refusal_of(error: Unauthenticated | DomainError) -> Refusal:
    """Only what will not pass by itself is told as final: clients stop trying at 400 to 403."""
    if isinstance(error, Unauthenticated):
        return Refusal(Code.UNAUTHORIZED_REQUEST, error.message, 401)
    if error.code is Code.UNAUTHORIZED_REQUEST:
        return Refusal(error.code, error.message, 401)
    if error.code is Code.ACCOUNT_SUSPENDED:
        return Refusal(error.code, error.message, 403)
    return Refusal(error.code, error.message, 503 if error.code in RETRYABLE else 400)


def bucket(caller: Caller) -> tuple[str, str | None]:
    """Whose sockets are counted together. An API key is public: its users go by address."""
    return (caller.mode.value, caller.user_id or caller.ip_address)


def _values(handshake: Handshake, parameter: str) -> list[str]:
    """Only percent-decoded: clients send a raw plus sign, which as in a form would become a space."""
    return [unquote(value) for name, value in _pairs(handshake) if name == parameter]


def _parameters(handshake: Handshake) -> Headers:
    """All others but credentials, which have their place; written as a form, so that a plus sign is a space."""
    named = ((unquote_plus(name).lower(), unquote_plus(value)) for name, value in _pairs(handshake))
    taken = _CREDENTIALS | {_HEADER, _PAYLOAD}
    kept = ((name, _as_sent(value)) for name, value in named if _HEADER_NAME.fullmatch(name) and name not in taken)
    return tuple(kept)[:MOST_HEADERS]


def _pairs(handshake: Handshake) -> Iterable[tuple[str, str]]:
    for each in handshake.query.split("&"):
        name, _, value = each.partition("=")
        yield name, value


def _only(values: list[str]) -> str | None:
    """Raises Refusal for two that differ: it is no business of ours to choose."""
    if len(set(values)) > 1:
        raise malformed("The header or the payload is given twice.")
    return values[0] if values else None


def _tell_of_another_host(handshake: Handshake, headers: Headers) -> None:
    """AppSync refuses it. Behind a proxy, or from a phone that drops the port, it is no fault here."""
    named = next((value for name, value in headers if name == "host"), None)
    dialled = next((value for name, value in handshake.headers if name == "host"), "")
    if named is not None and named.lower() != dialled.lower():
        fields = {"requestId": handshake.request_id, "named": named[:LONGEST_HOST], "dialled": dialled[:LONGEST_HOST]}
        log.info("the credentials are for another host", extra={"fields": fields})


def _as_sent(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def _from_base64(text: str) -> bytes:
    """In either alphabet, with or without padding. Raises Refusal."""
    bare = text.replace("+", "-").replace("/", "_").rstrip("=")
    try:
        return urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except ValueError:
        raise malformed(_NO_JSON) from None


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except ValueError:
        raise malformed(_NO_JSON) from None
