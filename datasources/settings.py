"""Personal settings: one row a user, made by the first change; before that the defaults hold."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from datasources.batches import get_each
from datasources.conditions import Condition, equals, not_exists
from datasources.ports import ConditionFailed, Item, RecordStore
from datasources.tables import SETTINGS
from datasources.updates import Add, Set, assign
from domain.errors import conflict
from domain.records import stored_names, to_item
from domain.settings import DEFAULT_TIME_ZONE, default_settings
from domain.times import Timestamp
from domain.users import User, UserSettings


class PersonalSettings:
    """Users' settings. A row holds what was chosen and how often (`changes`); the version is one more."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def of(self, users: Sequence[User]) -> list[UserSettings]:
        """The settings of each user, in order."""
        items = await get_each(self._store, SETTINGS, [_key(user.id) for user in users])
        return [_settings(user.id, user.created_at, item) for user, item in zip(users, items, strict=True)]

    async def time_zone(self, user_id: str) -> str:
        return time_zone_of(await self._store.get(SETTINGS, _key(user_id)))

    async def switched_off(self, name: str, user_ids: Sequence[str]) -> frozenset[str]:
        """The users, out of those given, who turned off what is on at first, e.g. "presenceVisible"."""
        items = await get_each(self._store, SETTINGS, [_key(user_id) for user_id in user_ids])
        return frozenset(item["userId"] for item in items if item is not None and item.get(name) is False)

    async def change(
        self, user_id: str, values: Mapping[str, Any], expected_version: int | None, now: Timestamp
    ) -> UserSettings:
        """The settings with `values` (by the record's field names) chosen.

        Raises:
            DomainError: CONFLICT.
        """
        updates = [*assign(**stored_names(UserSettings, values)), Set("updatedAt", now), Add("changes", 1)]
        try:
            item = await self._store.update(SETTINGS, _key(user_id), updates, condition=_unchanged(expected_version))
        except ConditionFailed as failed:
            raise conflict(_version(failed.item)) from None
        return _settings(user_id, now, item)


def time_zone_of(item: Item | None) -> str:
    """The time zone that a stored row says; None: nothing was chosen yet."""
    return str((item or {}).get("timeZone", DEFAULT_TIME_ZONE))


def _key(user_id: str) -> dict[str, str]:
    return {"userId": user_id, "name": "PROFILE"}


def _version(item: Item | None) -> int:
    return 1 if item is None else 1 + int(item["changes"])


def _unchanged(expected_version: int | None) -> Condition | None:
    if expected_version is None:
        return None
    if expected_version == 1:
        return not_exists("changes")
    return equals("changes", expected_version - 1)


def _settings(user_id: str, since: Timestamp, item: Item | None) -> UserSettings:
    values = {**to_item(default_settings(user_id, since)), **(item or {}), "version": _version(item)}
    return msgspec.convert(values, UserSettings)
