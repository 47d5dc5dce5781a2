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
from datasources.recent import Recent
from datasources.tables import DELIVERIES, NOTIFICATIONS, USERS
from domain.deliveries import Delivery, Reason, Status
from domain.notification_preferences import CHANNELS, NotificationPreferences, not_before
from domain.notifications import Channel, Draft, notification
from domain.push_tokens import PushToken
from domain.times import Timestamp

AT_ONCE = 100
_REMEMBERED = 20_000
_REMEMBERED_SECONDS = 3_600.0


class Notifier:
    def __init__(self, store: RecordStore, now: Callable[[], Timestamp]) -> None:
        self._store = store
        self._now = now
        self._preferences = Preferences(store)
        self._push_tokens = PushTokens(store)
        # In a busy room every message asks for nearly all members, who were told long ago.
        self._told: Recent[str, int] = Recent(size=_REMEMBERED, seconds=_REMEMBERED_SECONDS)

    async def tell(self, drafts: Sequence[Draft], *, batch: int = 0) -> int:
        """Each draft reaches its user once, however often and by however many it is told.

        Args:
            batch: of a fan-out; a batch that is repeated after a crash gives the same number again.

        Returns:
            How many users were told in this batch, now or by an earlier try.
        """
        now = self._now()
        earlier = [self._told.get(draft.key, now) for draft in drafts]
        new = [draft for draft, known in zip(drafts, earlier, strict=True) if known is None]
        told = earlier.count(batch)
        for start in range(0, len(new), AT_ONCE):
            some = new[start : start + AT_ONCE]
            batches = await self._tell_some(some, batch)
            told += batches.count(batch)
            for draft, known in zip(some, batches, strict=True):
                if known is not None:
                    self._told.remember(draft.key, known, now, self._told.ticket())
        return told

    async def _tell_some(self, drafts: Sequence[Draft], batch: int) -> list[int | None]:
        """For each draft the batch in which its user was told, now or earlier; None for a user who is gone."""
        items, users = await asyncio.gather(
            get_each(self._store, DELIVERIES, [first_key(draft) for draft in drafts]),
            get_each(self._store, USERS, [{"userId": draft.user_id} for draft in drafts]),
        )
        batches = [None if item is None else int(item["batch"]) for item in items]
        new = [
            number
            for number, (before, user) in enumerate(zip(batches, users, strict=True))
            if before is None and user is not None and user["status"] != "ERASED"
        ]
        wishes = await self._preferences.with_time_zones([drafts[number].user_id for number in new])
        told = await asyncio.gather(
            *(self._tell(drafts[number], *wish, batch) for number, wish in zip(new, wishes, strict=True))
        )
        for number, in_batch in zip(new, told, strict=True):
            batches[number] = in_batch
        return batches

    async def _tell(self, draft: Draft, preferences: NotificationPreferences, time_zone: str, batch: int) -> int:
        """The batch in which the user was told; another process may have been faster."""
        wants_pushes = "PUSH" in preferences.channels(draft.category)
        devices = await self._push_tokens.of_user(draft.user_id) if wants_pushes else []
        try:
            await self._store.transact(self._writes(draft, preferences, time_zone, devices, batch))
        except TransactionFailed as failure:
            told = failure.reasons[0]
            if told is None or told.item is None:
                raise
            return int(told.item["batch"])
        return batch

    def _writes(
        self,
        draft: Draft,
        preferences: NotificationPreferences,
        time_zone: str,
        devices: Sequence[PushToken],
        batch: int,
    ) -> list[Write]:
        now = self._now()
        made = notification(draft, now)

        def delivery(target: str, status: Status, reason: Reason | None = None) -> Delivery:
            channel, waits = target.partition("#")[0], status == "WAITING"
            return Delivery(
                notice=draft.key,
                target=target,
                user_id=draft.user_id,
                notification_id=made.id,
                status=status,
                updated_at=now,
                due_at=not_before(preferences, channel, time_zone, now) if waits else None,
                reason=reason,
            )

        skipped = _skipped(preferences.channels(draft.category), devices)
        hidden = skipped.pop("IN_APP", None)
        in_app = delivery("IN_APP", "SKIPPED" if hidden else "SENT", hidden)
        writes: list[Write] = [first(in_app, draft, skipped, batch, now)]
        if not hidden:
            writes.append(Put(NOTIFICATIONS, new_item(made)))
        targets = ("EMAIL", "SMS", *(f"PUSH#{device.id}" for device in devices))
        return writes + [other(delivery(target, "WAITING"), now) for target in targets if target not in skipped]


def _skipped(chosen: Sequence[Channel], devices: Sequence[PushToken]) -> dict[str, Reason]:
    """Channels that are not used, and why."""
    unwanted: dict[str, Reason] = {channel: "PREFERENCE" for channel in CHANNELS if channel not in chosen}
    return unwanted if devices or "PUSH" in unwanted else {**unwanted, "PUSH": "NO_DEVICE"}
