"""How many are in a room, for display: rolled up from the feed of the memberships."""

from collections import Counter
from collections.abc import Sequence

from datasources.ports import Change, FeedEvent, Item
from datasources.room_rows import member_of, room_key
from datasources.tables import ROOMS
from datasources.updates import Add


def count_members(events: Sequence[FeedEvent]) -> list[Change]:
    """What a batch of changes of memberships adds to the counts, one write a room.

    To be committed together with the place in the feed, so that each event counts once. A room's founders
    are counted by its creation.
    """
    joined: Counter[str] = Counter()
    for event in events:
        is_founding = event.old is None and event.new is not None and member_of(event.new).is_founder
        if not is_founding:
            joined[event.key["roomId"]] += _is_joined(event.new) - _is_joined(event.old)
    return [Change(ROOMS, room_key(room_id), [Add("memberCount", more)]) for room_id, more in joined.items() if more]


def _is_joined(item: Item | None) -> bool:
    return item is not None and member_of(item).is_joined
