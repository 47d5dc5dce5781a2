"""The record store, with every call counted and timed, and in a span of its own where there are traces."""

import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from datasources.conditions import Condition
from datasources.ports import (
    Attributes,
    ConditionFailed,
    FeedPage,
    Item,
    Key,
    Page,
    RecordStore,
    SortRange,
    TransactionFailed,
    Write,
)
from datasources.tables import Table
from datasources.updates import Update
from domain.errors import Code, DomainError

Observe = Callable[[str, str, float], None]
"""Told of each call: the port's name of it; ok, refused, throttled or failed; seconds."""
Span = Callable[[str, str], AbstractContextManager[object]]
"""A span around a call, by the port's name of it and the table's."""

_Result = TypeVar("_Result")


class ObservedStore:
    """A `RecordStore` around another. Looking into change feeds is not counted: workers do so all the time.

    Args:
        span: None: there are no traces.
    """

    def __init__(self, store: RecordStore, observe: Observe, span: Span | None = None) -> None:
        self._store = store
        self._observe = observe
        self._span = span

    async def _seen(self, operation: str, table: str, call: Awaitable[_Result]) -> _Result:
        began, outcome = time.perf_counter(), "ok"
        try:
            if self._span is None:
                return await call
            with self._span(operation, table):
                return await call
        except (ConditionFailed, TransactionFailed):
            outcome = "refused"
            raise
        except DomainError as error:
            outcome = "throttled" if error.code is Code.THROTTLED else "failed"
            raise
        except Exception:
            outcome = "failed"
            raise
        finally:
            self._observe(operation, outcome, time.perf_counter() - began)

    def get(self, table: Table, key: Key, *, consistent: bool = True) -> Coroutine[Any, Any, Item | None]:
        return self._seen("get", table.name, self._store.get(table, key, consistent=consistent))

    def batch_get(
        self, table: Table, keys: Sequence[Key], *, consistent: bool = True
    ) -> Coroutine[Any, Any, list[Item | None]]:
        return self._seen("batch_get", table.name, self._store.batch_get(table, keys, consistent=consistent))

    def query(
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
    ) -> Coroutine[Any, Any, Page]:
        asked = self._store.query(
            table,
            partition,
            index=index,
            sort=sort,
            limit=limit,
            after=after,
            descending=descending,
            where=where,
            consistent=consistent,
        )
        return self._seen("query", table.name, asked)

    def query_each(
        self,
        table: Table,
        starts: Mapping[str, Mapping[str, Any] | None],
        *,
        index: str | None = None,
        sort: SortRange | None = None,
        limit: int = 100,
        descending: bool = False,
        where: Condition | None = None,
    ) -> Coroutine[Any, Any, list[Page]]:
        asked = self._store.query_each(
            table, starts, index=index, sort=sort, limit=limit, descending=descending, where=where
        )
        return self._seen("query_each", table.name, asked)

    def count(
        self, table: Table, partition: Any, *, index: str | None = None, sort: SortRange | None = None, most: int
    ) -> Coroutine[Any, Any, int]:
        asked = self._store.count(table, partition, index=index, sort=sort, most=most)
        return self._seen("count", table.name, asked)

    def put(self, table: Table, item: Attributes, *, condition: Condition | None = None) -> Coroutine[Any, Any, None]:
        return self._seen("put", table.name, self._store.put(table, item, condition=condition))

    def update(
        self, table: Table, key: Key, updates: Sequence[Update], *, condition: Condition | None = None
    ) -> Coroutine[Any, Any, Item]:
        return self._seen("update", table.name, self._store.update(table, key, updates, condition=condition))

    def delete(self, table: Table, key: Key, *, condition: Condition | None = None) -> Coroutine[Any, Any, Item | None]:
        return self._seen("delete", table.name, self._store.delete(table, key, condition=condition))

    def batch_write(
        self, table: Table, *, puts: Sequence[Attributes] = (), deletes: Sequence[Key] = ()
    ) -> Coroutine[Any, Any, None]:
        return self._seen("batch_write", table.name, self._store.batch_write(table, puts=puts, deletes=deletes))

    def transact(self, writes: Sequence[Write], *, token: str | None = None) -> Coroutine[Any, Any, None]:
        table = writes[0].table.name if writes else "-"
        return self._seen("transact", table, self._store.transact(writes, token=token))

    async def changes(self, table: Table, position: str | None, *, limit: int = 100) -> FeedPage:
        return await self._store.changes(table, position, limit=limit)

    async def wait_for_change(self, table: Table, position: str | None, *, seconds: float) -> None:
        await self._store.wait_for_change(table, position, seconds=seconds)

    async def ready(self) -> None:
        await self._store.ready()
