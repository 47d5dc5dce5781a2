"""The Redis (Valkey) that carries events between tasks. Nothing is kept there."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_secretsmanager as secrets
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.environments import Environment
from infra.stacks.base import EnvironmentStack
from infra.stacks.network import NetworkStack
from infra.stacks.secrets import SecretsStack

PORT = 6380


class CacheStack(EnvironmentStack):
    """Offers the `security_group` of the nodes, and `url`, the secret that holds REDIS_URL."""

    def __init__(self, scope: Construct, environment: Environment, network: NetworkStack, known: SecretsStack) -> None:
        super().__init__(scope, "cache", environment)
        self.security_group = ec2.SecurityGroup(
            self, "Nodes", vpc=network.vpc, description="Nodes of the cache", allow_all_outbound=False
        )
        subnets = elasticache.CfnSubnetGroup(
            self,
            "Subnets",
            description="Private subnets",
            subnet_ids=network.vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS).subnet_ids,
        )
        password = known.cache.secret_value.unsafe_unwrap()  # a reference that CloudFormation resolves, not the value
        group = elasticache.CfnReplicationGroup(
            self,
            "Events",
            replication_group_description=f"Events of {environment.prefix}api",
            engine="valkey",
            engine_version="8.0",
            cache_node_type=environment.cache_node,
            num_cache_clusters=2,
            automatic_failover_enabled=True,
            multi_az_enabled=True,
            auto_minor_version_upgrade=True,
            cache_subnet_group_name=subnets.ref,
            security_group_ids=[self.security_group.security_group_id],
            port=PORT,
            at_rest_encryption_enabled=True,
            kms_key_id=known.key.key_id,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            auth_token=password,
        )
        address = f"{group.attr_primary_end_point_address}:{PORT}"
        self.url = secrets.Secret(
            self,
            "Url",
            secret_name=f"{environment.prefix}redis-url",
            encryption_key=known.key,
            secret_string_value=cdk.SecretValue.unsafe_plain_text(f"rediss://:{password}@{address}"),
            removal_policy=self.removal,
        )
        acknowledge(self.url, "SMG4", "It is made of the cache's secret and follows it.")
