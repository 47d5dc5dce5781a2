"""Files in buckets: the `BlobStore` for many machines, over aioboto3's low-level client.

A bucket keeps all its settings to itself. What this engine expects of them is in docs/operations.md: CORS with ETag
exposed, a rule that ends uploads left open for seven days, no public access.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aioboto3

from datasources.aws.buckets import Buckets
from datasources.aws.s3_calls import Refused, call, client_config, translated
from datasources.aws.s3_copies import copy_object
from datasources.aws.s3_links import Unlike, links_like
from datasources.aws.s3_transfers import download, read_range, upload
from datasources.blob_limits import (
    check_checksum,
    check_keys,
    check_page,
    check_part,
    check_put,
    check_read,
    check_seconds,
    check_type,
    checked_key,
)
from datasources.blob_parts import chosen_parts, whole_checksum
from datasources.blobs import (
    Blob,
    ChecksumRefused,
    ChosenPart,
    NoSuchMultipart,
    OpenMultipart,
    Part,
    PartPage,
    PartsRefused,
    SignedRequest,
)
from datasources.checksums import DEFAULT, joins
from datasources.dispositions import saved_as
from domain.errors import DomainError
from domain.part_plan import MAX_PARTS, MIN_PART_BYTES
from domain.times import later, timestamp
from domain.uploads import Checksum, ChecksumAlgorithm

READY_SECONDS = 2.0
COMPLETE_SECONDS = 120.0
"""S3 may take minutes to join ten thousand parts; it goes on when nobody waits any more."""
_PAGE = 1_000
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
_NO_UPLOAD = frozenset({"NoSuchUpload", "404"})
_ALGORITHMS: tuple[ChecksumAlgorithm, ...] = ("SHA256", "CRC32C", "CRC32", "CRC64NVME")
_MALWARE_TAG = "GuardDutyMalwareScanStatus"


@asynccontextmanager
async def open_s3(
    buckets: Buckets,
    *,
    region: str,
    endpoint_url: str | None = None,
    kms_key: str | None = None,
    acceleration: bool = False,
    min_part_bytes: int = MIN_PART_BYTES,
    session: aioboto3.Session | None = None,
) -> "AsyncIterator[S3Store]":
    """A store over buckets; credentials come from the session, by default AWS's usual chain.

    Args:
        endpoint_url: None for AWS's own.
        kms_key: encrypts what is stored; None for each bucket's own choice.
        acceleration: signed URLs go over S3 Transfer Acceleration, which the buckets have to allow.
        min_part_bytes: of every part but the last; S3's unless an emulator takes small ones.
    """
    chosen = session or aioboto3.Session()
    where: dict[str, Any] = {"region_name": region, "endpoint_url": endpoint_url}
    async with AsyncExitStack() as stack:
        config = client_config(path_style=endpoint_url is not None)
        client = await stack.enter_async_context(chosen.client("s3", **where, config=config))
        links = client
        if acceleration:
            config = client_config(acceleration=True)
            links = await stack.enter_async_context(chosen.client("s3", region_name=region, config=config))
        yield S3Store(client, links, chosen, buckets, kms_key, min_part_bytes)


class S3Store:
    """A `BlobStore` in one bucket or several. Open multiparts come bucket by bucket.

    Args:
        client: makes requests.
        links: signs URLs for others.
        session: aioboto3's, of which both are.
    """

    def __init__(
        self,
        client: Any,
        links: Any,
        session: Any,
        buckets: Buckets,
        kms_key: str | None,
        min_part_bytes: int,
    ) -> None:
        self._client = client
        self._links = links
        self._session = session
        self._buckets = buckets
        self._encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
        self._min_part_bytes = min_part_bytes

    def _at(self, key: str) -> dict[str, str]:
        return self._buckets.at(checked_key(key))

    # Signed requests

    async def sign_put(
        self, key: str, *, size: int, content_type: str, checksum: Checksum | None = None, seconds: int
    ) -> SignedRequest:
        check_put(size, content_type, checksum, seconds)
        request = self._at(key) | self._encryption | _checksum_field(checksum)
        return await self._signed("put_object", request | {"ContentLength": size, "ContentType": content_type}, seconds)

    async def sign_part(
        self, key: str, multipart_id: str, number: int, *, size: int, checksum: Checksum | None = None, seconds: int
    ) -> SignedRequest:
        check_part(number, size, checksum, seconds)
        request = self._at(key) | _checksum_field(checksum)
        part = {"UploadId": multipart_id, "PartNumber": number, "ContentLength": size}
        return await self._signed("upload_part", request | part, seconds)

    async def sign_get(
        self, key: str, *, seconds: int, download_name: str | None = None, content_type: str | None = None
    ) -> str:
        check_seconds(seconds)
        request: dict[str, Any] = self._at(key)
        if download_name is not None:
            request["ResponseContentDisposition"] = saved_as(download_name)
        if content_type is not None:
            check_type(content_type)
            request["ResponseContentType"] = content_type
        return await self._url("get_object", request, seconds)

    async def sign_gets(self, keys: Sequence[str], *, seconds: int) -> list[str]:
        if not keys:
            return []
        first = await self.sign_get(keys[0], seconds=seconds)
        names = [self._at(key)["Key"] for key in keys]
        credentials = await (await self._session.get_credentials()).get_frozen_credentials()
        try:
            return await links_like(first, names[0], names, credentials.secret_key)
        except Unlike:
            return [await self.sign_get(key, seconds=seconds) for key in keys]

    async def _signed(self, operation: str, request: Mapping[str, Any], seconds: int) -> SignedRequest:
        url = await self._url(operation, request, seconds)
        query = parse_qs(urlsplit(url).query)
        signed_at = timestamp(datetime.strptime(query["X-Amz-Date"][0] + "+0000", "%Y%m%dT%H%M%SZ%z"))
        return SignedRequest("PUT", url, _headers(request), later(signed_at, seconds=seconds))

    async def _url(self, operation: str, request: Mapping[str, Any], seconds: int) -> str:
        await asyncio.sleep(0)  # it is pure computation, of half a millisecond, and there may be a hundred in a row
        url: str = await self._links.generate_presigned_url(operation, Params=request, ExpiresIn=seconds)
        return url

    # Files in parts

    async def start_multipart(self, key: str, *, content_type: str, algorithm: ChecksumAlgorithm | None = None) -> str:
        check_type(content_type)
        chosen = algorithm or DEFAULT
        kind = "FULL_OBJECT" if joins(chosen) else "COMPOSITE"
        checksums = {"ChecksumAlgorithm": chosen, "ChecksumType": kind} if algorithm else {}
        request = self._at(key) | self._encryption | checksums
        answer = await call(self._client, "create_multipart_upload", request | {"ContentType": content_type})
        return str(answer["UploadId"])

    async def list_parts(self, key: str, multipart_id: str, *, after: int = 0, limit: int = 1_000) -> PartPage:
        check_page(limit)
        answer = await self._list_parts(key, multipart_id, after, limit)
        parts = [_part(part) for part in answer.get("Parts", ())]
        return PartPage(parts, parts[-1].number if answer.get("IsTruncated") and parts else None)

    async def _list_parts(self, key: str, multipart_id: str, after: int, limit: int) -> dict[str, Any]:
        request = self._at(key) | {"UploadId": multipart_id, "PartNumberMarker": after, "MaxParts": limit}
        try:
            return await call(self._client, "list_parts", request, interpreted=_NO_UPLOAD)
        except Refused:
            raise NoSuchMultipart from None

    async def complete_multipart(
        self, key: str, multipart_id: str, parts: Sequence[ChosenPart], *, checksum: Checksum | None = None
    ) -> Blob:
        check_checksum(checksum)
        # S3 names no part that it refuses, and wants all checksums of parts again where they have some of their own.
        stored = {part.number: part async for part in self._all_parts(key, multipart_id)}
        chosen = chosen_parts(stored, parts, self._min_part_bytes)
        if checksum is not None and whole_checksum(checksum.algorithm, chosen) not in (None, checksum):
            raise ChecksumRefused
        request: dict[str, Any] = {
            **self._at(key),
            "UploadId": multipart_id,
            "MultipartUpload": {"Parts": [_named(part) for part in chosen]},
            "IfNoneMatch": "*",
            **_checksum_field(checksum),
            **({"ChecksumType": "FULL_OBJECT"} if checksum else {}),
        }
        try:
            await call(
                self._client,
                "complete_multipart_upload",
                request,
                interpreted=_NO_UPLOAD | _REFUSED_COMPLETIONS.keys() | ({"InvalidRequest"} if checksum else set()),
                seconds=COMPLETE_SECONDS,
            )
        except Refused as refused:
            raise _REFUSED_COMPLETIONS.get(refused.code, NoSuchMultipart) from None
        blob = await self.head(key)
        if blob is None:  # removed since
            raise NoSuchMultipart
        return blob

    async def _all_parts(self, key: str, multipart_id: str) -> AsyncIterator[Part]:
        after: int | None = 0
        for _ in range(MAX_PARTS // _PAGE + 1):
            page = await self.list_parts(key, multipart_id, after=after or 0, limit=_PAGE)
            for part in page.parts:
                yield part
            after = page.last
            if after is None:
                break

    async def abort_multipart(self, key: str, multipart_id: str) -> None:
        request = self._at(key) | {"UploadId": multipart_id}
        try:
            await call(self._client, "abort_multipart_upload", request, interpreted=_NO_UPLOAD)
        except Refused:
            return

    async def open_multiparts(self, *, after: OpenMultipart | None = None, limit: int = 1_000) -> list[OpenMultipart]:
        check_page(limit)
        buckets = self._buckets.all
        if after is not None:
            buckets = buckets[buckets.index(self._buckets.of(after.key)) :]
        found: list[OpenMultipart] = []
        for bucket in buckets:
            if len(found) < limit:
                found += await self._open_multiparts(bucket, after, limit - len(found))
            after = None
        return found

    async def _open_multiparts(self, bucket: str, after: OpenMultipart | None, limit: int) -> list[OpenMultipart]:
        prefix = self._buckets.prefix
        behind = {"KeyMarker": prefix + after.key, "UploadIdMarker": after.multipart_id} if after else {}
        request = {"Bucket": bucket, "Prefix": prefix, "MaxUploads": limit, **behind}
        answer = await call(self._client, "list_multipart_uploads", request)
        return [
            OpenMultipart(each["Key"][len(prefix) :], each["UploadId"], timestamp(each["Initiated"]))
            for each in answer.get("Uploads", ())
        ]

    # Whole files

    async def head(self, key: str) -> Blob | None:
        try:
            answer = await call(
                self._client, "head_object", self._at(key) | {"ChecksumMode": "ENABLED"}, interpreted=_ABSENT
            )
        except Refused:
            return None
        whole = None if answer.get("ChecksumType") == "COMPOSITE" else _checksum(answer)
        return Blob(
            key,
            answer["ContentLength"],
            _etag(answer["ETag"]),
            answer.get("ContentType", ""),
            timestamp(answer["LastModified"]),
            whole,
        )

    async def read(self, key: str, *, start: int = 0, length: int) -> bytes:
        check_read(start, length)
        if length == 0:
            return b""
        beyond = frozenset({"InvalidRange", "416"})
        try:
            return await read_range(self._client, self._at(key), start, length, interpreted=_ABSENT | beyond)
        except Refused:
            return b""

    async def fetch(self, key: str, to: Path) -> None:
        blob = await self.head(key)
        if blob is None:
            raise FileNotFoundError(key)
        await download(self._client, self._at(key), blob, to)

    async def store(self, key: str, source: Path | bytes, *, content_type: str) -> Blob:
        check_type(content_type)
        at = self._at(key)
        await upload(self._client, at, self._encryption, source, content_type)
        blob = await self.head(key)
        if blob is None:
            raise FileNotFoundError(key)
        return blob

    async def move(self, key: str, to: str) -> Blob | None:
        target = self._at(to)
        blob = await self.head(key)
        if (
            blob is not None
            and key != to
            and await copy_object(self._client, self._at(key), target, self._encryption, blob)
        ):
            await self.delete([key])
        return await self.head(to)

    async def delete(self, keys: Sequence[str]) -> None:
        check_keys(keys)
        for bucket, names in self._buckets.apart(keys).items():
            objects = {"Objects": [{"Key": name} for name in names], "Quiet": True}
            answer = await call(self._client, "delete_objects", {"Bucket": bucket, "Delete": objects})
            if answer.get("Errors"):
                raise _undeleted(answer["Errors"])

    async def list_keys(self, prefix: str, *, after: str | None = None, limit: int = 1_000) -> list[Blob]:
        check_page(limit)
        ours = self._buckets.prefix
        behind = {"StartAfter": ours + after} if after is not None else {}
        where = {"Bucket": self._buckets.of_prefix(prefix), "Prefix": ours + prefix}
        request = {**where, "MaxKeys": limit, **behind}
        answer = await call(self._client, "list_objects_v2", request)
        return [
            Blob(
                each["Key"][len(ours) :],
                each["Size"],
                _etag(each["ETag"]),
                "",
                timestamp(each["LastModified"]),
            )
            for each in answer.get("Contents", ())
        ]

    async def malware_status(self, key: str) -> str | None:
        """What GuardDuty's malware protection has written on a file: NO_THREATS_FOUND, THREATS_FOUND, UNSUPPORTED,
        ACCESS_DENIED or FAILED. None before it has looked, where it is off, and for a file that is not there.
        """
        try:
            answer = await call(self._client, "get_object_tagging", self._at(key), interpreted=_ABSENT)
        except Refused:
            return None
        tags = {tag["Key"]: str(tag["Value"]) for tag in answer.get("TagSet", ())}
        return tags.get(_MALWARE_TAG)

    async def ready(self) -> None:
        for bucket in self._buckets.all:
            await call(self._client, "head_bucket", {"Bucket": bucket}, seconds=READY_SECONDS)


_REFUSED_COMPLETIONS: Mapping[str, type[Exception]] = {
    "BadDigest": ChecksumRefused,
    "XAmzContentChecksumMismatch": ChecksumRefused,
    "InvalidRequest": ChecksumRefused,  # the upload has checksums of another algorithm
    "EntityTooSmall": PartsRefused,
    "InvalidPart": PartsRefused,
    "InvalidPartOrder": PartsRefused,
    # A file stands under the key: this upload, or another one, was completed just now.
    "PreconditionFailed": NoSuchMultipart,
    "ConditionalRequestConflict": NoSuchMultipart,
}
_HEADERS = {
    "ContentType": "content-type",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
    **{f"Checksum{algorithm}": f"x-amz-checksum-{algorithm.lower()}" for algorithm in _ALGORITHMS},
}


def _headers(request: Mapping[str, Any]) -> dict[str, str]:
    """What a client has to send; the length is signed too, but every client sends it by itself."""
    return {header: str(request[name]) for name, header in _HEADERS.items() if name in request}


def _checksum_field(checksum: Checksum | None) -> dict[str, str]:
    return {} if checksum is None else {f"Checksum{checksum.algorithm}": checksum.value}


def _checksum(answer: Mapping[str, Any]) -> Checksum | None:
    for algorithm in _ALGORITHMS:
        if value := answer.get(f"Checksum{algorithm}"):
            return Checksum(algorithm, value)
    return None


def _part(part: Mapping[str, Any]) -> Part:
    return Part(part["PartNumber"], part["Size"], _etag(part["ETag"]), timestamp(part["LastModified"]), _checksum(part))


def _named(part: Part) -> dict[str, Any]:
    return {"PartNumber": part.number, "ETag": f'"{part.etag}"', **_checksum_field(part.checksum)}


def _etag(quoted: str) -> str:
    return quoted.strip('"')


def _undeleted(errors: Sequence[Mapping[str, Any]]) -> DomainError:
    return translated("delete_objects", str(errors[0].get("Code", "")))
