"""Make the tables of `datasources/tables.py` on any DynamoDB endpoint."""

import asyncio
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from datasources.tables import ALL, Index, Table

WAIT_SECONDS = 120.0
_POLL_SECONDS = 0.5
_STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


async def missing_tables(client: Any, prefix: str, tables: Sequence[Table] = ALL) -> list[str]:
    """Full names of declared tables that do not exist, in their declared order.

    Args:
        client: aioboto3's low-level DynamoDB client.
    """
    names = [prefix + table.name for table in tables]
    return [name for name in names if await _description(client, name) is None]


async def create_tables(client: Any, prefix: str, tables: Sequence[Table] = ALL) -> list[str]:
    """Create what is missing and wait until all is usable; full names of the tables created.

    On demand, with point-in-time recovery, a TTL and a stream where declared. May be run again: settings of
    tables that exist are completed, keys and indexes of theirs are left as they are.

    Raises:
        TimeoutError: a table is not usable within two minutes.
        ClientError: DynamoDB refuses.
    """
    created = [prefix + table.name for table in tables if await _create(client, prefix + table.name, table)]
    async with asyncio.timeout(WAIT_SECONDS):
        for table in tables:
            await _wait_until_active(client, prefix + table.name)
            await _complete(client, prefix + table.name, table)
    return created


async def _create(client: Any, name: str, table: Table) -> bool:
    try:
        await client.create_table(**definition(name, table))
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceInUseException":  # it exists
            return False
        raise
    return True


def definition(name: str, table: Table) -> dict[str, Any]:
    """CreateTable's parameters."""
    kinds: dict[str, str] = dict.fromkeys(table.key_names, "S")
    for index in table.indexes:
        kinds[index.partition] = "S"
        if index.sort:
            kinds[index.sort] = index.sort_type
    request: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": attribute, "AttributeType": kind} for attribute, kind in kinds.items()
        ],
        "KeySchema": _key_schema(table.partition, table.sort),
    }
    if table.indexes:
        request["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index.name,
                "KeySchema": _key_schema(index.partition, index.sort),
                "Projection": _projection(index),
            }
            for index in table.indexes
        ]
    if table.feed:
        request["StreamSpecification"] = _STREAM
    return request


def _projection(index: Index) -> dict[str, Any]:
    if index.include is None:
        return {"ProjectionType": "ALL"}
    return {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.include)}


def _key_schema(partition: str, sort: str | None) -> list[dict[str, str]]:
    schema = [{"AttributeName": partition, "KeyType": "HASH"}]
    if sort:
        schema.append({"AttributeName": sort, "KeyType": "RANGE"})
    return schema


async def _wait_until_active(client: Any, name: str) -> None:
    while not _is_active(await _description(client, name)):  # noqa: ASYNC110 - AWS has no event to wait for
        await asyncio.sleep(_POLL_SECONDS)


def _is_active(description: dict[str, Any] | None) -> bool:
    if description is None:
        return False
    parts = [description["TableStatus"], *(i["IndexStatus"] for i in description.get("GlobalSecondaryIndexes", ()))]
    return set(parts) == {"ACTIVE"}


async def _description(client: Any, name: str) -> dict[str, Any] | None:
    try:
        answer = await client.describe_table(TableName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    description: dict[str, Any] = answer["Table"]
    return description


async def _complete(client: Any, name: str, table: Table) -> None:
    """What CreateTable cannot say, or an earlier release did not."""
    description = await _description(client, name)
    if table.feed and description is not None and not description.get("StreamSpecification", {}).get("StreamEnabled"):
        await client.update_table(TableName=name, StreamSpecification=_STREAM)
    if table.ttl:
        current = (await client.describe_time_to_live(TableName=name))["TimeToLiveDescription"]
        if current["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
            specification = {"Enabled": True, "AttributeName": "ttl"}
            await client.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)
    backups = (await client.describe_continuous_backups(TableName=name))["ContinuousBackupsDescription"]
    if backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") != "ENABLED":
        recovery = {"PointInTimeRecoveryEnabled": True}
        await client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
