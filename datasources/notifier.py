"""From what happened to what is sent: a draft becomes a notification and its deliveries, once.

All rows of one draft are one transaction, so a user is told through every channel or, after a crash, again
from the start; and whoever handles the same event later finds that they were told.
"""

import asyncio
from collections.abc import Callable, Sequence

from datasources.batches import get_each
from datasources.deliveries import first, first_key, other
from datasources.notification_preferences import Preferences
from datasources.notifications import new_item
from datasources.ports import Put, RecordStore, TransactionFailed, Write
from datasources.push_tokens import PushTokens
from datasources.tables import DELIVERIES, NOTIFICATIONS, USERS
from domain.deliveries import Delivery, Reason
from domain.notification_preferences import NotificationPreferences, not_before
from domain.notifications import Draft, notification
from domain.times import Timestamp

AT_ONCE = 25


class Notifier:
    def __init__(self, store: RecordStore, now: Callable[[], Timestamp]) -> None:
        self._store = store
        self._now = now
        self._preferences = Preferences(store)
        self._push_tokens = PushTokens(store)

    async def tell(self, drafts: Sequence[Draft], *, batch: int = 0) -> int:
        """Each draft reaches its user once, however often and by however many it is told.

        Args:
            batch: of a fan-out; a batch that is repeated after a crash gives the same number again.

        Returns:
            How many users were told in this batch, now or by an earlier try.
        """
        told = 0
        for start in range(0, len(drafts), AT_ONCE):
            some = drafts[start : start + AT_ONCE]
            before = await get_each(self._store, DELIVERIES, [first_key(draft) for draft in some])
            told += sum(item["batch"] == batch for item in before if item is not None)
            new = [draft for draft, item in zip(some, before, strict=True) if item is None]
            told += sum(await asyncio.gather(*(self._tell(draft, batch) for draft in new)))
        return told

    async def _tell(self, draft: Draft, batch: int) -> bool:
        user, (preferences, time_zone) = await asyncio.gather(
            self._store.get(USERS, {"userId": draft.user_id}), self._preferences.with_time_zone(draft.user_id)
        )
        if user is None or user["status"] == "ERASED":
            return False
        try:
            await self._store.transact(await self._writes(draft, preferences, time_zone, batch))
        except TransactionFailed as failure:
            told = failure.reasons[0]
            if told is None:
                raise
            return told.item is not None and told.item["batch"] == batch
        return True

    async def _writes(
        self, draft: Draft, preferences: NotificationPreferences, time_zone: str, batch: int
    ) -> list[Write]:
        now = self._now()
        made = notification(draft, now)
        chosen = preferences.channels(draft.category)

        def delivery(target: str, reason: Reason | None = None) -> Delivery:
            channel = target.partition("#")[0]
            waits = reason is None and channel != "IN_APP"
            return Delivery(
                notice=draft.key,
                target=target,
                user_id=draft.user_id,
                notification_id=made.id,
                status="SKIPPED" if reason else "WAITING" if waits else "SENT",
                updated_at=now,
                due_at=not_before(preferences, channel, time_zone, now) if waits else None,
                reason=reason,
            )

        in_app = delivery("IN_APP", None if "IN_APP" in chosen else "PREFERENCE")
        writes: list[Write] = [first(in_app, draft, batch, now)]
        if "IN_APP" in chosen:
            writes.append(Put(NOTIFICATIONS, new_item(made)))
        addressed = (delivery(channel, None if channel in chosen else "PREFERENCE") for channel in ("EMAIL", "SMS"))
        writes += [other(each, now) for each in addressed]
        if "PUSH" not in chosen:
            return [*writes, other(delivery("PUSH", "PREFERENCE"), now)]
        devices = await self._push_tokens.of_user(draft.user_id)
        if not devices:
            return [*writes, other(delivery("PUSH", "NO_DEVICE"), now)]
        return [*writes, *(other(delivery(f"PUSH#{device.id}"), now) for device in devices)]
