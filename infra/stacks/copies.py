"""What is kept in another region: the vault to which backups are copied, and a copy of every lasting file."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.buckets import sealed_bucket
from infra.environments import Environment
from infra.names import copy_bucket, copy_key_alias
from infra.stacks.backup import make_vault
from infra.stacks.base import EnvironmentStack
from infra.stacks.storage import LEFT_OPEN_DAYS, OLD_VERSION_DAYS, PURPOSES


class CopiesStack(EnvironmentStack):
    """In the environment's `copy_region`. Other stacks know what is in it by its names: they are in another region."""

    def __init__(self, scope: Construct, environment: Environment, region: str) -> None:
        super().__init__(scope, "copies", environment, region=region)
        make_vault(self)
        key = kms.Key(
            self,
            "Key",
            alias=copy_key_alias(environment),
            description="Copies of files",
            enable_key_rotation=True,
            removal_policy=self.removal,
        )
        for name, purpose in PURPOSES.items():
            if purpose.lasting:
                self._bucket(name, key)

    def _bucket(self, name: str, key: kms.Key) -> None:
        bucket = sealed_bucket(
            self,
            name,
            key,
            bucket_name=copy_bucket(self, self.settings, name),
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    transitions=[
                        s3.Transition(
                            storage_class=s3.StorageClass.GLACIER_INSTANT_RETRIEVAL,
                            transition_after=cdk.Duration.days(0),
                        )
                    ],
                    noncurrent_version_expiration=cdk.Duration.days(OLD_VERSION_DAYS),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(LEFT_OPEN_DAYS),
                )
            ],
            removal_policy=self.removal,
        )
        acknowledge(bucket, "S1", "S3 alone writes here, and nobody reads before a disaster; CloudTrail tells of both.")
