"""That a meeting begins soon, told to all who are in its roster."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

from datasources.batches import get_each
from datasources.meeting_rosters import Rosters
from datasources.meeting_rows import DUE_SHARDS, meeting_key, meeting_of, planned_partition
from datasources.ports import RecordStore, SortRange
from datasources.tables import MEETINGS
from domain.meetings import Meeting
from domain.notification_texts import of_reminder
from domain.notifications import Draft
from domain.times import Timestamp, later

AHEAD_SECONDS = 15 * 60
_LAG_SECONDS = 60
"""An index may lag: what lies so close behind is looked at again, and tells nobody twice."""
_MOST_DAYS = 2
"""Beyond, nobody has looked for so long that nothing of it lies ahead any more."""


async def beginning(store: RecordStore, since: Timestamp, now: Timestamp) -> AsyncIterator[list[Draft]]:
    """Reminders of the meetings that begin within a quarter of an hour, a list a meeting.

    Args:
        since: up to when meetings' starts were looked at before.
    """
    until = later(now, seconds=AHEAD_SECONDS)
    since = max(later(since, seconds=-_LAG_SECONDS), later(until, days=-_MOST_DAYS))
    async for meeting in _planned(store, since, until):
        if meeting.status == "SCHEDULED" and now < meeting.starts_at <= until:
            rows = Rosters(store).walk(meeting.id)
            yield [of_reminder(meeting, row.user_id) async for row in rows if not row.is_removed]


async def _planned(store: RecordStore, since: Timestamp, until: Timestamp) -> AsyncIterator[Meeting]:
    """The meetings as they are, not as the index tells."""
    day = date.fromisoformat(since[:10])
    while day.isoformat() <= until[:10]:
        for number in range(DUE_SHARDS):
            async for meeting in _of_partition(store, planned_partition(day.isoformat(), number), since, until):
                yield meeting
        day += timedelta(days=1)


async def _of_partition(
    store: RecordStore, partition: str, since: Timestamp, until: Timestamp
) -> AsyncIterator[Meeting]:
    after = None
    while True:
        window = SortRange(after=since, at_most=until)
        page = await store.query(MEETINGS, partition, index="DueIndex", sort=window, after=after)
        for item in await get_each(store, MEETINGS, [meeting_key(found["meetingId"]) for found in page.items]):
            if item is not None:
                yield meeting_of(item)
        after = page.last_key
        if after is None:
            return
