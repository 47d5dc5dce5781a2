"""Who did what: CloudTrail over all of the account's regions, and over each read and write of a file."""

import aws_cdk as cdk
from aws_cdk import aws_cloudtrail as cloudtrail
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.buckets import sealed_bucket
from infra.environments import Environment
from infra.stacks.base import EnvironmentStack, retention
from infra.stacks.storage import StorageStack

KEPT_DAYS = 365


class AuditStack(EnvironmentStack):
    """A trail, with the data events of the buckets of files, in a bucket of its own."""

    def __init__(self, scope: Construct, environment: Environment, storage: StorageStack) -> None:
        super().__init__(scope, "audit", environment)
        key = kms.Key(self, "Key", description="Audit trail", enable_key_rotation=True, removal_policy=self.removal)
        trail = cloudtrail.Trail(
            self,
            "Trail",
            trail_name=f"{environment.prefix}trail",
            bucket=self._bucket(key, storage.logs),
            encryption_key=key,
            enable_file_validation=True,
            is_multi_region_trail=True,
            include_global_service_events=True,
            send_to_cloud_watch_logs=True,
            cloud_watch_log_group=logs.LogGroup(
                self, "Events", retention=retention(environment.log_days), removal_policy=self.removal
            ),
        )
        trail.add_s3_event_selector(
            [cloudtrail.S3EventSelector(bucket=bucket) for bucket in storage.files.values()],
            include_management_events=True,
        )

    def _bucket(self, key: kms.Key, access_logs: s3.Bucket) -> s3.Bucket:
        return sealed_bucket(
            self,
            "Trails",
            key,
            versioned=True,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix="trails/",
            lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(KEPT_DAYS))],
            removal_policy=self.removal,
        )
