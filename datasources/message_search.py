"""Finding messages by words. The index of a room holds what its messages say now."""

import asyncio
import heapq
from collections.abc import Sequence
from typing import Any

from datasources.messages import Messages
from datasources.ports import FeedEvent, Indexed, Item, SearchHit, SearchIndex
from datasources.room_log import is_change_row, number_of
from domain.messages import Message
from domain.times import Timestamp, moment

_LAST_MILLISECOND = 9_999_999_999_999
_SEARCHES_AT_ONCE = 10
_INDEXED_AT_ONCE = 200
"""So that those who send meanwhile do not wait for all of a large batch to be read and written."""


class MessageSearch:
    """Every hit in a room ranks alike, as a message has one text; so hits come by document id, and that begins
    with the time, backwards: the newest comes first, in one room and in many."""

    def __init__(self, search: SearchIndex, messages: Messages) -> None:
        self._search = search
        self._messages = messages

    async def find(
        self, text: str, room_ids: Sequence[str], position: list[Any] | None, size: int
    ) -> tuple[list[Message], list[Any] | None]:
        """Messages of these rooms with all the words of `text`, the newest first, and where to go on."""
        last = None if position is None else SearchHit(rank=position[0], document_id=position[1])
        gate = asyncio.Semaphore(_SEARCHES_AT_ONCE)

        async def hits_of(room_id: str) -> list[SearchHit]:
            async with gate:
                return await self._search.search(_scope(room_id), text, limit=size + 1, after=last)

        found = await asyncio.gather(*map(hits_of, room_ids))
        hits = list(heapq.merge(*found, key=lambda hit: hit.document_id))
        shown = hits[:size]
        messages = await self._messages.get_many([_message_id(hit) for hit in shown])
        following = [shown[-1].rank, shown[-1].document_id] if len(hits) > size else None
        # The index follows the messages a moment later: only the message says what was deleted.
        return [message for message in messages if message is not None and not message.is_deleted], following

    async def follow(self, events: Sequence[FeedEvent]) -> None:
        """Feed step on the log of the rooms, which holds no words. Harmless when repeated or out of order."""
        written, gone = _latest_rows(events)
        rows = list({**gone, **written}.values())
        for start in range(0, len(rows), _INDEXED_AT_ONCE):
            some = rows[start : start + _INDEXED_AT_ONCE]
            messages = await self._messages.get_many([row["messageId"] for row in some])
            await self._search.put_all(
                [
                    _indexed(row, message)
                    for row, message in zip(some, messages, strict=True)
                    if message is None or row["messageId"] in written
                ]
            )


def _latest_rows(events: Sequence[FeedEvent]) -> tuple[dict[str, Item], dict[str, Item]]:
    """Of changes of what messages say: the last row that was written and the last that went, by message."""
    written: dict[str, Item] = {}
    gone: dict[str, Item] = {}
    for event in events:
        row = event.new or event.old
        if row is not None and is_change_row(event.key) and row["words"]:
            (gone if event.new is None else written)[row["messageId"]] = row
    return written, gone


def _indexed(row: Item, message: Message | None) -> Indexed:
    scope, document = _scope(row["roomId"]), _document(row["sentAt"], row["messageId"])
    if message is None:
        return Indexed(scope, document, {}, number_of(row) + 1)
    return Indexed(scope, document, {} if message.is_deleted else {"body": message.body}, message.change_sequence)


def _scope(room_id: str) -> str:
    return f"ROOM#{room_id}"


def _document(sent_at: Timestamp, message_id: str) -> str:
    milliseconds = round(moment(sent_at).timestamp() * 1000)
    return f"{_LAST_MILLISECOND - milliseconds:013d}#{message_id}"


def _message_id(hit: SearchHit) -> str:
    return hit.document_id.partition("#")[2]
