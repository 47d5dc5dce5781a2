"""`create_tables` on a DynamoDB endpoint: everything declared is there, and a second run changes nothing."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.tables import create_tables, missing_tables
from datasources.aws.dynamodb import aws_client
from datasources.tables import ALL, ENROLLMENTS, Index, Table
from tests.dynamodb_emulator import REGION, Emulator

TABLES = (
    Table("Plain", "id"),
    Table(
        "Rows", "id", "sk", indexes=(Index("ByTime", "kind", "at", "N"), Index("ByKind", "kind")), ttl=True, feed=True
    ),
)


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[Any]:
    session = emulator.session
    async with aws_client("dynamodb", region=REGION, endpoint_url=emulator.url, session=session) as client:
        yield client
        for name in (await client.list_tables())["TableNames"]:
            if name.startswith("made-"):
                await client.delete_table(TableName=name)


async def test_tables_are_made_as_declared(client: Any) -> None:
    assert await missing_tables(client, "made-", TABLES) == ["made-Plain", "made-Rows"]
    assert await create_tables(client, "made-", TABLES) == ["made-Plain", "made-Rows"]
    assert await missing_tables(client, "made-", TABLES) == []

    rows = (await client.describe_table(TableName="made-Rows"))["Table"]
    assert rows["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert [(key["AttributeName"], key["KeyType"]) for key in rows["KeySchema"]] == [("id", "HASH"), ("sk", "RANGE")]
    assert {(part["AttributeName"], part["AttributeType"]) for part in rows["AttributeDefinitions"]} == {
        ("id", "S"),
        ("sk", "S"),
        ("kind", "S"),
        ("at", "N"),
    }
    indexes = {index["IndexName"]: index for index in rows["GlobalSecondaryIndexes"]}
    assert set(indexes) == {"ByTime", "ByKind"}
    assert all(index["Projection"]["ProjectionType"] == "ALL" for index in indexes.values())
    assert rows["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    ttl = (await client.describe_time_to_live(TableName="made-Rows"))["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}

    plain = (await client.describe_table(TableName="made-Plain"))["Table"]
    assert "StreamSpecification" not in plain
    for name in ("made-Plain", "made-Rows"):
        backups = (await client.describe_continuous_backups(TableName=name))["ContinuousBackupsDescription"]
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


async def test_a_second_run_creates_nothing_and_loses_nothing(client: Any) -> None:
    await create_tables(client, "made-", TABLES)
    await client.put_item(TableName="made-Plain", Item={"id": {"S": "kept"}})
    assert await create_tables(client, "made-", TABLES) == []
    found = await client.get_item(TableName="made-Plain", Key={"id": {"S": "kept"}})
    assert "Item" in found


async def test_a_second_run_completes_what_an_earlier_release_lacked(client: Any) -> None:
    before = Table("Rows", "id", "sk", indexes=TABLES[1].indexes)
    await create_tables(client, "made-", [before])
    assert await create_tables(client, "made-", TABLES) == ["made-Plain"]
    rows = (await client.describe_table(TableName="made-Rows"))["Table"]
    assert rows["StreamSpecification"]["StreamEnabled"] is True
    ttl = (await client.describe_time_to_live(TableName="made-Rows"))["TimeToLiveDescription"]
    assert ttl["TimeToLiveStatus"] == "ENABLED"


def test_every_declared_table_can_be_made() -> None:
    """AWS's own limits, which the emulator does not check."""
    assert len({table.name for table in ALL}) == len(ALL)
    for table in ALL:
        assert len(table.indexes) <= 20
        assert len({index.name for index in table.indexes}) == len(table.indexes)
        kinds: dict[str, set[str]] = {}
        for index in table.indexes:
            kinds.setdefault(index.sort or index.partition, set()).add(index.sort_type if index.sort else "S")
        assert all(len(kind) == 1 for kind in kinds.values()), table.name
    assert ENROLLMENTS.index("WaitlistIndex").sort_type == "N"
