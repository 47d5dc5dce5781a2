"""Whole tables, read and written past `RecordStore`, which has no way to do so: for backups alone.

A client of its own says in its user agent that it is a backup, so that DynamoDB's logs tell it from the product,
which never scans a table.
"""

import asyncio
import gzip
import itertools
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aioboto3
import msgspec

from datasources.aws.attributes import Wire, from_wire, to_wire
from datasources.aws.dynamodb import aws_client
from datasources.aws.dynamodb_calls import SERVICE, pause, send
from datasources.ports import MAX_BATCH_WRITE, Item
from datasources.tables import Table
from domain.errors import dependency_failed

USER_AGENT = "educonnect-backup"
CAPACITY = 500.0
"""Units a second that reading or writing may take, unless told otherwise."""
_PAGE = 500
_STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
_STREAM_SECONDS = 120.0
_POLL_SECONDS = 0.5


class _Line(msgspec.Struct):
    """A line of DynamoDB's own export format, DYNAMODB_JSON."""

    Item: dict[str, Wire]


class TableCopies:
    """Reads and writes whole tables.

    Args:
        capacity: units a second that it takes at most.
    """

    def __init__(self, client: Any, prefix: str, capacity: float) -> None:
        self._client = client
        self._prefix = prefix
        self._capacity = capacity

    async def items(self, table: Table) -> AsyncIterator[list[Item]]:
        """All items of a table, a page at a time, in no order. Not of one moment: others write meanwhile.

        Raises:
            DomainError: THROTTLED, DEPENDENCY_FAILED.
        """
        request: dict[str, Any] = {
            "TableName": self._prefix + table.name,
            "Limit": _PAGE,
            "ConsistentRead": True,
            "ReturnConsumedCapacity": "TOTAL",
        }
        while True:
            answer = await send(self._client, "scan", repeatable=True, **request)
            yield [from_wire(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            await self._rest(answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0))

    async def is_empty(self, table: Table) -> bool:
        name = self._prefix + table.name
        answer = await send(self._client, "scan", repeatable=True, TableName=name, Limit=1)
        return not answer["Items"]

    async def write(self, table: Table, items: Sequence[Item]) -> None:
        """Puts items, replacing those with their keys; may be repeated."""
        left = iter(items)
        while some := list(itertools.islice(left, MAX_BATCH_WRITE)):
            requests = [{"PutRequest": {"Item": to_wire(item)}} for item in some]
            pending = {self._prefix + table.name: requests}
            attempt = 0
            while pending:
                answer = await send(
                    self._client,
                    "batch_write_item",
                    repeatable=True,
                    RequestItems=pending,
                    ReturnConsumedCapacity="TOTAL",
                )
                pending = answer.get("UnprocessedItems") or {}
                await self._rest(sum(each.get("CapacityUnits", 0) for each in answer.get("ConsumedCapacity", ())))
                if pending:
                    attempt += 1
                    await pause(attempt)

    async def _rest(self, units: float) -> None:
        await asyncio.sleep(units / self._capacity)

    async def stream(self, table: Table, *, on: bool) -> None:
        """Ends or begins the table's change feed, so that it tells nothing of what is written between.

        Raises:
            DomainError: DEPENDENCY_FAILED, when it takes more than two minutes.
        """
        specification = _STREAM if on else {"StreamEnabled": False}
        if await self._has_stream(table) == on:
            return
        name = self._prefix + table.name
        await send(self._client, "update_table", repeatable=False, TableName=name, StreamSpecification=specification)
        try:
            async with asyncio.timeout(_STREAM_SECONDS):
                while await self._has_stream(table) != on or not await self._is_active(table):  # noqa: ASYNC110 - AWS has no event to wait for
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise dependency_failed(SERVICE) from None

    async def _has_stream(self, table: Table) -> bool:
        described = await self._described(table)
        return bool(described.get("StreamSpecification", {}).get("StreamEnabled"))

    async def _is_active(self, table: Table) -> bool:
        return (await self._described(table)).get("TableStatus") == "ACTIVE"

    async def _described(self, table: Table) -> dict[str, Any]:
        answer = await send(self._client, "describe_table", repeatable=True, TableName=self._prefix + table.name)
        described: dict[str, Any] = answer["Table"]
        return described


@asynccontextmanager
async def open_table_copies(
    *,
    region: str,
    prefix: str,
    endpoint_url: str | None = None,
    session: aioboto3.Session | None = None,
    capacity: float = CAPACITY,
) -> AsyncIterator[TableCopies]:
    """Of the tables whose names begin with `prefix`, until the context ends."""
    async with aws_client(
        "dynamodb", region=region, endpoint_url=endpoint_url, session=session, user_agent=USER_AGENT
    ) as client:
        yield TableCopies(client, prefix, capacity)


async def export(path: Path, pages: AsyncIterator[list[Item]]) -> int:
    """A table's items as compressed lines of DynamoDB's export format, which its import takes too; how many."""
    number = 0
    with gzip.open(path, "wb", compresslevel=6) as file:
        async for page in pages:
            lines = b"".join(msgspec.json.encode(_Line(to_wire(item))) + b"\n" for item in page)
            await asyncio.to_thread(file.write, lines)
            number += len(page)
    return number


def exported(path: Path, size: int = _PAGE) -> Iterator[list[Item]]:
    """The items of such a file, some at a time. Blocks. Raises ValueError when it is none."""
    decoder = msgspec.json.Decoder(_Line)
    try:
        with gzip.open(path, "rb") as file:
            lines: Iterable[bytes] = file
            items = (from_wire(decoder.decode(line).Item) for line in lines)
            while page := list(itertools.islice(items, size)):
                yield page
    except (msgspec.MsgspecError, EOFError, gzip.BadGzipFile) as error:
        raise ValueError(f"{path.name} is damaged") from error
