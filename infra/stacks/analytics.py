"""A PostgreSQL for reports, where one is wanted (`analytics_database`). The product itself needs none."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.environments import Environment
from infra.stacks.base import EnvironmentStack, retention
from infra.stacks.network import NetworkStack

PORT = 5433
BACKUP_DAYS = 14


class AnalyticsStack(EnvironmentStack):
    """Offers the `cluster`: a writer and a reader in two zones, which rest when nobody asks."""

    def __init__(self, scope: Construct, environment: Environment, network: NetworkStack) -> None:
        super().__init__(scope, "analytics", environment)
        key = kms.Key(self, "Key", description="Reports", enable_key_rotation=True, removal_policy=self.removal)
        password = rds.DatabaseSecret(self, "Password", username="reports", encryption_key=key)
        acknowledge(password, "SMG4", "People sign in by IAM; the password is for setting the database up.")
        name = f"{environment.prefix}reports"
        log = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/rds/cluster/{name}/postgresql",  # RDS writes to no other name
            retention=retention(environment.log_days),
            removal_policy=self.removal,
        )
        self.cluster = rds.DatabaseCluster(
            self,
            "Reports",
            cluster_identifier=name,
            engine=rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_17_7),
            writer=rds.ClusterInstance.serverless_v2("Writer"),
            readers=[rds.ClusterInstance.serverless_v2("Reader", scale_with_writer=True)],
            serverless_v2_min_capacity=0,
            serverless_v2_max_capacity=4,
            credentials=rds.Credentials.from_secret(password),
            port=PORT,
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            storage_encrypted=True,
            storage_encryption_key=key,
            iam_authentication=True,
            backup=rds.BackupProps(retention=cdk.Duration.days(BACKUP_DAYS)),
            copy_tags_to_snapshot=True,
            cloudwatch_logs_exports=["postgresql"],
            deletion_protection=environment.keeps_data,
            removal_policy=self.removal,
        )
        self.cluster.node.add_dependency(log)
        if not environment.keeps_data:
            acknowledge(self.cluster, "RDS10", "An environment that keeps no data can be taken down whole.")
