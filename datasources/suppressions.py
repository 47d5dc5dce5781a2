"""Addresses that get no mail any more, because it bounced or its reader complained. Kept as hashes."""

import hashlib

from datasources.ports import RecordStore
from datasources.tables import MAIL_SUPPRESSIONS
from domain.times import Timestamp


class Suppressions:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def suppress(self, address: str, why: str, now: Timestamp) -> None:
        """`why`: REFUSED, BOUNCE or COMPLAINT. Fine when it is suppressed already."""
        await self._store.put(MAIL_SUPPRESSIONS, {**_key(address), "why": why, "at": now})

    async def has(self, address: str) -> bool:
        return await self._store.get(MAIL_SUPPRESSIONS, _key(address)) is not None


def _key(address: str) -> dict[str, str]:
    """Whole addresses in lower case: no mail provider of today tells them apart by case."""
    return {"addressHash": hashlib.sha256(address.strip().lower().encode()).hexdigest()}
