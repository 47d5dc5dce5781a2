"""Copies within buckets and between them, of any size: S3 carries the bytes."""

import asyncio
from collections.abc import Mapping
from typing import Any

from datasources.aws.s3_calls import Refused, Request, call
from datasources.blobs import Blob
from domain.part_plan import MAX_PARTS

MAX_SINGLE_COPY_BYTES = 5 * 1024**3
PIECE_BYTES = 256 * 1024**2
AT_ONCE = 8
COPY_SECONDS = 300.0
"""For one request; S3 copies some tens of megabytes a second in each."""

_GONE = frozenset({"NoSuchKey", "404", "PreconditionFailed", "412"})

At = Mapping[str, str]
"""Bucket and key."""


async def copy_object(client: Any, source: At, target: At, encryption: At, blob: Blob) -> bool:
    """Whether it was copied: not when the source was replaced or removed meanwhile. Raises DomainError.

    Args:
        blob: the source.
    """
    request = {**target, "CopySource": dict(source), "CopySourceIfMatch": f'"{blob.etag}"'}
    try:
        if blob.size <= MAX_SINGLE_COPY_BYTES:
            await call(client, "copy_object", {**request, **encryption}, interpreted=_GONE, seconds=COPY_SECONDS)
        else:
            await _copy_parts(client, request, target, encryption, blob)
    except Refused:
        return False
    return True


async def _copy_parts(client: Any, request: Request, target: At, encryption: At, blob: Blob) -> None:
    described = {**target, **encryption, "ContentType": blob.content_type}
    begun = await call(client, "create_multipart_upload", described)
    upload = {"UploadId": begun["UploadId"]}
    piece_bytes = max(PIECE_BYTES, -(-blob.size // MAX_PARTS))
    slots = asyncio.Semaphore(AT_ONCE)

    async def copy(number: int, start: int) -> dict[str, Any]:
        asked = f"bytes={start}-{min(start + piece_bytes, blob.size) - 1}"
        part = {**request, **upload, "PartNumber": number, "CopySourceRange": asked}
        async with slots:
            answer = await call(client, "upload_part_copy", part, interpreted=_GONE, seconds=COPY_SECONDS)
        return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

    try:
        async with asyncio.TaskGroup() as copies:
            starts = enumerate(range(0, blob.size, piece_bytes), 1)
            tasks = [copies.create_task(copy(number, start)) for number, start in starts]
        parts = {"MultipartUpload": {"Parts": [task.result() for task in tasks]}}
        await call(client, "complete_multipart_upload", {**target, **upload, **parts}, seconds=COPY_SECONDS)
    except BaseException as error:
        # The bucket's rule for uploads left open removes the parts if this fails too.
        await call(client, "abort_multipart_upload", {**target, **upload})
        if isinstance(error, BaseExceptionGroup):  # of copies that failed together one tells enough
            raise error.exceptions[0] from None
        raise
