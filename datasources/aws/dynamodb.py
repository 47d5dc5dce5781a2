"""Records in DynamoDB: the `RecordStore` for many machines."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import aioboto3
import msgspec
from botocore.config import Config

from datasources import tables as declared
from datasources.aws.attributes import from_json, from_wire, to_wire
from datasources.aws.dynamodb_calls import SERVICE, Refused, deadline, pause, send
from datasources.aws.dynamodb_client import CONNECT_SECONDS, CONNECTIONS, READ_SECONDS, DynamoDBClient, open_client
from datasources.aws.dynamodb_feed import Feed
from datasources.aws.expressions import (
    KeyCondition,
    Placeholders,
    condition_expression,
    key_condition,
    update_expression,
)
from datasources.conditions import Condition, any_of, greater, not_exists
from datasources.limits import (
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
    query_keys,
)
from datasources.pages import ItemPage
from datasources.ports import (
    Attributes,
    Change,
    Check,
    ConditionFailed,
    Delete,
    FeedPage,
    Item,
    Key,
    Page,
    Put,
    Reason,
    SortRange,
    TransactionFailed,
    Write,
)
from datasources.row_pages import RememberedPages, RowPage
from datasources.tables import Index, Table
from datasources.together import together
from datasources.updates import Update
from datasources.values import item_too_large
from domain.errors import dependency_failed

_CONDITIONAL = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


@asynccontextmanager
async def aws_client(
    service: Literal["dynamodb", "dynamodbstreams"],
    *,
    region: str,
    endpoint_url: str | None = None,
    session: aioboto3.Session | None = None,
    user_agent: str | None = None,
) -> AsyncIterator[Any]:
    """A low-level client, one per process; credentials come from the session, by default AWS's usual chain.

    Args:
        user_agent: what the client calls itself besides, in DynamoDB's logs.
    """
    config = Config(
        user_agent_extra=user_agent,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=CONNECTIONS,
        parameter_validation=False,  # we build the requests; checking their shape again costs as much as sending
        retries={"total_max_attempts": 1, "mode": "standard"},  # `dynamodb_calls` repeats, and knows what is safe
    )
    chosen = session or aioboto3.Session()
    async with chosen.client(service, region_name=region, endpoint_url=endpoint_url, config=config) as client:
        yield client


@asynccontextmanager
async def open_dynamodb(
    *,
    region: str,
    prefix: str,
    endpoint_url: str | None = None,
    session: aioboto3.Session | None = None,
    tables: Sequence[Table] = declared.ALL,
    now: Callable[[], float] = time.time,
) -> "AsyncIterator[DynamoDBStore]":
    """A store over the tables whose names begin with `prefix`.

    Args:
        endpoint_url: None for AWS's own.
        now: epoch seconds.
    """
    chosen = session or aioboto3.Session()
    async with (
        open_client(region=region, endpoint_url=endpoint_url, session=chosen) as client,
        aws_client("dynamodbstreams", region=region, endpoint_url=endpoint_url, session=chosen) as streams,
    ):
        yield DynamoDBStore(client, streams, prefix, tables=tables, now=now)


class DynamoDBStore:
    """A `RecordStore` over our client of DynamoDB and aioboto3's of its streams."""

    def __init__(
        self,
        client: DynamoDBClient,
        streams_client: Any,
        prefix: str,
        *,
        tables: Sequence[Table] = declared.ALL,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._tables = tables
        self._now = now
        self._remembered = RememberedPages(_items, _records, lambda rows: sum(map(len, rows)))
        self._feeds = {table.name: Feed(client, streams_client, prefix, table) for table in tables if table.feed}

    def _name(self, table: Table) -> str:
        return self._prefix + table.name

    async def _send(self, operation: str, *, repeatable: bool, **request: Any) -> dict[str, Any]:
        return await send(self._client, operation, repeatable=repeatable, **request)

    # Reads

    async def get(self, table: Table, key: Key, *, consistent: bool = True) -> Item | None:
        wire = to_wire(checked_key(table, key))
        async with deadline():
            answer = await self._send(
                "get_item", repeatable=True, TableName=self._name(table), Key=wire, ConsistentRead=consistent
            )
        return self._alive(table, from_wire(answer["Item"])) if "Item" in answer else None

    async def batch_get(self, table: Table, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        check_batch_get(keys)
        wanted = [checked_key_values(table, key) for key in keys]
        found: dict[tuple[Any, ...], Item] = {}
        unread = [to_wire(dict(zip(table.key_names, values, strict=True))) for values in dict.fromkeys(wanted)]
        attempt = 0
        async with deadline():
            while unread:
                if attempt:
                    await pause(attempt)
                attempt += 1
                request = {self._name(table): {"Keys": unread, "ConsistentRead": consistent}}
                answer = await self._send("batch_get_item", repeatable=True, RequestItems=request)
                for wire in answer["Responses"].get(self._name(table), ()):
                    item = from_wire(wire)
                    found[tuple(item[name] for name in table.key_names)] = item
                unread = answer.get("UnprocessedKeys", {}).get(self._name(table), {}).get("Keys", [])
        return [self._alive(table, found.get(values)) for values in wanted]

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
        to = Placeholders()
        condition = self._key_condition(table, chosen, partition, sort, to)
        if condition.expression is None:
            return ItemPage([], None)
        request = {
            "ScanIndexForward": not descending,
            "ConsistentRead": index is None if consistent is None else consistent,
            "KeyConditionExpression": condition.expression,
        }
        if where is not None:
            request["FilterExpression"] = condition_expression(where, to)
        request |= to.parameters()
        found, last_key = await self._read_page(table, chosen, condition, request, limit, after)
        if not table.ttl:
            question = (table.name, index, partition, sort, limit, tuple((after or {}).values()), descending)
            return RowPage(question, [bytes(row) for row in found], last_key, self._remembered)
        now = self._now()
        return ItemPage([item for item in map(from_wire, found) if not expired(table, item, now)], last_key)

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
        return await together(
            self.query(
                table, partition, index=index, sort=sort, limit=limit, after=after, descending=descending, where=where
            )
            for partition, after in starts.items()
        )

    def _key_condition(
        self, table: Table, index: Index | None, partition: Any, sort: SortRange | None, to: Placeholders
    ) -> KeyCondition:
        partition_name, sort_name, _ = query_keys(table, index)
        return key_condition((partition_name, partition), sort_name, sort, to)

    async def _read_page(
        self,
        table: Table,
        index: Index | None,
        condition: KeyCondition,
        request: dict[str, Any],
        limit: int,
        after: Mapping[str, Any] | None,
    ) -> tuple[list[Any], Item | None]:
        """Up to `limit` items, however many answers of 1 MB they take, and the position behind them.

        They are in JSON but for tables with `ttl`, of which each has to be looked at. Without a filter one more is
        asked for, to know whether anything follows.
        """
        operation, item_of = ("query", from_wire) if table.ttl else ("query_rows", from_json)
        filtered = "FilterExpression" in request
        found: list[Any] = []
        start = None if after is None else to_wire(after)
        missing = limit if filtered else limit + 1
        sort_name = query_keys(table, index)[1]
        async with deadline():
            while True:
                answer = await self._query(operation, table, index, request | {"Limit": missing}, start)
                kept = read = answer["Items"]
                if condition.excluded:
                    kept = [each for each in read if not condition.excludes(item_of(each), sort_name)]
                found += kept
                missing -= answer["ScannedCount"] - (len(read) - len(kept))
                start = answer.get("LastEvaluatedKey")
                if start is None or missing <= 0:
                    break
        if filtered:
            return found, None if start is None else from_wire(start)
        if len(found) <= limit:
            return found, None
        last = item_of(found[limit - 1])
        return found[:limit], {name: last[name] for name in position_names(table, index)}

    async def _query(
        self, operation: str, table: Table, index: Index | None, request: dict[str, Any], start: dict[str, Any] | None
    ) -> dict[str, Any]:
        if index is not None:
            request = request | {"IndexName": index.name}
        if start is not None:
            request = request | {"ExclusiveStartKey": start}
        return await self._send(operation, repeatable=True, TableName=self._name(table), **request)

    async def count(
        self, table: Table, partition: Any, *, index: str | None = None, sort: SortRange | None = None, most: int
    ) -> int:
        chosen = None if index is None else table.index(index)
        check_query(table, chosen, partition, sort, most, None, None)
        to = Placeholders()
        condition = self._key_condition(table, chosen, partition, sort, to)
        if condition.excluded:  # DynamoDB counts both ends, and only the items tell them apart
            return len((await self.query(table, partition, index=index, sort=sort, limit=most)).items)
        if condition.expression is None:
            return 0
        request: dict[str, Any] = {"KeyConditionExpression": condition.expression, "Select": "COUNT", "Limit": most}
        if table.ttl:
            alive = any_of(not_exists("ttl"), greater("ttl", self._now()))
            request["FilterExpression"] = condition_expression(alive, to)
        request |= to.parameters()
        counted: int = 0
        start = None
        async with deadline():
            while True:
                answer = await self._query("query", table, chosen, request, start)
                counted += answer["Count"]
                start = answer.get("LastEvaluatedKey")
                if start is None or counted >= most:
                    return counted if counted < most else most

    # Writes

    async def put(self, table: Table, item: Attributes, *, condition: Condition | None = None) -> None:
        await self._write("put_item", Put(table, item, condition), repeatable=condition is None)

    async def update(
        self, table: Table, key: Key, updates: Sequence[Update], *, condition: Condition | None = None
    ) -> Item:
        answer = await self._write("update_item", Change(table, key, updates, condition), ReturnValues="ALL_NEW")
        return from_wire(answer.get("Attributes", {}))

    async def delete(self, table: Table, key: Key, *, condition: Condition | None = None) -> Item | None:
        answer = await self._write("delete_item", Delete(table, key, condition), ReturnValues="ALL_OLD")
        return from_wire(answer["Attributes"]) if answer.get("Attributes") else None

    async def _write(self, operation: str, write: Write, *, repeatable: bool = False, **more: Any) -> dict[str, Any]:
        _, checked = checked_write(write)
        _, request = self._request(checked)
        try:
            async with deadline():
                return await self._send(operation, repeatable=repeatable, **request, **more)
        except Refused as refused:
            if refused.code == "ConditionalCheckFailedException":
                item = refused.response.get("Item")
                raise ConditionFailed(from_wire(item) if item else None) from None
            raise dependency_failed(SERVICE) from None

    async def batch_write(self, table: Table, *, puts: Sequence[Attributes] = (), deletes: Sequence[Key] = ()) -> None:
        unwritten: list[dict[str, Any]] = []
        for _, write in checked_batch(table, puts, deletes):
            if isinstance(write, Put):
                unwritten.append({"PutRequest": {"Item": to_wire(write.item)}})
            else:
                unwritten.append({"DeleteRequest": {"Key": to_wire(write.key)}})
        attempt = 0
        async with deadline():
            while unwritten:
                if attempt:
                    await pause(attempt)
                attempt += 1
                request = {self._name(table): unwritten}
                answer = await self._send("batch_write_item", repeatable=True, RequestItems=request)
                unwritten = answer.get("UnprocessedItems", {}).get(self._name(table), [])

    async def transact(self, writes: Sequence[Write], *, token: str | None = None) -> None:
        requests = []
        for _, write in checked_transaction(writes, token):
            action, request = self._request(write)
            requests.append({action: request})
        # With a token DynamoDB does a repeated transaction once, so that a lost answer is no reason to give up.
        token = token or secrets.token_hex(16)
        try:
            async with deadline():
                await self._send(
                    "transact_write_items", repeatable=True, TransactItems=requests, ClientRequestToken=token
                )
        except Refused as refused:
            raise _transaction_error(refused) from None

    def _request(self, write: Write) -> tuple[str, dict[str, Any]]:
        """The write's name in a transaction, and its parameters, which are those of the single operation too."""
        to = Placeholders()
        request: dict[str, Any] = {"TableName": self._name(write.table)}
        match write:
            case Put(_, item):
                action = "Put"
                request["Item"] = to_wire(item)
            case Change(_, key, updates):
                action = "Update"
                request["Key"] = to_wire(key)
                request["UpdateExpression"] = update_expression(updates, to)
            case Delete(_, key):
                action = "Delete"
                request["Key"] = to_wire(key)
            case Check(_, key):
                action = "ConditionCheck"
                request["Key"] = to_wire(key)
        if write.condition is not None:
            request["ConditionExpression"] = condition_expression(write.condition, to)
            request |= _CONDITIONAL
        return action, request | to.parameters()

    # Change feed and state

    async def changes(self, table: Table, position: str | None, *, limit: int = 100) -> FeedPage:
        async with deadline():
            return await self._feed(table).read(position, limit)

    async def wait_for_change(self, table: Table, position: str | None, *, seconds: float) -> None:
        self._feed(table)
        await asyncio.sleep(seconds)  # DynamoDB tells nobody: the feed has to be asked

    def _feed(self, table: Table) -> Feed:
        feed = self._feeds.get(table.name)
        if feed is None:
            raise ValueError(f"{table.name} has no change feed")
        return feed

    async def ready(self) -> None:
        """Raises `Missing`, a DEPENDENCY_FAILED, when the tables are not there."""
        table = self._tables[0]
        await self.get(table, dict.fromkeys(table.key_names, "-"), consistent=False)


def _transaction_error(refused: Refused) -> Exception:
    if refused.code == "IdempotentParameterMismatchException":
        return ValueError("the transaction's token was used for other writes")
    reasons = refused.response.get("CancellationReasons", ())
    if any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
        return TransactionFailed([_reason(reason) for reason in reasons])
    if any("Item size" in (reason.get("Message") or "") for reason in reasons):
        return item_too_large()
    if any((reason.get("Code") or "").startswith("Validation") for reason in reasons):
        return ValueError("DynamoDB finds a write of the transaction invalid")
    return dependency_failed(SERVICE)


def _reason(reason: Mapping[str, Any]) -> Reason | None:
    if reason.get("Code") != "ConditionalCheckFailed":
        return None
    return Reason(from_wire(reason["Item"]) if reason.get("Item") else None)


def _items(rows: list[bytes]) -> list[Item]:
    return [from_json(row) for row in rows]


def _records(kind: type[Any]) -> Callable[[list[bytes]], list[Any]]:
    return lambda rows: msgspec.convert(_items(rows), list[kind])  # type: ignore[valid-type] # known at run time only
