"""Files on their way in, as clients carry them: what a test uploads, and each step of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from ulid import ULID

from datasources.checksums import RunningChecksum
from datasources.media_rows import new_media
from datasources.media_uses import all_uses
from domain.media import MediaAsset
from domain.uploads import ChecksumAlgorithm, UploadPurpose
from tests.blob_stores import Answered
from tests.school import Client, School

UPLOAD = """id ownerId kind purpose fileName contentType sizeBytes checksum { algorithm value } status isMultipart
  partSizeBytes partCount request { method url headers { name value } expiresAt }
  media { id status } errorMessage createdAt expiresAt"""
INITIATE = f"mutation ($input: InitiateUploadInput!) {{ initiateUpload(input: $input) {{ {UPLOAD} }} }}"
SIGN = """mutation ($input: SignUploadPartsInput!) {
  signUploadParts(input: $input) { partNumber request { method url headers { name value } expiresAt } } }"""
COMPLETE = f"mutation ($input: CompleteUploadInput!) {{ completeUpload(input: $input) {{ {UPLOAD} }} }}"
ABORT = "mutation ($id: ID!) { abortUpload(id: $id) { id status request { url } } }"
GET = f"query ($id: ID!) {{ getUpload(id: $id) {{ {UPLOAD} }} }}"
PARTS = """query ($id: ID!, $limit: Int, $next: String) {
  listUploadParts(uploadId: $id, limit: $limit, nextToken: $next) {
    items { partNumber sizeBytes etag uploadedAt checksum { algorithm value } } nextToken } }"""

MIB = 1024**2
PART = 1024
"""The smallest part in tests."""
PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42"
VTT = b"WEBVTT\n\n00:00.000 --> 00:02.000\nWaders at low tide.\n"
BODIES = {
    "image/png": PNG,
    "video/mp4": MP4,
    "text/vtt": VTT,
    "application/pdf": b"%PDF-1.7\n",
    "audio/mpeg": b"ID3\x04",
}


def checksum_of(content: bytes, algorithm: ChecksumAlgorithm) -> dict[str, str]:
    """A ChecksumInput."""
    running = RunningChecksum(algorithm)
    running.update(content)
    return {"algorithm": algorithm, "value": running.result().value}


def body(content_type: str, size: int) -> bytes:
    """A file of a type by its first bytes, with different bytes behind them."""
    rest = b"".join(b"%08x\n" % number for number in range(size // 9 + 1))
    return (BODIES[content_type] + rest)[:size]


def declared(content: bytes, content_type: str = "image/png", **given: Any) -> dict[str, Any]:
    """An InitiateUploadInput."""
    kinds = {"image": "IMAGE", "video": "VIDEO", "audio": "AUDIO"}
    return {
        "kind": kinds.get(content_type.split("/")[0], "DOCUMENT"),
        "purpose": "LESSON",
        "fileName": "shore.bin",
        "contentType": content_type,
        "sizeBytes": len(content),
        **given,
    }


async def initiate(client: Client, content: bytes, content_type: str = "image/png", **given: Any) -> dict[str, Any]:
    answer = await client.data(INITIATE, input=declared(content, content_type, **given))
    upload: dict[str, Any] = answer["initiateUpload"]
    return upload


async def send(client: Client, request: Mapping[str, Any], content: bytes) -> str:
    """What a client does with a presigned request; the ETag."""
    answer = await carry(client, request, content)
    assert answer.status == 200, answer
    return answer.etag


async def carry(client: Client, request: Mapping[str, Any], content: bytes) -> Answered:
    """What the store of files says to a presigned request."""
    site = client.school.files
    assert site is not None
    headers = {header["name"].replace("-", "_"): header["value"] for header in request["headers"]}
    return await site.request(request["method"], request["url"], content, **headers)


async def sign(client: Client, upload: Mapping[str, Any], numbers: Sequence[int]) -> list[dict[str, Any]]:
    parts = [{"partNumber": number} for number in numbers]
    signed = await client.data(SIGN, input={"uploadId": upload["id"], "parts": parts})
    answer: list[dict[str, Any]] = signed["signUploadParts"]
    return answer


async def send_parts(
    client: Client, upload: Mapping[str, Any], content: bytes, numbers: Sequence[int]
) -> list[dict[str, Any]]:
    """These parts of the file, as `CompletedPartInput`s."""
    size = int(upload["partSizeBytes"])
    return [
        {
            "partNumber": part["partNumber"],
            "etag": await send(
                client, part["request"], content[(part["partNumber"] - 1) * size : part["partNumber"] * size]
            ),
        }
        for part in await sign(client, upload, numbers)
    ]


async def complete(client: Client, upload: Mapping[str, Any], parts: Sequence[Any] = (), **given: Any) -> Any:
    answer = await client.data(COMPLETE, input={"uploadId": upload["id"], "parts": parts, **given})
    return answer["completeUpload"]


async def refused(client: Client, upload: Mapping[str, Any], parts: Sequence[Any] = (), **given: Any) -> dict[str, Any]:
    """Why completing is refused."""
    return await client.refusal(COMPLETE, input={"uploadId": upload["id"], "parts": parts, **given})


async def upload_media(client: Client, content_type: str = "image/png", **given: Any) -> str:
    """READY media of the client's; its id."""
    return await upload_file(client, body(content_type, 1000), content_type, **given)


async def upload_file(client: Client, content: bytes, content_type: str, **given: Any) -> str:
    """The id of the media that it becomes, once workers have done all that follows."""
    upload = await initiate(client, content, content_type, **given)
    await send(client, upload["request"], content)
    await complete(client, upload)
    await client.school.drain("media-")
    return str(upload["id"])


async def uses(school: School, media_id: str) -> list[str]:
    """What shows the media."""
    return [use.key async for use in all_uses(school.store, media_id)]


async def ready_image(client: Client, content: bytes, purpose: UploadPurpose = "FACE") -> str:
    """A READY image of the client's, as an upload leaves it; its id."""
    school = client.school
    media = MediaAsset(
        id=str(ULID()),
        owner_id=client.id,
        kind="IMAGE",
        purpose=purpose,
        status="READY",
        file_name="me.jpg",
        content_type="image/jpeg",
        size_bytes=len(content),
        created_at=school.clock.now(),
        version=1,
    )
    await school.blobs.store(media.original_key, content, content_type=media.content_type)
    await school.store.transact([new_media(media)])
    return media.id
