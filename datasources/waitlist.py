"""The waiting list of a course: first come, first served."""

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

from datasources import seats
from datasources.conditions import equals
from datasources.contention import LostRace, settle
from datasources.course_items import META, SEATS, course_of
from datasources.course_items import key as course_key
from datasources.enrollment_rows import key, of, step
from datasources.ports import Check, FeedEvent, RecordStore, SortRange, Write
from datasources.progress import begun
from datasources.tables import COURSES, ENROLLMENTS
from datasources.transactions import commit
from domain import enrollments
from domain.enrollments import Enrollment
from domain.times import Timestamp

MOST_POSITIONS = 1_000
_INDEX = "WaitlistIndex"
_HEADS = 10
_MOST_AT_ONCE = 100


class NotVisibleYet(Exception):
    """The index of the waiting list lags behind the seats; the same question is to be asked again soon."""


async def positions(store: RecordStore, rows: Sequence[Enrollment]) -> list[int | None]:
    """Each row's place in its waiting list, 1 is next; None for who does not wait, and beyond 1,000."""
    tickets: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        if row.ticket is not None:
            tickets[row.course_id].add(row.ticket)
    found = await asyncio.gather(*(_places(store, course_id, wanted) for course_id, wanted in tickets.items()))
    places = dict(zip(tickets, found, strict=True))
    return [None if row.ticket is None else places[row.course_id][row.ticket] for row in rows]


async def _places(store: RecordStore, course_id: str, tickets: set[int]) -> dict[int, int | None]:
    """Those before the first are only counted; the others, a page of a list as a rule, are looked at."""
    first, last = min(tickets), max(tickets)
    ahead = await store.count(ENROLLMENTS, course_id, index=_INDEX, sort=SortRange(before=first), most=MOST_POSITIONS)
    waiting: list[int] = []
    if ahead < MOST_POSITIONS and first < last:
        span = SortRange(at_least=first, at_most=last)
        page = await store.query(ENROLLMENTS, course_id, index=_INDEX, sort=span, limit=MOST_POSITIONS - ahead)
        waiting = [item["ticket"] for item in page.items]
    places = {ticket: ahead + 1 + bisect_left(waiting, ticket) for ticket in tickets}
    return {ticket: place if place <= MOST_POSITIONS else None for ticket, place in places.items()}


async def move_up(store: RecordStore, events: Sequence[FeedEvent], now: Timestamp) -> list[Write]:
    """What a batch of changes of courses means for their waiting lists: free seats go to who waits.

    Idempotent; nothing is left to be written.
    """
    for course_id in dict.fromkeys(event.key["courseId"] for event in events if _may_free_seats(event)):
        await promote(store, course_id, now)
    return []


def _may_free_seats(event: FeedEvent) -> bool:
    """Seats with somebody waiting for one, or a course that has opened."""
    if event.new is None:
        return False
    if event.key["sk"] == SEATS:
        room = seats.of(event.new)
        return room.waiting > 0 and room.has_free_seat
    opened = event.key["sk"] == META and event.new["state"] == "PUBLISHED"
    return opened and event.old is not None and event.old["state"] != "PUBLISHED"


async def promote(store: RecordStore, course_id: str, now: Timestamp) -> int:
    """Give free seats to the heads of the waiting list, each once, however many promoters there are.

    Returns:
        How many got one, at most 100. Each changes the course's seats, and that change brings the next round.

    Raises:
        NotVisibleYet: somebody waits whom the index does not show.
    """
    for promoted in range(_MOST_AT_ONCE):
        if not await settle(lambda: _promote_head(store, course_id, now), "The course"):
            return promoted
    return _MOST_AT_ONCE


async def _promote_head(store: RecordStore, course_id: str, now: Timestamp) -> bool:
    """False when no seat is to be given. Raises LostRace."""
    meta, room = await asyncio.gather(store.get(COURSES, course_key(course_id, META)), seats.read(store, course_id))
    if meta is None or room is None or not (room.waiting and room.has_free_seat):
        return False
    course = course_of(meta)
    if course.state != "PUBLISHED":
        return False
    head = await _head(store, course_id)
    if head is None:
        # Those who waited may have left since the seats were read; only if not does the index lag.
        raise NotVisibleYet if await seats.read(store, course_id) == room else LostRace
    promoted = enrollments.promote(course, head, now)
    writes: list[Write] = [
        step(head, promoted),
        seats.moved_up(course_id),
        Check(COURSES, course_key(course_id, META), equals("version", course.version)),
    ]
    if promoted.status == "ACTIVE":
        writes.append(begun(head.user_id, course_id, now))
    await commit(store, [(write, LostRace()) for write in writes])
    return True


async def _head(store: RecordStore, course_id: str) -> Enrollment | None:
    """The waiting row with the lowest ticket. The index may still show rows that wait no longer."""
    page = await store.query(ENROLLMENTS, course_id, index=_INDEX, limit=_HEADS)
    for item in page.items:
        stored = await store.get(ENROLLMENTS, key(course_id, item["userId"]))
        if stored is not None and of(stored).waits:
            return of(stored)
    return None
