"""Deliveries: what is to be sent, to whom it was, and why it was not. Rows of table Deliveries.

The row of target IN_APP is written with the others of its notice and before any of them is tried; it holds
the text, what was never to be sent and why, and that it exists is what makes an event tell its user once.
"""

import asyncio
import zlib
from collections.abc import Mapping

import msgspec

from datasources import trace_context
from datasources.conditions import all_of, equals, not_exists
from datasources.ports import ConditionFailed, Item, Put, RecordStore, SortRange
from datasources.tables import DELIVERIES
from datasources.updates import assign
from domain.deliveries import KEPT_DAYS, LEASE_SECONDS, Delivery, Reason, Status
from domain.notifications import Draft
from domain.records import to_item
from domain.times import Timestamp, epoch_seconds, later

SHARDS = 4
_INDEX = "QueueIndex"


def first(delivery: Delivery, draft: Draft, skipped: Mapping[str, Reason], batch: int, now: Timestamp) -> Put:
    """The row of target IN_APP. Fails when the user was told before; the stored `batch` says with whom.

    Args:
        skipped: targets that get no row of their own, and why nothing is sent there.
    """
    item = {**_item(delivery, now), "draft": to_item(draft), "skipped": skipped, "batch": batch}
    return Put(DELIVERIES, item, not_exists("userId"))


def first_key(draft: Draft) -> dict[str, str]:
    """Of the row that is there once the user was told."""
    return _key(draft.user_id, draft.key, "IN_APP")


def other(delivery: Delivery, now: Timestamp) -> Put:
    return Put(DELIVERIES, _item(delivery, now))


class Deliveries:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def due(self, now: Timestamp, *, most: int) -> list[Delivery]:
        """What may be tried now, the longest due first in each shard."""
        until = SortRange(at_most=now)
        pages = await asyncio.gather(
            *(
                self._store.query(DELIVERIES, f"DUE#{number}", index=_INDEX, sort=until, limit=most // SHARDS)
                for number in range(SHARDS)
            )
        )
        return [_of(item) for page in pages for item in page.items]

    async def dead(self, *, most: int) -> list[Delivery]:
        """What failed for good, the latest first in each shard; `most` is shared among the shards."""
        pages = await asyncio.gather(
            *(
                self._store.query(DELIVERIES, f"DEAD#{number}", index=_INDEX, limit=most // SHARDS, descending=True)
                for number in range(SHARDS)
            )
        )
        return [_of(item) for page in pages for item in page.items]

    async def of_notice(self, user_id: str, notice: str) -> list[Delivery]:
        """Every target of what an event told a user."""
        page = await self._store.query(DELIVERIES, user_id, sort=SortRange(prefix=f"{notice}#"))
        return [delivery for item in page.items for delivery in _each(item)]

    async def draft(self, delivery: Delivery) -> Draft | None:
        """What it says; None when it is too old to be kept."""
        item = await self._store.get(DELIVERIES, _key(delivery.user_id, delivery.notice, "IN_APP"))
        return None if item is None else msgspec.convert(item["draft"], Draft)

    async def claim(self, delivery: Delivery, now: Timestamp) -> Delivery | None:
        """One more try, ours for a minute; None when another process was faster."""
        return await self._step(
            delivery, tries=delivery.tries + 1, due_at=later(now, seconds=LEASE_SECONDS), status="WAITING", now=now
        )

    async def again(self, delivery: Delivery, at: Timestamp, now: Timestamp, *, counts: bool = True) -> None:
        """It goes on waiting, until `at`; the try that was claimed counts or was none."""
        tries = delivery.tries if counts else delivery.tries - 1
        await self._step(delivery, tries=tries, due_at=at, status="WAITING", now=now)

    async def try_again(self, user_id: str, notice_target: str, now: Timestamp) -> bool:
        """One that failed for good waits once more, with all of its tries; False when there is no such delivery."""
        notice = notice_target.partition("#")[0]
        updates = assign(status="WAITING", reason=None, tries=0, updatedAt=now, dueAt=now, queue=_queue("DUE", notice))
        key = {"userId": user_id, "noticeTarget": notice_target}
        try:
            await self._store.update(DELIVERIES, key, updates, condition=equals("status", "FAILED"))
        except ConditionFailed:
            return False
        return True

    async def end(self, delivery: Delivery, status: Status, reason: Reason | None, now: Timestamp) -> None:
        await self._step(delivery, tries=delivery.tries, due_at=None, status=status, reason=reason, now=now)

    async def _step(
        self,
        before: Delivery,
        *,
        tries: int,
        due_at: Timestamp | None,
        status: Status,
        now: Timestamp,
        reason: Reason | None = None,
    ) -> Delivery | None:
        """From exactly the row that was read; None when it is another by now."""
        is_dead = status == "FAILED"
        updates = assign(
            tries=tries,
            status=status,
            reason=reason,
            updatedAt=now,
            dueAt=now if is_dead else due_at,
            queue=_queue("DEAD", before.notice) if is_dead else _queue("DUE", before.notice) if due_at else None,
        )
        same = all_of(equals("status", "WAITING"), equals("tries", before.tries), equals("dueAt", before.due_at))
        key = _key(before.user_id, before.notice, before.target)
        try:
            return _of(await self._store.update(DELIVERIES, key, updates, condition=same))
        except ConditionFailed:
            return None


def _item(delivery: Delivery, now: Timestamp) -> Item:
    item = {
        **to_item(delivery),
        **_key(delivery.user_id, delivery.notice, delivery.target),
        "ttl": epoch_seconds(later(now, days=KEPT_DAYS)),
    }
    if trace := trace_context.current():
        item["trace"] = trace
    if delivery.due_at is not None:
        item["queue"] = _queue("DUE", delivery.notice)
    return item


def _key(user_id: str, notice: str, target: str) -> dict[str, str]:
    return {"userId": user_id, "noticeTarget": f"{notice}#{target}"}


def _queue(name: str, notice: str) -> str:
    return f"{name}#{zlib.crc32(notice.encode()) % SHARDS}"


def _each(item: Item) -> list[Delivery]:
    """The delivery of a row, and those that the first row has beside its own."""
    delivery = _of(item)
    skipped = item.get("skipped", {}).items()
    return [
        delivery,
        *(msgspec.structs.replace(delivery, target=name, status="SKIPPED", reason=reason) for name, reason in skipped),
    ]


def _of(item: Item) -> Delivery:
    return msgspec.convert(item, Delivery)
