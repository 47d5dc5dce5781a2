"""Sessions: refresh-token families that were seen in use, until they end or are long unused."""

from collections.abc import Sequence
from typing import Any

import msgspec

from datasources.admission_cache import AdmissionCache
from datasources.batches import get_each
from datasources.conditions import all_of, any_of, at_most, exists, not_exists
from datasources.ports import Change, ConditionFailed, Item, Put, RecordStore, TransactionFailed
from datasources.readable import readable
from datasources.tables import USER_ITEMS, USERS
from datasources.updates import SetIfMissing, assign
from domain.admission import ended_at, known_ip_address, new_session
from domain.callers import Caller
from domain.devices import device_name
from domain.errors import DomainError, not_found
from domain.records import to_item
from domain.times import Timestamp, epoch_seconds, later
from domain.users import UserSession

TOUCH_SECONDS = 5 * 60
"""How exact `lastSeenAt` is: more would cost a write a request."""
KEPT_DAYS = 90
"""After its last use; longer than any credential of the session lives."""


class Sessions:
    """A user's sessions. Revoking is final: a session's row outlives its credentials."""

    def __init__(self, store: RecordStore, cache: AdmissionCache) -> None:
        self._store = store
        self._cache = cache

    async def seen(self, caller: Caller, session_id: str, now: Timestamp) -> UserSession:
        """The session of a credential in use; its row is made at first sight and refreshed every 5 minutes."""
        item = await self._store.get(USER_ITEMS, _key(caller.id, session_id))
        if item is None:
            item = await self._open(caller, session_id, now)
        elif "revokedAt" not in item and later(item["lastSeenAt"], seconds=TOUCH_SECONDS) <= now:
            item = await self._touch(caller, item, now)
        return _session(item)

    async def page(self, user_id: str, position: Any, size: int) -> tuple[Sequence[UserSession], Any]:
        """Sessions by sign-in, newest first, ended ones too; position None starts, next position None ends."""
        found = await self._store.query(
            USER_ITEMS, _kind(user_id), index="KindIndex", descending=True, limit=size, after=position
        )
        # The index may lag; whether a session has ended is read from the rows themselves.
        keys = [_key(user_id, item["sessionId"]) for item in found.items]
        items = await get_each(self._store, USER_ITEMS, keys)
        row = await self._store.get(USERS, {"userId": user_id}) or {}
        ended = row.get("sessionsRevokedAt")
        sessions = readable(items, _session)
        return [
            msgspec.structs.replace(session, revoked_at=ended_at(session, ended)) for session in sessions
        ], found.last_key

    async def owner(self, session_id: str) -> str | None:
        """Whose session it is; None when no such session was ever seen."""
        found = await self._store.query(USER_ITEMS, session_id, index="SessionIndex", limit=1)
        return found.items[0]["userId"] if found.items else None

    async def revoke(self, user_id: str, session_id: str, now: Timestamp, audit: Put | None = None) -> UserSession:
        """The session, ended; one that ended before stays as it ended.

        Raises:
            DomainError: NOT_FOUND when the user has no such session.
        """
        end = Change(USER_ITEMS, _key(user_id, session_id), [SetIfMissing("revokedAt", now)], exists("sk"))
        try:
            await self._store.transact([end] if audit is None else [end, audit])
        except TransactionFailed:
            raise not_found("session") from None
        self._cache.forget_session(user_id, session_id)
        item = await self._store.get(USER_ITEMS, end.key)
        if item is None:
            raise not_found("session")
        return _session(item)

    async def _open(self, caller: Caller, session_id: str, now: Timestamp) -> Item:
        session = new_session(caller, session_id, device_name(caller.user_agent), now)
        item = {
            **to_item(session),
            **_key(caller.id, session_id),
            "sessionId": session_id,
            "kind": _kind(caller.id),
            "sortKey": f"{session.created_at}#{session_id}",
            "ttl": _kept_until(caller, now),
        }
        free = any_of(not_exists("sk"), at_most("ttl", epoch_seconds(now)))
        try:
            await self._store.put(USER_ITEMS, item, condition=free)
        except ConditionFailed as failed:  # another request of the session was faster
            return failed.item or item
        return item

    async def _touch(self, caller: Caller, item: Item, now: Timestamp) -> Item:
        values: dict[str, Any] = {"lastSeenAt": now, "ttl": max(item["ttl"], _kept_until(caller, now))}
        if address := known_ip_address(caller):
            values["ipAddress"] = address
        if device := device_name(caller.user_agent):
            values["deviceName"] = device
        still = all_of(exists("sk"), not_exists("revokedAt"), at_most("lastSeenAt", item["lastSeenAt"]))
        try:
            return await self._store.update(USER_ITEMS, _key(caller.id, item["id"]), assign(**values), condition=still)
        except ConditionFailed as failed:  # touched or revoked meanwhile
            return failed.item or item
        except DomainError:  # a busy store must not refuse a request for the sake of lastSeenAt
            return item


def _key(user_id: str, session_id: str) -> dict[str, str]:
    return {"userId": user_id, "sk": f"SESSION#{session_id}"}


def _kind(user_id: str) -> str:
    return f"SESSION#{user_id}"


def _kept_until(caller: Caller, now: Timestamp) -> int:
    unused = epoch_seconds(later(now, days=KEPT_DAYS))
    return unused if caller.expires_at is None else max(unused, epoch_seconds(later(caller.expires_at, days=1)))


def _session(item: Item) -> UserSession:
    return msgspec.convert(item, UserSession)
