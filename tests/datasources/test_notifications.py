"""Rows of notifications: how long they are kept, and how far the unread are counted."""

import pytest

from datasources import notifications
from datasources.notifications import Notifications
from datasources.ports import RecordStore
from datasources.tables import DELIVERIES, NOTIFICATIONS
from domain.notifications import MOST_COUNTED
from domain.times import epoch_seconds, later
from tests.notifying import House, draft


async def test_notifications_and_their_deliveries_are_kept_for_90_days(store: RecordStore) -> None:
    house = House(store)
    await house.add_user()
    await house.notifier.tell([draft()])

    rows = [row for table in (NOTIFICATIONS, DELIVERIES) for row in (await store.query(table, "ben")).items]

    assert len(rows) == 3
    assert {row["ttl"] for row in rows} == {epoch_seconds(later(house.clock.now(), days=90))}


async def test_the_unread_are_counted_exactly_up_to_the_most(
    store: RecordStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_COUNTED == 999
    monkeypatch.setattr(notifications, "MOST_COUNTED", 3)
    house = House(store)
    await house.add_user()
    counts = []
    for _ in range(5):
        await house.notifier.tell([draft()])
        counts.append((await Notifications(store).inbox("ben")).unread_count)

    assert counts == [1, 2, 3, 3, 3]
