"""The buckets of the files, as the settings name them."""

from app.settings import Settings
from datasources.aws.buckets import Buckets


def s3_buckets(settings: Settings) -> Buckets:
    others = dict(each.split("=", 1) for each in settings.s3_buckets)
    return Buckets(settings.s3_bucket or "", settings.s3_prefix, others)
