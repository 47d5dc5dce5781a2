"""Records in one SQLite file: the embedded `RecordStore`."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from datasources import tables as declared
from datasources.conditions import Condition
from datasources.limits import (
    Keyed,
    check_batch_get,
    check_queries,
    check_query,
    checked_batch,
    checked_key,
    checked_key_values,
    checked_transaction,
    checked_write,
    expired,
    position_names,
)
from datasources.local.evaluate import holds
from datasources.local.sqlite_checkpoints import Checkpoints
from datasources.local.sqlite_connections import connect_all
from datasources.local.sqlite_feed import Signal, last_sequence, prune, read_changes, sequence_of
from datasources.local.sqlite_group import Planned, RecordGroups
from datasources.local.sqlite_queries import Question, Statement, first_of, read, read_array
from datasources.local.sqlite_schema import Layout, decode, decode_all, encode, prepare, records_decoder
from datasources.local.sqlite_threads import SERVICE, Result, Threads, Work, run_reads, run_writes
from datasources.local.sqlite_writes import TOKEN_SECONDS, Batch, Effect, Expiry, Single, Transaction
from datasources.pages import ItemPage
from datasources.ports import Attributes, Change, Delete, FeedPage, Item, Key, Page, Put, SortRange, Write
from datasources.row_pages import RememberedPages, RowPage
from datasources.tables import Index, Table
from datasources.updates import Update
from domain.errors import DomainError, dependency_failed

_log = logging.getLogger(__name__)

READERS = 3
READ_QUEUE = 2000
WRITE_QUEUE = 2000
GROUP = 256
"""Writes in one commit at most, so that the first does not wait long for the last."""
READY_SECONDS = 2.0
SWEEP_SECONDS = 60.0
SWEEP_BATCH = 100
FEED_SECONDS = 26 * 3600


class SQLiteStore:
    """A `RecordStore` in one file, made by `SQLiteStore.open`. Several processes may share the file."""

    def __init__(
        self, layouts: Sequence[Layout], readers: Threads, writer: Threads, signal: Signal, now: Callable[[], float]
    ) -> None:
        self._layouts = {layout.table.name: layout for layout in layouts}
        self._readers = readers
        self._writer = writer
        self._signal = signal
        self._now = now
        self._remembered: RememberedPages[bytes] = RememberedPages(decode_all, records_decoder, len)

    @staticmethod
    @asynccontextmanager
    async def open(
        path: Path,
        tables: Sequence[Table] = declared.ALL,
        *,
        now: Callable[[], float] = time.time,
        sweep_seconds: float = SWEEP_SECONDS,
    ) -> "AsyncIterator[SQLiteStore]":
        """A store that removes expired items in the background; at the end it finishes what it has taken in.

        Args:
            path: created when absent, readable by its owner only. Beside it lie `-wal` and `-shm`.
            now: epoch seconds.
            sweep_seconds: pause between two rounds of `sweep`.

        Raises:
            RuntimeError: the file belongs to another program, or a newer release has written it.
            sqlite3.Error: the file cannot be opened.
        """
        layouts = [Layout(table) for table in tables]
        connections, last = await asyncio.to_thread(_connect_all, path, layouts)
        of_writer, of_checkpoints, *of_readers = connections
        signal, checkpoints = Signal(last), Checkpoints(of_checkpoints)

        def committed(connection: sqlite3.Connection) -> None:
            signal.refresh(connection)
            checkpoints.committed(connection)

        readers = Threads("sqlite-reader", of_readers, capacity=READ_QUEUE, share=8, run=run_reads)
        write = partial(run_writes, group=RecordGroups(now), committed=committed)
        writer = Threads("sqlite-writer", [of_writer], capacity=WRITE_QUEUE, share=GROUP, run=write, gathers=True)
        store = SQLiteStore(layouts, readers, writer, signal, now)
        sweeper = asyncio.create_task(store._sweep_forever(sweep_seconds))
        try:
            yield store
        finally:
            sweeper.cancel()
            await asyncio.gather(sweeper, return_exceptions=True)
            await readers.close()
            await checkpoints.close()
            await writer.close()  # last, so that closing its connection folds the log into the file

    def _layout(self, table: Table) -> Layout:
        layout = self._layouts.get(table.name)
        if layout is None:
            raise _no_table(table.name)
        return layout

    # For engines that keep tables of their own in the file

    async def read_with(self, work: Work[Result]) -> Result:
        """What `work` reads from a connection, in a reader's thread."""
        return await self._readers.submit(work)

    async def write_with(self, work: Work[Result]) -> Result:
        """What `work` returns after its changes, of no records, are on disk; in a group with other writes."""
        return await self._writer.submit(work)

    # Reads

    async def get(self, table: Table, key: Key, *, consistent: bool = True) -> Item | None:
        item = await self._readers.submit(partial(read, layout=self._layout(table), key=checked_key(table, key)))
        return self._alive(table, item)

    async def batch_get(self, table: Table, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        check_batch_get(keys)
        layout = self._layout(table)
        wanted = [checked_key_values(table, key) for key in keys]
        if not wanted:
            return []
        question = layout.array_of_these(list(dict.fromkeys(wanted)))
        array = await self._readers.submit(lambda connection: read_array(connection, question))
        now, items = self._now(), decode_all(array)
        found = {layout.key_values(item): item for item in items if not expired(table, item, now)}
        return [found.get(key) for key in wanted]

    def _alive(self, table: Table, item: Item | None) -> Item | None:
        return None if item is None or expired(table, item, self._now()) else item

    async def query(
        self,
        table: Table,
        partition: Any,
        *,
        index: str | None = None,
        sort: SortRange | None = None,
        limit: int = 100,
        after: Mapping[str, Any] | None = None,
        descending: bool = False,
        where: Condition | None = None,
        consistent: bool | None = None,
    ) -> Page:
        chosen = None if index is None else table.index(index)
        check_query(table, chosen, partition, sort, limit, after, where)
        question = self._select(table, chosen, partition, sort, limit, after, descending=descending)
        array = await self._readers.submit(lambda connection: read_array(connection, question))
        return self._page(table, chosen, question, array, limit, where)

    async def query_each(
        self,
        table: Table,
        starts: Mapping[str, Mapping[str, Any] | None],
        *,
        index: str | None = None,
        sort: SortRange | None = None,
        limit: int = 100,
        descending: bool = False,
        where: Condition | None = None,
    ) -> list[Page]:
        check_queries(starts)
        chosen = None if index is None else table.index(index)
        questions = []
        for partition, after in starts.items():
            check_query(table, chosen, partition, sort, limit, after, where)
            questions.append(self._select(table, chosen, partition, sort, limit, after, descending=descending))
        arrays = await self._readers.submit(
            lambda connection: [read_array(connection, question) for question in questions]
        )
        return [
            self._page(table, chosen, question, array, limit, where)
            for question, array in zip(questions, arrays, strict=True)
        ]

    def _select(
        self,
        table: Table,
        index: Index | None,
        partition: Any,
        sort: SortRange | None,
        limit: int,
        after: Mapping[str, Any] | None,
        *,
        descending: bool,
    ) -> Question:
        """For `read_array`: the items of a page and one more."""
        statement = Statement(self._layout(table), index, partition).within(sort).behind(after, descending=descending)
        return statement.items(limit + 1, descending=descending)

    def _page(
        self,
        table: Table,
        index: Index | None,
        question: Question,
        array: bytes,
        limit: int,
        where: Condition | None,
    ) -> Page:
        """Of what was read."""
        array, last = first_of(array, limit)
        last_key = None if last is None else {name: last[name] for name in position_names(table, index)}
        if where is None and not table.ttl:
            return RowPage(question, array, last_key, self._remembered)
        now, items = self._now(), decode_all(array)
        shown = [item for item in items if not expired(table, item, now) and (where is None or holds(where, item))]
        return ItemPage(shown, last_key)

    async def count(
        self, table: Table, partition: Any, *, index: str | None = None, sort: SortRange | None = None, most: int
    ) -> int:
        layout, chosen = self._layout(table), None if index is None else table.index(index)
        check_query(table, chosen, partition, sort, most, None, None)
        sql, values = Statement(layout, chosen, partition).within(sort).alive(self._now()).count(most)

        def work(connection: sqlite3.Connection) -> int:
            number: int = connection.execute(sql, values).fetchone()[0]
            return number

        return await self._readers.submit(work)

    # Writes

    async def put(self, table: Table, item: Attributes, *, condition: Condition | None = None) -> None:
        await self._write(Put(table, item, condition))

    async def update(
        self, table: Table, key: Key, updates: Sequence[Update], *, condition: Condition | None = None
    ) -> Item:
        return _copy((await self._write(Change(table, key, updates, condition))).new or {})

    async def delete(self, table: Table, key: Key, *, condition: Condition | None = None) -> Item | None:
        old = (await self._write(Delete(table, key, condition))).old
        return None if old is None else _copy(old)

    async def _write(self, write: Write) -> Effect:
        effect: Effect = await self._writer.do(Single(self._planned([checked_write(write)])))
        return effect

    async def batch_write(self, table: Table, *, puts: Sequence[Attributes] = (), deletes: Sequence[Key] = ()) -> None:
        writes = checked_batch(table, puts, deletes)
        if writes:
            await self._writer.do(Batch(self._planned(writes)))

    async def transact(self, writes: Sequence[Write], *, token: str | None = None) -> None:
        await self._writer.do(Transaction(self._planned(checked_transaction(writes, token)), token))

    def _planned(self, writes: Sequence[Keyed]) -> list[Planned]:
        layouts = self._layouts
        try:
            return [(layouts[write.table.name], key, write) for key, write in writes]
        except KeyError as unknown:
            raise _no_table(unknown.args[0]) from None

    # Change feed

    async def changes(self, table: Table, position: str | None, *, limit: int = 100) -> FeedPage:
        self._check_feed(table)
        return await self._readers.submit(
            lambda connection: read_changes(connection, table.name, position, limit),
        )

    async def wait_for_change(self, table: Table, position: str | None, *, seconds: float) -> None:
        self._check_feed(table)
        await self._signal.wait(table.name, sequence_of(position), seconds)

    def _check_feed(self, table: Table) -> None:
        if not self._layout(table).table.feed:
            raise ValueError(f"{table.name} has no change feed")

    # Upkeep

    async def ready(self) -> None:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._readers.submit(lambda connection: connection.execute("SELECT 1").fetchone())
        except TimeoutError:
            raise dependency_failed(SERVICE) from None

    async def sweep(self) -> int:
        """Remove what has expired, and what the feed and the tokens need no longer; how many rows went.

        Each batch is one short write, so that others come between.
        """
        removed = 0
        for layout in self._layouts.values():
            if layout.table.ttl:
                removed += await self._sweep_all(Expiry((), layout, SWEEP_BATCH))
        return removed + await self._sweep_all(self._sweep_history)

    async def _sweep_all(self, batch: Expiry | Work[int]) -> int:
        removed, count = 0, 0
        while (count := await self._writer.do(batch)) == SWEEP_BATCH:
            removed += count
        return removed + count

    def _sweep_history(self, connection: sqlite3.Connection) -> int:
        return prune(connection, self._now(), FEED_SECONDS, TOKEN_SECONDS, SWEEP_BATCH)

    async def _sweep_forever(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.sweep()
            except DomainError as error:  # busy or broken: the next round is soon
                _log.warning("sweep failed", extra={"error": error.code})


def _no_table(name: str) -> ValueError:
    return ValueError(f"{name} is no table of this store")


def _copy(item: Item) -> Item:
    """For a caller who may change it: the writer remembers the item."""
    return decode(encode(item))


def _connect_all(path: Path, layouts: Sequence[Layout]) -> tuple[list[sqlite3.Connection], int]:
    """The connections of writer, checkpoints and readers; and the number of the last change."""
    connections = connect_all(path, partial(prepare, layouts=layouts), 1 + READERS)
    try:
        return connections, last_sequence(connections[0])
    except BaseException:
        for connection in connections:
            connection.close()
        raise
