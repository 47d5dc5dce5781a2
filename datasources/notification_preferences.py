"""What users chose about their notifications: item NOTIFICATIONS of table Settings, made by the first change."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from datasources.batches import get_each
from datasources.conditions import equals, not_exists
from datasources.contention import LostRace, settle
from datasources.ports import ConditionFailed, Item, RecordStore
from datasources.settings import time_zone_of
from datasources.tables import SETTINGS
from domain.errors import conflict
from domain.notification_preferences import Chosen, NotificationPreferences, change, preferences
from domain.records import to_item


class Preferences:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def get(self, user_id: str) -> NotificationPreferences:
        return preferences(user_id, _chosen(await self._store.get(SETTINGS, _key(user_id))))

    async def with_time_zone(self, user_id: str) -> tuple[NotificationPreferences, str]:
        """The preferences, and the time zone in which their quiet hours are told."""
        return (await self.with_time_zones([user_id]))[0]

    async def with_time_zones(self, user_ids: Sequence[str]) -> list[tuple[NotificationPreferences, str]]:
        """The same of each user, in order."""
        profiles = [{"userId": user_id, "name": "PROFILE"} for user_id in user_ids]
        items = await get_each(self._store, SETTINGS, [*map(_key, user_ids), *profiles])
        of_user = zip(user_ids, items[: len(user_ids)], items[len(user_ids) :], strict=True)
        return [(preferences(user_id, _chosen(chosen)), time_zone_of(profile)) for user_id, chosen, profile in of_user]

    async def change(
        self, user_id: str, given: Mapping[str, Any], expected_version: int | None
    ) -> NotificationPreferences:
        """The preferences after a change; `given` is the mutation's input. Raises BAD_REQUEST, CONFLICT."""

        async def attempt() -> NotificationPreferences:
            before = _chosen(await self._store.get(SETTINGS, _key(user_id)))
            if expected_version not in (None, before.changes + 1):
                raise conflict(before.changes + 1)
            after = change(before, given)
            unchanged = equals("changes", before.changes) if before.changes else not_exists("changes")
            try:
                await self._store.put(SETTINGS, {**to_item(after), **_key(user_id)}, condition=unchanged)
            except ConditionFailed:
                raise LostRace from None
            return preferences(user_id, after)

        return await settle(attempt, "The preferences")


def _key(user_id: str) -> dict[str, str]:
    return {"userId": user_id, "name": "NOTIFICATIONS"}


def _chosen(item: Item | None) -> Chosen:
    return Chosen() if item is None else msgspec.convert(item, Chosen)
