"""What the workers do: each step is a plain function of a batch of changes, for any runtime to call."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from datasources import counts, expiry, waitlist
from datasources.member_counts import count_members
from datasources.ports import FeedEvent, RecordStore, Write
from datasources.tables import COURSES, ENROLLMENTS, ROOM_LOG, ROOM_MEMBERS, ROOMS, Table
from domain.times import Timestamp
from resolvers.context import Publish, Sources

SWEEP_SECONDS = 5.0
NOWHERE = "-"
"""Where a timed step got to that always begins anew."""
BATCH = 50
"""Changes in one batch: so few that all they lead to fits into one transaction."""
LARGE_BATCH = 1_000
"""Where they lead to no such writes: in a busy chat a batch costs little more than a message."""


Handler = Callable[[Sequence[FeedEvent]], Awaitable[Sequence[Write]]]
"""Given changes in their order. What it does itself is harmless when repeated; the writes that it returns, each of
another item, are committed together with the place in the feed, so they happen once."""


class FeedStep(msgspec.Struct, frozen=True):
    """Follows the change feed of a table.

    Attributes:
        name: names its place in the feed; never changes.
        batch: changes that are handled at once, at most.
        is_led: handled by the process that reads the feed, also where changes travel to others.
    """

    name: str
    table: Table
    handle: Handler
    batch: int = BATCH
    is_led: bool = False


class TimedStep(msgspec.Struct, frozen=True):
    """Runs every so many seconds, from where it came to the last time (None at first) to where it got."""

    name: str
    seconds: float
    run: Callable[[str | None], Awaitable[str]]


Step = FeedStep | TimedStep


_BY_NO_CALL = frozenset({"PROMOTED", "HOLD_EXPIRED", "ACCESS_EXPIRED", "COMPLETED"})
"""Changes of enrollments that follow from something else, so that no call has published them."""


def all_steps(store: RecordStore, sources: Sources, now: Callable[[], Timestamp], publish: Publish) -> list[Step]:
    async def sweep(since: str | None) -> str:
        return await expiry.sweep(store, since, now())

    async def count(events: Sequence[FeedEvent]) -> Sequence[Write]:
        return counts.count(events)

    async def count_in_rooms(events: Sequence[FeedEvent]) -> Sequence[Write]:
        return count_members(events)

    async def move_up(events: Sequence[FeedEvent]) -> Sequence[Write]:
        return await waitlist.move_up(store, events, now())

    async def tell(event: FeedEvent) -> None:
        if event.new is not None and event.new["lastChange"] in _BY_NO_CALL:
            await publish("publishEnrollment", course_id=event.key["courseId"], user_id=event.key["userId"])

    async def index_messages(events: Sequence[FeedEvent]) -> Sequence[Write]:
        await sources.message_search.follow(events)
        return ()

    async def tell_of_count(event: FeedEvent) -> None:
        if event.new is not None and event.old is not None and event.new["memberCount"] != event.old["memberCount"]:
            await publish("publishRoom", id=event.key["roomId"])

    return [
        TimedStep("expiry", SWEEP_SECONDS, sweep),
        FeedStep("waiting-lists", COURSES, move_up),
        FeedStep("enrollment-counts", ENROLLMENTS, count),
        FeedStep("enrollment-events", ENROLLMENTS, each(tell)),
        FeedStep("course-search", COURSES, each(sources.catalog.follow)),
        FeedStep("deleted-courses", COURSES, each(sources.courses.sweep)),
        FeedStep("room-member-counts", ROOM_MEMBERS, count_in_rooms),
        FeedStep("room-events", ROOMS, each(tell_of_count)),
        FeedStep("message-search", ROOM_LOG, index_messages, LARGE_BATCH),
    ]


def each(
    handle: Callable[[FeedEvent], Awaitable[None]],
) -> Handler:
    """A handler that takes its changes one by one."""

    async def handle_all(events: Sequence[FeedEvent]) -> Sequence[Write]:
        for event in events:
            await handle(event)
        return ()

    return handle_all
