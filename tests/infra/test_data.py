"""The tables of the templates are the product's tables, and nothing of them can be lost by a slip."""

from typing import Any

import pytest

from app.tables import definition
from datasources.tables import ALL, Table
from tests.infra.templates import Deployed, Resource

TABLE = "AWS::DynamoDB::GlobalTable"


def name_of(deployed: Deployed, table: Table) -> str:
    return f"educonnect-{deployed.environment}-{table.name}"


def found(deployed: Deployed) -> dict[str, Resource]:
    return {each.properties["TableName"]: each for each in deployed.resources(TABLE)}


def here(table: Resource) -> dict[str, Any]:
    """What is said of the environment's own region."""
    [replica] = [each for each in table.properties["Replicas"] if each["Region"] == "eu-central-1"]
    return dict(replica)


@pytest.mark.requirement("K28")
def test_there_is_a_table_for_each_definition_and_no_other(deployed: Deployed) -> None:
    assert set(found(deployed)) == {name_of(deployed, table) for table in ALL}


@pytest.mark.requirement("K28")
@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_keys_indexes_streams_and_billing_are_those_of_the_definition(deployed: Deployed, table: Table) -> None:
    made = found(deployed)[name_of(deployed, table)].properties
    told = definition(name_of(deployed, table), table)
    for aspect in ("BillingMode", "KeySchema"):
        assert made[aspect] == told[aspect]
    assert by(made["AttributeDefinitions"], "AttributeName") == by(told["AttributeDefinitions"], "AttributeName")
    indexes, told_indexes = made.get("GlobalSecondaryIndexes", []), told.get("GlobalSecondaryIndexes", [])
    assert by(indexes, "IndexName") == by(told_indexes, "IndexName")
    stream = {"StreamViewType": "NEW_AND_OLD_IMAGES"} if table.feed else None
    assert made.get("StreamSpecification") == stream
    ttl = {"AttributeName": "ttl", "Enabled": True} if table.ttl else None
    assert made.get("TimeToLiveSpecification") == ttl


def by(listed: list[dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    return {each[name]: each for each in listed}


@pytest.mark.requirement("E51", "Y10", "C31", "K94")
def test_every_table_can_be_brought_back_to_any_second_of_35_days(deployed: Deployed) -> None:
    for table in deployed.resources(TABLE):
        assert here(table)["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True, table


@pytest.mark.requirement("E51", "K28")
def test_tables_with_a_feed_have_a_stream_with_both_images(prod: Deployed) -> None:
    feeds = {name_of(prod, table) for table in ALL if table.feed}
    streams = {name for name, each in found(prod).items() if "StreamSpecification" in each.properties}
    assert feeds
    assert streams == feeds


@pytest.mark.requirement("C27", "Y24")
def test_what_expires_costs_nothing_after_it(prod: Deployed) -> None:
    expiring = {name for name, each in found(prod).items() if "TimeToLiveSpecification" in each.properties}
    assert expiring == {name_of(prod, table) for table in ALL if table.ttl}


@pytest.mark.requirement("E40", "V12", "K75")
def test_every_table_is_encrypted_with_a_key_of_ours(deployed: Deployed) -> None:
    [key] = deployed.resources("AWS::KMS::Key", stack="data")
    for table in deployed.resources(TABLE):
        assert table.properties["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
        assert here(table)["SSESpecification"]["KMSMasterKeyId"] == {"Fn::GetAtt": [key.name, "Arn"]}


@pytest.mark.requirement("V35", "E58")
@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_no_table_goes_with_its_stack(synthesized_environments: dict[str, Deployed], environment: str) -> None:
    for table in synthesized_environments[environment].resources(TABLE):
        assert here(table)["DeletionProtectionEnabled"] is True, table
        assert table.body["DeletionPolicy"] == table.body["UpdateReplacePolicy"] == "Retain", table


@pytest.mark.requirement("E66", "V40", "C23", "C27", "Y10", "Y23", "Y24")
def test_tables_are_paid_by_request(deployed: Deployed) -> None:
    assert {each.properties["BillingMode"] for each in deployed.resources(TABLE)} == {"PAY_PER_REQUEST"}


@pytest.mark.requirement("E66", "K88", "K93", "C23", "K28")
@pytest.mark.parametrize("option", ["scaled"], indirect=True)
def test_as_an_option_tables_and_indexes_have_capacity_that_scales(option: Deployed) -> None:
    tables = option.resources(TABLE)
    assert len(tables) == len(ALL)
    for table in tables:
        assert table.properties["BillingMode"] == "PROVISIONED"
        reading = [here(table), *here(table).get("GlobalSecondaryIndexes", [])]
        writing = [table.properties, *table.properties.get("GlobalSecondaryIndexes", [])]
        scaled = [each["ReadProvisionedThroughputSettings"]["ReadCapacityAutoScalingSettings"] for each in reading]
        scaled += [each["WriteProvisionedThroughputSettings"]["WriteCapacityAutoScalingSettings"] for each in writing]
        for each in scaled:
            assert (each["MinCapacity"], each["MaxCapacity"]) == (5, 500)
            assert each["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 70


@pytest.mark.requirement("K90", "C31", "Y21", "K95")
@pytest.mark.parametrize("option", ["global"], indirect=True)
def test_as_an_option_tables_are_in_several_regions(option: Deployed) -> None:
    for table in option.resources(TABLE):
        [there] = [each for each in table.properties["Replicas"] if each["Region"] == "eu-west-1"]
        assert there["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
        assert there["DeletionProtectionEnabled"] is True
        assert there["SSESpecification"]["KMSMasterKeyId"].startswith("arn:aws:kms:eu-west-1:")
