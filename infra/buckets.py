"""What every bucket of ours has that no foreign service writes to."""

from typing import Any

from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct


def sealed_bucket(scope: Construct, name: str, key: kms.IKey, **given: Any) -> s3.Bucket:
    """Never public, without ACLs, encrypted with `key`, over TLS 1.2 only; `given` is what it has besides."""
    return s3.Bucket(
        scope,
        name,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        **given,
    )
