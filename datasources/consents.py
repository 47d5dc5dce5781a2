"""The consent ledger: every decision is a row of its own and stays as it was written."""

import asyncio
from collections.abc import Sequence

import msgspec

from datasources.conditions import not_exists
from datasources.contention import LostRace
from datasources.idempotency import MadeBefore, Request, once, replay
from datasources.ports import Item, Put, RecordStore, SortRange
from datasources.tables import USER_ITEMS
from datasources.transactions import Guarded, commit
from domain.records import to_item
from domain.users import CONSENT_PURPOSES, Consent


class Consents:
    """Decisions by user and purpose, in the order in which they were recorded."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def record(self, consent: Consent, id: str, request: Request | None, also: Sequence[Guarded] = ()) -> Consent:
        """Append a decision; a repeated request gives the decision that the first one recorded.

        Args:
            id: a fresh ULID; tells decisions of one millisecond apart.
            also: what follows from the decision, and is written with it.

        Raises:
            DomainError: IDEMPOTENCY_MISMATCH.
            Exception: of `also`.
        """
        item = to_item(consent)
        sk = f"{_prefix(consent.purpose)}{consent.recorded_at}#{id}"
        put = Put(USER_ITEMS, {**item, "sk": sk}, not_exists("sk"))
        try:
            await commit(self._store, [*once(request, item, consent.recorded_at), (put, LostRace()), *also])
        except MadeBefore:
            return msgspec.convert(await replay(self._store, request), Consent)
        return consent

    async def latest(self, user_id: str) -> Sequence[Consent]:
        """The newest decision on each purpose that the user ever decided on, in the SDL's order of purposes."""
        pages = await asyncio.gather(*(self._newest(user_id, purpose) for purpose in CONSENT_PURPOSES))
        return [msgspec.convert(item, Consent) for items in pages for item in items]

    async def last(self, user_id: str, purpose: str) -> Consent | None:
        """The newest decision on one purpose."""
        items = await self._newest(user_id, purpose)
        return msgspec.convert(items[0], Consent) if items else None

    async def _newest(self, user_id: str, purpose: str) -> list[Item]:
        sort = SortRange(prefix=_prefix(purpose))
        return (await self._store.query(USER_ITEMS, user_id, sort=sort, descending=True, limit=1)).items


def _prefix(purpose: str) -> str:
    return f"CONSENT#{purpose}#"
