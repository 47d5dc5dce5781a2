"""Media: what becomes of uploads. URLs of its files are signed only here, for who may see the media.

A media is reached only through something that the caller may see, so its fields ask no more.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from datasources.audit import audit_write
from domain import media as steps
from domain import text
from domain.errors import bad_request, forbidden, not_found
from domain.media import CaptionTrack, MediaAsset, Rendition, StoredRendition, Thumbnail
from domain.upload_rules import file_name
from resolvers.context import Context
from resolvers.inputs import MediaKind, UpdateMediaInput
from resolvers.media_access import visible_media
from resolvers.paging import Connection, page
from resolvers.registry import registry

T = TypeVar("T")

DOWNLOAD_SECONDS = 15 * 60
PLAYBACK_SECONDS = 6 * 3600


@registry.field("Query.getMedia")
async def get_media(ctx: Context, *, id: str) -> MediaAsset | None:
    return await visible_media(ctx, text.identifier(id, "id"))


@registry.field("Query.listMyMedia")
async def list_my_media(
    ctx: Context, *, kind: MediaKind | None = None, limit: int | None = None, next_token: str | None = None
) -> Connection[MediaAsset]:
    async def read(position: Any, size: int) -> tuple[Sequence[MediaAsset], Any]:
        return await ctx.sources.media.list_owner(ctx.caller.id, kind, position, size)

    return await page(ctx, "Query.listMyMedia", {"kind": kind}, limit, next_token, read)


@registry.field("Mutation.updateMedia")
async def update_media(ctx: Context, *, input: UpdateMediaInput) -> MediaAsset:
    media = await _own(ctx, input["id"], "input.id")
    if "file_name" not in input:
        return media
    if input["file_name"] is None:
        raise bad_request("input.fileName", "NULL", "input.fileName may be left out, but not null.")
    name = file_name(input["file_name"], "input.fileName")
    renamed = await ctx.sources.media.step(
        media.id, lambda current: steps.renamed(current, name), expected_version=input.get("expected_version")
    )
    await ctx.publish("publishMedia", id=renamed.id)
    return renamed


@registry.field("Mutation.deleteMedia")
async def delete_media(ctx: Context, *, id: str, expected_version: int | None = None) -> MediaAsset:
    """Staff's deletions of what others own are in the audit log."""
    [media] = await ctx.sources.media.many([text.identifier(id, "id")])
    if media is None:
        raise not_found("media")
    audit = None
    if media.owner_id != ctx.caller.id:
        if not ctx.caller.is_admin:
            raise not_found("media") if await visible_media(ctx, id) is None else forbidden("This is for its owner.")
        audit = audit_write(ctx.caller, "deleteMedia", media.id, ctx.now(), ctx.new_id())
    deleted = await ctx.sources.media_deletion.delete(media.id, expected_version=expected_version, also=audit)
    await ctx.publish("publishMedia", id=deleted.id)
    return deleted


@registry.field("Mutation.setCaptions")
async def set_captions(ctx: Context, *, media_id: str, language: str, caption_media_id: str) -> MediaAsset:
    media = await _own(ctx, media_id, "mediaId")
    tag = text.language_tag(language, "language")
    [file] = await ctx.sources.media.usable(
        [text.identifier(caption_media_id, "captionMediaId")],
        owner_id=ctx.caller.id,
        kinds=["DOCUMENT"],
        purposes=["CAPTION"],
        field="captionMediaId",
    )
    captioned = await ctx.sources.captions.attach(media, tag, file, ctx.new_id())
    await ctx.publish("publishMedia", id=captioned.id)
    return captioned


@registry.field("Mutation.removeCaptions")
async def remove_captions(ctx: Context, *, media_id: str, language: str) -> MediaAsset:
    media = await _own(ctx, media_id, "mediaId")
    uncaptioned = await ctx.sources.captions.remove(media.id, text.language_tag(language, "language"))
    await ctx.publish("publishMedia", id=uncaptioned.id)
    return uncaptioned


@registry.field("Mutation.reprocessMedia")
async def reprocess_media(ctx: Context, *, id: str) -> MediaAsset:
    media = await _own(ctx, id, "id")
    again = await ctx.sources.media.again(media.id)
    await ctx.publish("publishMedia", id=again.id)
    return again


