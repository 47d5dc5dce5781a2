"""Devices that receive pushes: an item a device beside its user, and a lock so that a token is one user's alone."""

from typing import Any

import msgspec

from datasources.conditions import Condition, equals, not_exists
from datasources.contention import LostRace, settle
from datasources.ports import Delete, Item, Put, RecordStore, SortRange
from datasources.tables import USER_ITEMS
from datasources.transactions import Guarded, commit
from domain.errors import not_found
from domain.push_tokens import MOST, PushToken
from domain.records import to_item

_PREFIX = "PUSH#"
_MOST_READ = MOST + 10
"""Devices that registered at the same moment may be a few too many."""


class PushTokens:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def get(self, user_id: str, device_id: str) -> PushToken | None:
        item = await self._store.get(USER_ITEMS, _key(user_id, device_id))
        return None if item is None else _of(item)

    async def of_user(self, user_id: str) -> list[PushToken]:
        """All of a user's devices."""
        page = await self._store.query(USER_ITEMS, user_id, sort=SortRange(prefix=_PREFIX), limit=_MOST_READ)
        return [_of(item) for item in page.items]

    async def page(self, user_id: str, position: Any, size: int) -> tuple[list[PushToken], Any]:
        """Devices in no particular order; position None is the start, next position None the end."""
        sort = SortRange(prefix=_PREFIX)
        found = await self._store.query(USER_ITEMS, user_id, sort=sort, limit=size, after=position)
        return [_of(item) for item in found.items], found.last_key

    async def register(self, device: PushToken) -> PushToken:
        """The device, its user's from now on and nobody else's; the user's oldest makes room for a 21st."""

        async def attempt() -> PushToken:
            lock = await self._store.get(USER_ITEMS, _lock_key(device))
            owned = await self.of_user(device.user_id)
            known = next((each for each in owned if each.id == device.id), None)
            after = device if known is None else msgspec.structs.replace(device, created_at=known.created_at)
            item = {**to_item(after), **_key(after.user_id, after.id)}
            writes: list[Guarded] = [(_lock(after, lock), LostRace()), (Put(USER_ITEMS, item), LostRace())]
            if lock is not None and lock["owner"] != after.user_id:
                writes.append((Delete(USER_ITEMS, _key(lock["owner"], after.id)), LostRace()))
            if known is None and len(owned) >= MOST:
                writes += _removal(min(owned, key=lambda each: each.created_at))
            await commit(self._store, writes)
            return after

        return await settle(attempt, "The device")

    async def delete(self, user_id: str, device_id: str) -> PushToken:
        """The device as it was. Raises NOT_FOUND."""

        async def attempt() -> PushToken:
            device = await self.get(user_id, device_id)
            if device is None:
                raise not_found("push token")
            await commit(self._store, _removal(device))
            return device

        return await settle(attempt, "The device")


def _removal(device: PushToken) -> list[Guarded]:
    """Both items go, as long as the token is still this user's."""
    return [
        (Delete(USER_ITEMS, _lock_key(device), equals("owner", device.user_id)), LostRace()),
        (Delete(USER_ITEMS, _key(device.user_id, device.id)), LostRace()),
    ]


def _lock(device: PushToken, before: Item | None) -> Put:
    unchanged: Condition = not_exists("owner") if before is None else equals("owner", before["owner"])
    return Put(USER_ITEMS, {**_lock_key(device), "owner": device.user_id}, unchanged)


def _key(user_id: str, device_id: str) -> dict[str, str]:
    return {"userId": user_id, "sk": f"{_PREFIX}{device_id}"}


def _lock_key(device: PushToken) -> dict[str, str]:
    return {"userId": f"TOKEN#{device.hash}", "sk": "TOKEN"}


def _of(item: Item) -> PushToken:
    return msgspec.convert(item, PushToken)
