"""The tables, made from the product's own definitions."""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from datasources.tables import ALL, Index, KeyType, Table
from infra.environments import Environment
from infra.stacks.base import EnvironmentStack

USED_PERCENT = 70
"""Of provisioned capacity, where scaling aims."""


class DataStack(EnvironmentStack):
    """Offers `tables` by their names in datasources/tables.py, the `key` that encrypts them, and the `prefix` of their
    names."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        super().__init__(scope, "data", environment)
        self.prefix = environment.prefix
        self.key = kms.Key(self, "Key", description="Records", enable_key_rotation=True, removal_policy=self.removal)
        self.tables = {table.name: self._table(table) for table in ALL}

    def _table(self, table: Table) -> dynamodb.TableV2:
        made = dynamodb.TableV2(
            self,
            table.name,
            table_name=f"{self.prefix}{table.name}",
            partition_key=_attribute(table.partition),
            sort_key=_attribute(table.sort) if table.sort else None,
            global_secondary_indexes=[self._index(index) for index in table.indexes] or None,
            billing=self._billing(),
            dynamo_stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if table.feed else None,
            time_to_live_attribute="ttl" if table.ttl else None,
            encryption=self._encryption(),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            replicas=[dynamodb.ReplicaTableProps(region=each.region) for each in self.settings.replicas] or None,
            deletion_protection=self.settings.keeps_data,
            removal_policy=self.removal,
        )
        cdk.Tags.of(made).add("Backup", "daily")
        return made

    def _encryption(self) -> dynamodb.TableEncryptionV2:
        keys = {each.region: each.key_arn for each in self.settings.replicas}
        return dynamodb.TableEncryptionV2.customer_managed_key(self.key, keys or None)

    def _billing(self) -> dynamodb.Billing:
        scaled = self._scaled()
        if scaled is None:
            return dynamodb.Billing.on_demand()
        return dynamodb.Billing.provisioned(read_capacity=scaled, write_capacity=scaled)

    def _scaled(self) -> dynamodb.Capacity | None:
        """None on demand."""
        bounds = self.settings.table_capacity
        if bounds is None:
            return None
        return dynamodb.Capacity.autoscaled(
            min_capacity=bounds.least, max_capacity=bounds.most, target_utilization_percent=USED_PERCENT
        )

    def _index(self, index: Index) -> dynamodb.GlobalSecondaryIndexPropsV2:
        shown = index.include
        scaled = self._scaled()
        return dynamodb.GlobalSecondaryIndexPropsV2(
            index_name=index.name,
            partition_key=_attribute(index.partition),
            sort_key=_attribute(index.sort, index.sort_type) if index.sort else None,
            projection_type=dynamodb.ProjectionType.ALL if shown is None else dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=None if shown is None else list(shown),
            read_capacity=scaled,
            write_capacity=scaled,
        )


def _attribute(name: str, kind: KeyType = "S") -> dynamodb.Attribute:
    types = {"S": dynamodb.AttributeType.STRING, "N": dynamodb.AttributeType.NUMBER}
    return dynamodb.Attribute(name=name, type=types[kind])