@registry.field("Mutation.publishMedia")
async def publish_media(ctx: Context, *, id: str) -> MediaAsset | None:
    """Writes nothing: the stored record is the payload, also of what was just deleted."""
    return await ctx.sources.media.get(text.identifier(id, "id"))


@registry.field("Subscription.onMediaUpdated")
async def on_media_updated(ctx: Context, *, id: str | None = None, owner_id: str | None = None) -> None:
    if id is None and owner_id is None:
        raise bad_request("ownerId", "REQUIRED", "One of the filters ownerId and id is required.")
    if owner_id is not None and owner_id == ctx.caller.id:
        return
    if id is None:
        raise forbidden("One hears of one's own media, and by id of what one may see.")
    if await visible_media(ctx, text.identifier(id, "id")) is None:
        raise not_found("media")


@registry.batch("MediaAsset.downloadUrl")
async def download_urls(ctx: Context, media: Sequence[MediaAsset]) -> list[str | None]:
    """Always as a file to be saved: what users upload is never shown as a page of ours."""

    async def sign(each: MediaAsset) -> str | None:
        if not each.is_ready:
            return None
        return await ctx.sources.blobs.sign_get(
            each.original_key, seconds=DOWNLOAD_SECONDS, download_name=each.file_name
        )

    return list(await asyncio.gather(*map(sign, media)))


@registry.batch("MediaAsset.playbackUrl", whole=True)
async def playback_urls(ctx: Context, media: Sequence[MediaAsset]) -> list[str | None]:
    async def sign(each: MediaAsset) -> str | None:
        playlist = next((file for file in _if_ready(each, each.files) if file.format == "HLS"), None)
        return None if playlist is None else await _played(ctx, each, playlist)

    return list(await asyncio.gather(*map(sign, media)))


@registry.batch("MediaAsset.thumbnails", whole=True)
async def thumbnails(ctx: Context, media: Sequence[MediaAsset]) -> list[list[Thumbnail]]:
    async def sign(each: MediaAsset) -> list[Thumbnail]:
        return [
            Thumbnail(await _shown(ctx, image.key), image.width, image.height, image.position_seconds)
            for image in _if_ready(each, each.images)
        ]

    return list(await asyncio.gather(*map(sign, media)))


@registry.batch("MediaAsset.renditions", whole=True)
async def renditions(ctx: Context, media: Sequence[MediaAsset]) -> list[list[Rendition]]:
    async def sign(each: MediaAsset) -> list[Rendition]:
        return [
            Rendition(
                file.format,
                await _played(ctx, each, file),
                file.width,
                file.height,
                file.bitrate_kbps,
                file.size_bytes,
            )
            for file in _if_ready(each, each.files)
        ]

    return list(await asyncio.gather(*map(sign, media)))


@registry.batch("MediaAsset.captions", whole=True)
async def captions(ctx: Context, media: Sequence[MediaAsset]) -> list[list[CaptionTrack]]:
    async def sign(each: MediaAsset) -> list[CaptionTrack]:
        return [
            CaptionTrack(track.language, await _shown(ctx, track.key), track.is_generated)
            for track in _if_ready(each, each.tracks)
        ]

    return list(await asyncio.gather(*map(sign, media)))


async def _own(ctx: Context, media_id: str, field: str) -> MediaAsset:
    """Raises NOT_FOUND; FORBIDDEN for what the caller may see and another owns."""
    media = await visible_media(ctx, text.identifier(media_id, field))
    if media is None:
        raise not_found("media")
    if media.owner_id != ctx.caller.id:
        raise forbidden("This is for its owner.")
    return media


async def _played(ctx: Context, media: MediaAsset, file: StoredRendition) -> str:
    """A playlist's link, as it names other files; any other file's own URL."""
    if file.format != "HLS":
        return await _shown(ctx, file.key)
    return ctx.sources.playback.url(media.folder, file.key.removeprefix(media.folder), seconds=PLAYBACK_SECONDS)


async def _shown(ctx: Context, key: str) -> str:
    return await ctx.sources.blobs.sign_get(key, seconds=PLAYBACK_SECONDS)


def _if_ready(media: MediaAsset, files: Sequence[T]) -> Sequence[T]:
    return files if media.is_ready else ()
