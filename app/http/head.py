"""What the line and the headers of a request say, derived once."""

from collections.abc import Mapping
from typing import Any, Self

import msgspec
from starlette.types import Scope

from app.auth.recent_callers import Sender, sender_of
from app.http.body import is_plain_json


class Head(msgspec.Struct, frozen=True):
    """One request without its body. All requests of a connection with the same line and headers have it in common.

    Attributes:
        scope: ASGI's, without `state`; empty where the connection is not ours.
        sender: what it shows to be known again.
        plain_json: its body is JSON, by headers that need no second look.
        keep_alive: another request may follow.
        chunks: its client reads them; else an answer of unknown length ends with the connection.
        expecting: its client waits to be asked for the body.
        bodiless: its answer has none, as to HEAD.
    """

    scope: Mapping[str, Any]
    sender: Sender
    plain_json: bool
    keep_alive: bool = True
    chunks: bool = True
    expecting: bool = False
    bodiless: bool = False

    @classmethod
    def of(cls, scope: Scope) -> Self:
        """Of a request that did not come over a connection of ours: only what its application needs to know."""
        headers = scope["headers"]
        return cls({}, sender_of(headers), is_plain_json(dict(headers)))
