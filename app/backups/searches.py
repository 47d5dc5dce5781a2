"""Fills a search index from records, where it cannot be taken over from another engine."""

from collections.abc import Iterable

from app.clock import now
from datasources.catalog import Catalog
from datasources.message_search import MessageSearch
from datasources.messages import Messages
from datasources.ports import FeedEvent, Item, RecordStore, SearchIndex
from datasources.tables import COURSES, ROOM_LOG, Table
from domain.chat_limits import DEFAULT


async def fill_search(store: RecordStore, search: SearchIndex, pages: Iterable[tuple[Table, list[Item]]]) -> None:
    """As the workers would have, had they seen each record come."""
    catalog = Catalog(store, search)
    messages = MessageSearch(search, Messages(store, now, DEFAULT))
    for table, page in pages:
        if table not in (COURSES, ROOM_LOG):
            continue
        events = [_came(table, item) for item in page]
        if table is ROOM_LOG:
            for start in range(0, len(events), 50):
                await messages.follow(events[start : start + 50])
        else:
            for event in events:
                await catalog.follow(event)


def _came(table: Table, item: Item) -> FeedEvent:
    key = {name: item[name] for name in table.key_names}
    return FeedEvent("-", table.name, "INSERT", key, None, table.shown(item))
