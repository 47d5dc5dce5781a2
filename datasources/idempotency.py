"""Creates that may be repeated: the same clientToken within 24 hours gives the first result.

The guard is one more item of the creating transaction, so a record and its replay entry exist both or
not at all. A token is the caller's and the operation's own.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from datasources.conditions import any_of, at_most, not_exists
from datasources.contention import LostRace
from datasources.ports import Item, Put, RecordStore
from datasources.tables import IDEMPOTENCY
from datasources.transactions import Guarded
from domain import text
from domain.errors import Code, DomainError
from domain.fields import input_field
from domain.times import Timestamp, epoch_seconds

LIFETIME_SECONDS = 24 * 3600


class Request(msgspec.Struct, frozen=True):
    """One create call as it is remembered: who, what, with which arguments."""

    id: str
    hash: str


class MadeBefore(LostRace):
    """The same request was made before; `replay` knows its result."""


def request(user_id: str, operation: str, client_token: str | None, arguments: Mapping[str, Any]) -> Request | None:
    """None without a clientToken: such a call has no replay protection.

    Raises:
        DomainError: BAD_REQUEST for a token that is no identifier.
    """
    if client_token is None:
        return None
    text.identifier(client_token, input_field("client_token"))
    given = {name: value for name, value in arguments.items() if name != "client_token"}
    digest = hashlib.sha256(msgspec.json.encode(given, order="sorted")).hexdigest()
    return Request(f"{user_id}#{operation}#{client_token}", digest)


def guard(request: Request, result: Item, now: Timestamp) -> Put:
    """The write that remembers the request and its result; its condition fails when it was made before."""
    item = {
        "id": request.id,
        "requestHash": request.hash,
        "result": result,
        "ttl": epoch_seconds(now) + LIFETIME_SECONDS,
    }
    return Put(IDEMPOTENCY, item, any_of(not_exists("id"), at_most("ttl", epoch_seconds(now))))


def once(request: Request | None, result: Item, now: Timestamp) -> list[Guarded]:
    """For the front of a creating transaction: raises `MadeBefore` in place of creating twice."""
    return [] if request is None else [(guard(request, result, now), MadeBefore())]


async def replay(store: RecordStore, request: Request | None) -> Item | None:
    """What the first call returned, None when there was none.

    The caller reads the record anew by the keys in it and falls back to this when it is gone.

    Raises:
        DomainError: IDEMPOTENCY_MISMATCH when the first call had other arguments.
    """
    if request is None:
        return None
    item = await store.get(IDEMPOTENCY, {"id": request.id})
    if item is None:
        return None
    if item["requestHash"] != request.hash:
        raise DomainError(Code.IDEMPOTENCY_MISMATCH, "clientToken was used before with other arguments.")
    result: Item = item["result"]
    return result
