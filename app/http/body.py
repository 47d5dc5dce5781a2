"""A request's body: its size, its type, and the JSON in it."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.types import Receive, Scope

from app.http.replies import EXCHANGE, HEAD, ClientGone, Refusal, malformed

UNREADABLE = "Unable to parse GraphQL query."
"""AppSync's words for every body that holds no operation."""

MOST_NESTING = 64
_USUAL_TYPES = frozenset(
    (
        b"application/json",
        b"application/json; charset=UTF-8",
        b"application/json; charset=utf-8",
        b"application/graphql",
    )
)
_TYPES = frozenset(("application/json", "application/graphql"))


async def read(scope: Scope, receive: Receive, most: int) -> bytes:
    """The whole body of a POST, at most `most` bytes. Raises Refusal 413, 415, before it has read more than that."""
    body = at_hand(scope, most)
    return await _received(receive, most) if body is None else body


def at_hand(scope: Scope, most: int) -> bytes | None:
    """The same, where nothing has to be waited for; else None."""
    state = scope["state"]
    if not state[HEAD].plain_json:
        headers = dict(scope["headers"])
        _check_type(headers.get(b"content-type"))
        _check_encoding(headers.get(b"content-encoding", b""))
    exchange = state.get(EXCHANGE)
    body: bytes | None = None if exchange is None else exchange.body()
    if (_announced(scope) if body is None else len(body)) > most:
        raise _too_large(most)
    return body


def is_plain_json(headers: Mapping[bytes, bytes]) -> bool:
    """Whether they say so in usual words. Else the body may still be JSON."""
    return headers.get(b"content-type") in _USUAL_TYPES and b"content-encoding" not in headers


def _announced(scope: Scope) -> int:
    """How long the body is by its header; 0 where there is none."""
    return int(dict(scope["headers"]).get(b"content-length", b"0"))


def _check_type(content_type: bytes | None) -> None:
    """JSON only, under either name that AppSync accepts. Raises Refusal 415.

    A form on a foreign page can send text/plain, forms, or no type at all; JSON needs a preflight first.
    """
    media_type, *parameters = (content_type or b"").decode("latin-1").lower().split(";")
    pairs = (each.partition("=") for each in parameters)
    charsets = [value.strip(" \t\"'") for name, _, value in pairs if name.strip() == "charset"]
    if media_type.strip() not in _TYPES or any(charset not in ("utf-8", "utf8") for charset in charsets):
        raise Refusal(
            415,
            "UnsupportedMediaTypeException",
            "The content-type must be application/json or application/graphql, in UTF-8.",
        )


def _check_encoding(content_encoding: bytes) -> None:
    """Plain bodies only: what unpacks to more than was sent could not be bounded before. Raises Refusal 415."""
    if content_encoding.strip().lower() not in (b"", b"identity"):
        raise Refusal(415, "UnsupportedMediaTypeException", "Request bodies cannot have a content-encoding.")


async def _received(receive: Receive, most: int) -> bytes:
    """The body as it comes in. Raises Refusal 413 as soon as it is over `most` bytes."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def json_object(body: bytes) -> dict[str, Any]:
    """Raises Refusal 400 for a body that is no JSON object, or is nested too deep."""
    if not body or body.isspace():
        raise malformed("Request body is empty.")
    content = json_value(body)
    if not isinstance(content, dict):
        raise malformed(UNREADABLE)
    return content


def json_value(text: bytes) -> Any:
    """Raises Refusal 400 for what is no JSON, or is nested too deep."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise malformed(UNREADABLE) from None
    # Few requests have as many brackets at all, so few are looked at twice.
    may_be_deep = len(text) > 2 * MOST_NESTING and text.count(b"{") + text.count(b"[") > MOST_NESTING
    if may_be_deep and _nesting(value) > MOST_NESTING:
        raise malformed(f"{UNREADABLE} It is nested too deep.")
    return value


def _nesting(value: Any) -> int:
    """Levels of objects and lists, counted level by level: recursion could be sent too deep."""
    levels = 0
    level = [value]
    while level:
        containers = [each for each in level if isinstance(each, dict | list)]
        levels += bool(containers)
        level = [item for each in containers for item in (each.values() if isinstance(each, dict) else each)]
    return levels


def _too_large(most: int) -> Refusal:
    return Refusal(413, "RequestEntityTooLargeException", f"The request body is over {most} bytes.")
