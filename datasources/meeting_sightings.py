"""What was seen in a meeting's calls, and which of them are over: the rows that presence rests on."""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from datasources.conditions import Condition
from datasources.contention import LostRace
from datasources.meeting_rows import (
    attendee_step,
    ended_session,
    meeting_key,
    new_sighting,
    seats_taken,
    session_end,
    session_ends_prefix,
    sighting_of,
    sightings_prefix,
)
from datasources.ports import Change, Check, Item, RecordStore, SortRange, Write
from datasources.tables import MEETING_ATTENDEES, MEETINGS
from datasources.transactions import Guarded
from domain.errors import Code, DomainError
from domain.meeting_attendees import MeetingAttendee, seen
from domain.meeting_presence import Sighting, presence
from domain.meetings import Meeting
from domain.times import Timestamp

MOST = 2_000
"""Sightings of one user in one meeting. Each new one is weighed with all others, so there must be an end to it."""
_PAGE = 1_000


class Seen(msgspec.Struct, frozen=True):
    """All that was seen of one user in a meeting. `session_ends` are of the Chime meetings that are over."""

    sightings: Sequence[Sighting]
    session_ends: Mapping[str, Timestamp]

    @property
    def is_full(self) -> bool:
        return len(self.sightings) >= MOST

    def applied(self, row: MeetingAttendee, *more: Sighting) -> MeetingAttendee:
        """The row as it follows from all that was seen, and from `more`; of the same version."""
        return seen(row, presence([*self.sightings, *more], self.session_ends))


async def read(store: RecordStore, meeting_id: str, user_id: str) -> Seen:
    sightings, ends = await asyncio.gather(
        _read_all(store, meeting_id, sightings_prefix(user_id)), session_ends(store, meeting_id)
    )
    return Seen([sighting_of(item) for item in sightings], ends)


async def session_ends(store: RecordStore, meeting_id: str) -> dict[str, Timestamp]:
    """When each Chime meeting of ours ended, by its id."""
    items = await _read_all(store, meeting_id, session_ends_prefix())
    return {session_id: item["at"] for item in items if (session_id := ended_session(item)) is not None}


def rosters_of(meeting: Meeting) -> tuple[str, ...]:
    """The meetings in whose rosters it counts who is in this one's calls: a breakout is a part of its parent."""
    return (meeting.id,) if meeting.parent_meeting_id is None else (meeting.id, meeting.parent_meeting_id)


async def closing(store: RecordStore, meeting: Meeting, session_id: str, at: Timestamp) -> list[Guarded]:
    """The writes that tell a Chime meeting's end wherever it counts; none where an end as early is known."""
    writes: list[Guarded] = []
    for meeting_id in rosters_of(meeting):
        known = (await session_ends(store, meeting_id)).get(session_id)
        if known is None or known > at:
            writes.append((session_end(meeting_id, session_id, at), LostRace()))
    return writes


def steps(
    before: MeetingAttendee, after: MeetingAttendee, *sightings: Sighting, meeting: Condition | None = None
) -> list[Guarded]:
    """The writes of a step of the roster with what was seen: each fails when somebody else was faster.

    Args:
        meeting: what has to hold of the meeting.
    """
    writes: list[Write] = [new_sighting(before.meeting_id, before.user_id, each) for each in sightings]
    if after is not before:
        writes.append(attendee_step(before, after))
    seats = seats_taken(before, after)
    key = meeting_key(before.meeting_id)
    if seats:
        writes.append(Change(MEETINGS, key, seats, meeting))
    elif meeting is not None:
        writes.append(Check(MEETINGS, key, meeting))
    return [(write, LostRace()) for write in writes]


def too_many() -> DomainError:
    return DomainError(Code.LIMIT_EXCEEDED, "The user has come and gone too often.", limit=MOST)


async def _read_all(store: RecordStore, meeting_id: str, prefix: str) -> list[Item]:
    items: list[Item] = []
    after = None
    while True:
        page = await store.query(MEETING_ATTENDEES, meeting_id, sort=SortRange(prefix=prefix), limit=_PAGE, after=after)
        items += page.items
        after = page.last_key
        if after is None:
            return items
