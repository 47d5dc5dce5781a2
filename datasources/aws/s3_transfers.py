"""Files between a bucket and this machine, in pieces: only a few megabytes are ever in memory."""

import asyncio
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any, BinaryIO

from datasources.aws.s3_calls import DEADLINE_SECONDS, VENDOR_ERRORS, Refused, call, code_of, translated
from datasources.blobs import Blob
from datasources.checksums import DEFAULT, RunningChecksum
from domain.part_plan import MAX_PARTS

PIECE_BYTES = 16 * 1024**2
ATTEMPTS = 4

At = Mapping[str, str]
"""Bucket and key."""


async def read_range(
    client: Any, at: At, start: int, length: int, *, interpreted: Set[str], if_match: str | None = None
) -> bytes:
    """Some bytes, fewer at the end. Asks again when the answer breaks off. Raises Refused, DomainError."""
    condition = {} if if_match is None else {"IfMatch": f'"{if_match}"'}
    request = {**at, **condition, "Range": f"bytes={start}-{start + length - 1}"}
    attempt = 0
    while True:
        attempt += 1
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                answer = await client.get_object(**request)
                async with answer["Body"] as body:
                    return bytes(await body.read())
        except VENDOR_ERRORS as error:
            if (code := code_of(error)) in interpreted:
                raise Refused(code) from None
            if attempt == ATTEMPTS:
                raise translated("get_object", code) from None


async def download(client: Any, at: At, blob: Blob, to: Path) -> None:
    """Raises FileNotFoundError when the file is replaced or removed meanwhile."""
    gone = {"NoSuchKey", "404", "PreconditionFailed", "412"}
    with await asyncio.to_thread(lambda: to.open("wb")) as target:
        for start in range(0, blob.size, PIECE_BYTES):
            length = min(PIECE_BYTES, blob.size - start)
            try:
                piece = await read_range(client, at, start, length, interpreted=gone, if_match=blob.etag)
            except Refused:
                raise FileNotFoundError(blob.key) from None
            await asyncio.to_thread(target.write, piece)


async def upload(client: Any, at: At, encryption: At, source: Path | bytes, content_type: str) -> None:
    """Stores bytes, or a file of this machine, in one request or in parts."""
    described = {**at, **encryption, "ContentType": content_type}
    if isinstance(source, bytes):
        await _put(client, described, source)
        return
    size = (await asyncio.to_thread(source.stat)).st_size
    with await asyncio.to_thread(lambda: source.open("rb")) as file:
        if size <= PIECE_BYTES:
            await _put(client, described, await asyncio.to_thread(file.read))
        else:
            await _put_parts(client, at, described, file, max(PIECE_BYTES, -(-size // MAX_PARTS)))


async def _put(client: Any, described: At, body: bytes) -> None:
    checksum = await asyncio.to_thread(_checksum_of, body)
    await call(client, "put_object", {**described, "ChecksumCRC64NVME": checksum, "Body": body})


async def _put_parts(client: Any, at: At, described: At, file: BinaryIO, piece_bytes: int) -> None:
    begun = await call(client, "create_multipart_upload", described)
    upload = {**at, "UploadId": begun["UploadId"]}
    parts: list[dict[str, Any]] = []
    try:
        while body := await asyncio.to_thread(file.read, piece_bytes):
            number = len(parts) + 1
            part = {"PartNumber": number, "ChecksumCRC64NVME": await asyncio.to_thread(_checksum_of, body)}
            answer = await call(client, "upload_part", {**upload, **part, "Body": body})
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        await call(client, "complete_multipart_upload", {**upload, "MultipartUpload": {"Parts": parts}})
    except BaseException:
        # The bucket's rule for uploads left open removes the parts if this fails too.
        await call(client, "abort_multipart_upload", upload)
        raise


def _checksum_of(body: bytes) -> str:
    running = RunningChecksum(DEFAULT)
    running.update(body)
    return running.result().value
