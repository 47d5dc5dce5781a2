"""The buckets, each for one purpose. None is public, all speak TLS only, all are encrypted."""

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from domain import file_keys
from infra.acknowledgements import acknowledge
from infra.buckets import sealed_bucket
from infra.environments import Environment
from infra.names import copy_bucket, copy_key_alias
from infra.rights import Right, give
from infra.stacks.base import EnvironmentStack

FILE_ACTIONS = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:GetObjectTagging",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
)
BUCKET_ACTIONS = ("s3:ListBucket", "s3:ListBucketMultipartUploads")
CHIME = "mediapipelines.chime.amazonaws.com"
LEFT_OPEN_DAYS = 7
OLD_VERSION_DAYS = 30
BACKUP_DAYS = 365


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """What a bucket of files is for.

    Attributes:
        prefixes: of the keys of the files that belong there.
        written, read: by clients' browsers, which so need CORS.
        days: after which files go by themselves, whatever the workers did; None keeps them.
        lasting: versions are kept for a while, backups and copies are made, and what is rarely read gets cheaper.
    """

    prefixes: tuple[str, ...]
    written: bool = False
    read: bool = True
    days: int | None = None
    lasting: bool = False


PURPOSES = {
    "Arriving": Purpose(prefixes=(file_keys.INCOMING,), written=True, read=False, days=8),
    "Media": Purpose(prefixes=(file_keys.MEDIA,), lasting=True),
    "Documents": Purpose(prefixes=(file_keys.DOCUMENTS,), lasting=True),
    "Recordings": Purpose(prefixes=(file_keys.RECORDINGS,), lasting=True),
    "Faces": Purpose(prefixes=(file_keys.FACES,), read=False, days=1),
    "Exports": Purpose(prefixes=(file_keys.EXPORTS,), days=8),
}


