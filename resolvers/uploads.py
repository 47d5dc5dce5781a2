"""Uploads: begun and signed here, carried straight to the store of files by the client, completed here."""

from collections.abc import Sequence
from typing import Any

from datasources.blobs import ChosenPart
from datasources.idempotency import request
from domain import text
from domain.errors import bad_request, not_found
from domain.media import MediaAsset
from domain.upload_rules import UploadRule, checksum, declaration
from domain.uploads import (
    Checksum,
    PresignedPart,
    PresignedRequest,
    Upload,
    UploadPart,
    check_part_checksum,
    check_part_numbers,
)
from resolvers.context import Context
from resolvers.inputs import (
    ChecksumInput,
    CompletedPartInput,
    CompleteUploadInput,
    InitiateUploadInput,
    SignUploadPartsInput,
    UploadStatus,
)
from resolvers.paging import Connection, page
from resolvers.registry import registry

LONGEST_ETAG = 200


@registry.field("Query.listUploadRules")
async def list_upload_rules(ctx: Context) -> Sequence[UploadRule]:
    return ctx.sources.uploads.limits.rules


@registry.field("Query.getUpload")
async def get_upload(ctx: Context, *, id: str) -> Upload | None:
    return await _own_or_none(ctx, text.identifier(id, "id"))


@registry.field("Query.listMyUploads")
async def list_my_uploads(
    ctx: Context, *, status: UploadStatus | None = None, limit: int | None = None, next_token: str | None = None
) -> Connection[Upload]:
    async def read(position: Any, size: int) -> tuple[Sequence[Upload], Any]:
        return await ctx.sources.uploads.list_owner(ctx.caller.id, status, position, size)

    return await page(ctx, "Query.listMyUploads", {"status": status}, limit, next_token, read)


@registry.field("Query.listUploadParts")
async def list_upload_parts(
    ctx: Context, *, upload_id: str, limit: int | None = None, next_token: str | None = None
) -> Connection[UploadPart]:
    upload = await _own(ctx, text.identifier(upload_id, "uploadId"))

    async def read(position: Any, size: int) -> tuple[Sequence[UploadPart], Any]:
        return await ctx.sources.uploads.parts(upload, position, size)

    return await page(ctx, "Query.listUploadParts", {"upload_id": upload.id}, limit, next_token, read)


@registry.field("Mutation.initiateUpload")
async def initiate_upload(ctx: Context, *, input: InitiateUploadInput) -> Upload:
    uploads = ctx.sources.uploads
    declared = declaration(input, uploads.limits)
    asked = request(ctx.caller.id, "initiateUpload", input.get("client_token"), input)
    return await uploads.initiate(declared, ctx.caller.id, ctx.new_id(), asked)


@registry.field("Mutation.signUploadParts")
async def sign_upload_parts(ctx: Context, *, input: SignUploadPartsInput) -> list[PresignedPart]:
    upload = await _own(ctx, text.identifier(input["upload_id"], "input.uploadId"))
    parts = input["parts"]
    check_part_numbers([part["part_number"] for part in parts], upload, "input.parts")
    checksums = {part["part_number"]: _part_checksum(part.get("checksum"), upload, is_needed=True) for part in parts}
    return await ctx.sources.uploads.sign_parts(upload, checksums)


@registry.field("Mutation.completeUpload")
async def complete_upload(ctx: Context, *, input: CompleteUploadInput) -> Upload:
    upload = await _own(ctx, text.identifier(input["upload_id"], "input.uploadId"))
    given = input.get("checksum")
    whole = None if given is None else checksum(given, "input.checksum")
    parts = [_chosen(part, upload) for part in input["parts"]]
    completed = await ctx.sources.completion.complete(upload.id, parts, whole)
    await ctx.publish("publishMedia", id=completed.id)
    return completed


@registry.field("Mutation.abortUpload")
async def abort_upload(ctx: Context, *, id: str) -> Upload:
    upload = await _own(ctx, text.identifier(id, "id"))
    return await ctx.sources.uploads.abort(upload.id)


@registry.batch("Upload.request", whole=True)
async def requests(ctx: Context, uploads: Sequence[Upload]) -> list[PresignedRequest | None]:
    return [await ctx.sources.uploads.request(upload) for upload in uploads]


@registry.batch("Upload.media")
async def media(ctx: Context, uploads: Sequence[Upload]) -> list[MediaAsset | None]:
    """An upload is read by its owner only, who owns the media too."""
    completed = [upload.id for upload in uploads if upload.status == "COMPLETED"]
    found = dict(zip(completed, await ctx.sources.media.many(completed), strict=True))
    return [found.get(upload.id) for upload in uploads]


async def _own_or_none(ctx: Context, upload_id: str) -> Upload | None:
    upload = await ctx.sources.uploads.get(upload_id)
    return upload if upload is not None and upload.owner_id == ctx.caller.id else None


async def _own(ctx: Context, upload_id: str) -> Upload:
    """Raises NOT_FOUND, for another user's upload as for one that does not exist."""
    upload = await _own_or_none(ctx, upload_id)
    if upload is None:
        raise not_found("upload")
    return upload


def _part_checksum(given: ChecksumInput | None, upload: Upload, *, is_needed: bool) -> Checksum | None:
    field = "input.parts.checksum"
    found = None if given is None else checksum(given, field)
    if found is not None or is_needed:
        check_part_checksum(found, upload, field)
    return found


def _chosen(part: CompletedPartInput, upload: Upload) -> ChosenPart:
    """An ETag comes as the store sent it in a header: within quotes."""
    etag = part["etag"].removeprefix('"').removesuffix('"')
    if not 1 <= len(etag) <= LONGEST_ETAG or not etag.isascii() or not etag.isprintable():
        raise bad_request("input.parts.etag", "ETAG", "An ETag is as the store answered it.")
    return ChosenPart(part["part_number"], etag, _part_checksum(part.get("checksum"), upload, is_needed=False))
