"""Rosters: a meeting's attendees, by user and by meeting."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from datasources.batches import get_each
from datasources.contention import LostRace, settle
from datasources.meeting_rows import ROSTER_BEGINS, attendee_key, attendee_of, attendee_step
from datasources.ports import RecordStore, SortRange
from datasources.readable import readable, record_or_none
from datasources.tables import MEETING_ATTENDEES
from datasources.transactions import commit
from domain.meeting_attendees import MeetingAttendee, moved
from domain.times import Timestamp

_PAGE = 100


class Rosters:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def get(self, meeting_id: str, user_id: str) -> MeetingAttendee | None:
        item = await self._store.get(MEETING_ATTENDEES, attendee_key(meeting_id, user_id))
        return None if item is None else attendee_of(item)

    async def of_user(self, user_id: str, meeting_ids: Sequence[str]) -> list[MeetingAttendee | None]:
        """The user's rows, in the order of the meetings, which may repeat."""
        unique = list(dict.fromkeys(meeting_ids))
        items = await get_each(self._store, MEETING_ATTENDEES, [attendee_key(each, user_id) for each in unique])
        found = {each: record_or_none(item, attendee_of) for each, item in zip(unique, items, strict=True)}
        return [found[each] for each in meeting_ids]

    async def of_meeting(self, meeting_id: str, user_ids: Sequence[str]) -> list[MeetingAttendee | None]:
        """The rows of different users, in their order."""
        keys = [attendee_key(meeting_id, user_id) for user_id in user_ids]
        items = await get_each(self._store, MEETING_ATTENDEES, keys)
        return [record_or_none(item, attendee_of) for item in items]

    async def page(self, meeting_id: str, position: Any, size: int) -> tuple[list[MeetingAttendee], Any]:
        """A page of the roster, by user."""
        page = await self._store.query(
            MEETING_ATTENDEES, meeting_id, sort=SortRange(after=ROSTER_BEGINS), limit=size, after=position
        )
        return readable(page.items, attendee_of), page.last_key

    async def walk(self, meeting_id: str) -> AsyncIterator[MeetingAttendee]:
        """The whole roster, page after page."""
        position = None
        while True:
            rows, position = await self.page(meeting_id, position, _PAGE)
            for row in rows:
                yield row
            if position is None:
                return

    async def move(self, meeting_id: str, starts_at: Timestamp) -> None:
        """Note a meeting's new start in its whole roster, for lists by time."""

        async def attempt(user_id: str) -> None:
            before = await self.get(meeting_id, user_id)
            after = None if before is None else moved(before, starts_at)
            if after is not None and after is not before:
                await commit(self._store, [(attendee_step(before, after), LostRace())])

        async for row in self.walk(meeting_id):
            if row.starts_at != starts_at:
                await settle(partial(attempt, row.user_id), "The meeting")

    async def meetings_of(
        self, user_id: str, planned: SortRange | None, position: Any, size: int
    ) -> tuple[Sequence[str], Any]:
        """Ids of the meetings in whose roster the user is, by planned start."""
        page = await self._store.query(
            MEETING_ATTENDEES, user_id, index="UserIdStartsAtIndex", sort=planned, limit=size, after=position
        )
        return [item["meetingId"] for item in page.items], page.last_key