class StorageStack(EnvironmentStack):
    """Offers buckets and keys.

    Attributes:
        files: the bucket of each of PURPOSES.
        key, face_key: encrypt them; images of faces have their own.
        backups: for what `python -m app backup` writes, and for exports of tables.
        logs: access logs of buckets, load balancers and distributions.
    """

    def __init__(self, scope: Construct, environment: Environment) -> None:
        super().__init__(scope, "storage", environment)
        self.key = kms.Key(self, "Key", description="Files", enable_key_rotation=True, removal_policy=self.removal)
        self.face_key = kms.Key(
            self, "FaceKey", description="Images of faces", enable_key_rotation=True, removal_policy=self.removal
        )
        self.logs = self._log_bucket()
        self.backups = self._backup_bucket()
        self._copier = self._copying_role() if environment.copy_region else None
        self.files = {name: self._bucket(name, purpose) for name, purpose in PURPOSES.items()}
        self._admit_chime(self.files["Recordings"])

    @property
    def server_settings(self) -> dict[str, str]:
        """The settings that tell the server of the buckets; see docs/settings.md."""
        others = [
            f"{prefix}={self.files[name].bucket_name}"
            for name, purpose in PURPOSES.items()
            if name != "Media"
            for prefix in purpose.prefixes
        ]
        return {
            "BLOBS": "s3",
            "S3_BUCKET": self.files["Media"].bucket_name,
            "S3_BUCKETS": ",".join(others),
            "S3_ACCELERATION": "true" if self.settings.accelerated_uploads else "false",
        }

    def _log_bucket(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Logs",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,  # the services that deliver logs can use no key of ours
            enforce_ssl=True,
            minimum_tls_version=1.2,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_PREFERRED,  # CloudFront delivers with an ACL
            lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(max(90, self.settings.log_days)))],
            removal_policy=self.removal,
            **self._locked(),
        )
        foreign = {"StringNotEquals": {"aws:SourceAccount": self.account}}
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                principals=[iam.ServicePrincipal("logging.s3.amazonaws.com")],
                actions=["s3:PutObject"],
                resources=[bucket.arn_for_objects("*")],
                conditions=foreign,
            )
        )
        acknowledge(bucket, "S1", "It is where access logs go; logging its own would never end.")
        return bucket

    def _backup_bucket(self) -> s3.Bucket:
        return sealed_bucket(
            self,
            "Backups",
            self.key,
            versioned=True,
            server_access_logs_bucket=self.logs,
            server_access_logs_prefix="backups/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    transitions=[_to(s3.StorageClass.GLACIER_INSTANT_RETRIEVAL, days=30)],
                    expiration=cdk.Duration.days(BACKUP_DAYS),
                    noncurrent_version_expiration=cdk.Duration.days(OLD_VERSION_DAYS),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(LEFT_OPEN_DAYS),
                )
            ],
            removal_policy=self.removal,
            **self._locked(),
        )

    def _locked(self) -> dict[str, object]:
        days = self.settings.object_lock_days
        if days is None:
            return {}
        return {"object_lock_default_retention": s3.ObjectLockRetention.governance(cdk.Duration.days(days))}

    def _bucket(self, name: str, purpose: Purpose) -> s3.Bucket:
        bucket = sealed_bucket(
            self,
            name,
            self.face_key if name == "Faces" else self.key,
            versioned=purpose.lasting,
            transfer_acceleration=self.settings.accelerated_uploads and (purpose.written or purpose.read),
            server_access_logs_bucket=self.logs,
            server_access_logs_prefix=f"{name.lower()}/",
            cors=self._cors(purpose),
            replication_rules=self._copied(name) if purpose.lasting else None,
            replication_role=self._copier if purpose.lasting else None,
            lifecycle_rules=[_lifecycle(purpose)],
            removal_policy=self.removal,
        )
        # GuardDuty hears of new files so. CDK's own switch would bring a function to turn it.
        notices = {"EventBridgeConfiguration": {"EventBridgeEnabled": self.settings.malware_scans}}
        bucket.node.default_child.add_property_override("NotificationConfiguration", notices)
        if purpose.lasting and self._copier:
            self._let_copy(self._copier, bucket, name)
        if purpose.lasting:
            cdk.Tags.of(bucket).add("Backup", "daily")
        return bucket

    def _cors(self, purpose: Purpose) -> list[s3.CorsRule] | None:
        methods = [s3.HttpMethods.GET, s3.HttpMethods.HEAD] if purpose.read else []
        if purpose.written:
            methods.append(s3.HttpMethods.PUT)
        if not methods:
            return None
        return [
            s3.CorsRule(
                allowed_methods=methods,
                allowed_origins=list(self.settings.web_origins),
                allowed_headers=["*"],
                exposed_headers=["ETag"],  # of which a client of uploads makes the list of parts
                max_age=3_600,
            )
        ]

    def _copying_role(self) -> iam.Role:
        """With which S3 copies files to the copies stack of another region."""
        role = iam.Role(self, "Copier", assumed_by=iam.ServicePrincipal("s3.amazonaws.com"))
        self.key.grant_decrypt(role)
        there = self.format_arn(service="kms", region=self.settings.copy_region, resource="key", resource_name="*")
        alias = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": copy_key_alias(self.settings)}}
        why = "The one key there with the alias in the condition; its id is known after it was made."
        give(role, [Right(["kms:Encrypt"], [there], why, conditions=alias)])
        return role

    def _let_copy(self, role: iam.Role, bucket: s3.Bucket, name: str) -> None:
        copies = self.format_arn(
            service="s3", region="", account="", resource=copy_bucket(self, self.settings, name), resource_name="*"
        )
        versions = ["s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging"]
        every = "Every file of the bucket is copied."
        rights = (
            Right(["s3:GetReplicationConfiguration", "s3:ListBucket"], [bucket.bucket_arn]),
            Right(versions, [bucket.arn_for_objects("*")], every),
            Right(["s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"], [copies], every),
        )
        give(role, rights)

    def _copied(self, name: str) -> list[s3.ReplicationRule] | None:
        region = self.settings.copy_region
        if region is None:
            return None
        alias = copy_key_alias(self.settings)
        key_arn = self.format_arn(service="kms", region=region, resource=alias)
        return [
            s3.ReplicationRule(
                destination=s3.Bucket.from_bucket_name(self, f"{name}Copies", copy_bucket(self, self.settings, name)),
                kms_key=kms.Key.from_key_arn(self, f"{name}CopiesKey", key_arn),
                sse_kms_encrypted_objects=True,
                delete_marker_replication=True,
            )
        ]

    def _admit_chime(self, bucket: s3.Bucket) -> None:
        """To put what it records, and to read it when it joins the pieces."""
        service = iam.ServicePrincipal(CHIME, conditions={"StringEquals": {"aws:SourceAccount": self.account}})
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[service],
                actions=["s3:GetObject", "s3:PutObject", "s3:PutObjectAcl"],
                resources=[bucket.arn_for_objects(f"{file_keys.RECORDINGS}*")],
            )
        )
        bucket.add_to_resource_policy(
            iam.PolicyStatement(principals=[service], actions=["s3:ListBucket"], resources=[bucket.bucket_arn])
        )
        self.key.grant(service, "kms:Decrypt", "kms:GenerateDataKey")


def _lifecycle(purpose: Purpose) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        abort_incomplete_multipart_upload_after=cdk.Duration.days(LEFT_OPEN_DAYS),
        expiration=None if purpose.days is None else cdk.Duration.days(purpose.days),
        transitions=[_to(s3.StorageClass.INTELLIGENT_TIERING, days=0)] if purpose.lasting else None,
        noncurrent_version_expiration=cdk.Duration.days(OLD_VERSION_DAYS) if purpose.lasting else None,
    )


def _to(kind: s3.StorageClass, *, days: int) -> s3.Transition:
    return s3.Transition(storage_class=kind, transition_after=cdk.Duration.days(days))
