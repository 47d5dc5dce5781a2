"""The audit log: what staff did, written with the deed in one transaction and never changed."""

import zlib
from collections.abc import Mapping
from typing import Any

from datasources.conditions import not_exists
from datasources.ports import Put
from datasources.tables import AUDIT_EVENTS
from domain.callers import Caller
from domain.times import Timestamp

SHARDS = 4


def audit_write(
    actor: Caller, action: str, target: str, now: Timestamp, id: str, details: Mapping[str, Any] | None = None
) -> Put:
    """One more write for the transaction of a staff mutation.

    Args:
        action: the mutation's name, e.g. "setUserRoles".
        target: the id of what it was done to.
        id: a fresh ULID.
        details: the changed fields, without personal data.
    """
    item: dict[str, Any] = {
        "dayShard": f"{now[:10]}#{zlib.crc32(id.encode()) % SHARDS}",
        "sk": f"{now}#{id}",
        "id": id,
        "action": action,
        "target": target,
        "occurredAt": now,
        "details": dict(details or {}),
    }
    if actor.user_id is not None:
        item["actorId"] = actor.user_id
    if actor.ip_address is not None:
        item["ipAddress"] = actor.ip_address
    return Put(AUDIT_EVENTS, item, not_exists("dayShard"))
