"""The tables, made from the product's own definitions."""

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from datasources.tables import ALL, Table
from infra.environments import Environment
from infra.stacks.base import EnvironmentStack

_TYPES = {"S": dynamodb.AttributeType.STRING, "N": dynamodb.AttributeType.NUMBER}


class DataStack(EnvironmentStack):
    """Offers `tables` by their names in datasources/tables.py, the `key` that encrypts them, and their `prefix`."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        super().__init__(scope, "data", environment)
        self.prefix = environment.prefix
        self.key = kms.Key(self, "Key", description="Records", enable_key_rotation=True, removal_policy=self.removal)
        self.tables = {table.name: self._table(table) for table in ALL}

    def _table(self, table: Table) -> dynamodb.TableV2:
        return dynamodb.TableV2(
            self,
            table.name,
            table_name=f"{self.prefix}{table.name}",
            partition_key=_attribute(table.partition),
            sort_key=_attribute(table.sort) if table.sort else None,
            encryption=dynamodb.TableEncryptionV2.customer_managed_key(self.key),
            removal_policy=self.removal,
        )


def _attribute(name: str, kind: str = "S") -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=_TYPES[kind])
