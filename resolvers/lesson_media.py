"""The media of lessons and of their resources: which may be used, and who gets to see them."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from domain.lessons import PLAYED, Lesson, LessonResource
from domain.media import MediaAsset
from domain.uploads import MediaKind
from resolvers.access import may_open
from resolvers.context import Context
from resolvers.registry import registry

_FIELD = "input.mediaId"


async def with_main_media(ctx: Context, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given of a lesson, with the length of its media where that is known.

    A kind that plays nothing is refused its media with the lesson.

    Raises:
        DomainError: NOT_FOUND for a media that is not the caller's; BAD_REQUEST, MEDIA_NOT_READY.
    """
    media_id = given.get("media_id")
    if media_id is None or kind not in PLAYED:
        return dict(given)
    [media] = await ctx.sources.media.usable(
        [media_id], owner_id=ctx.caller.id, kinds=PLAYED[kind], purposes=["LESSON"], field=_FIELD
    )
    length = {} if media.duration_seconds is None else {"duration_seconds": media.duration_seconds}
    return {**given, **length}


async def require_resource_media(ctx: Context, resource: LessonResource) -> None:
    """Raises as `with_main_media`; a link is fine."""
    if resource.media_id is not None:
        await ctx.sources.media.usable(
            [resource.media_id], owner_id=ctx.caller.id, kinds=get_args(MediaKind), purposes=["LESSON"], field=_FIELD
        )


@registry.batch("Lesson.media", whole=True)
async def media_of_lessons(ctx: Context, lessons: Sequence[Lesson]) -> list[MediaAsset | None]:
    allowed = await may_open(ctx, lessons)
    shown = [lesson.media_id if is_open else None for lesson, is_open in zip(lessons, allowed, strict=True)]
    return await _found(ctx, shown)


@registry.batch("LessonResource.media", whole=True)
async def media_of_resources(ctx: Context, resources: Sequence[LessonResource]) -> list[MediaAsset | None]:
    """A resource is reached only through its lesson, whose content was asked for there."""
    return await _found(ctx, [resource.media_id for resource in resources])


async def _found(ctx: Context, media_ids: Sequence[str | None]) -> list[MediaAsset | None]:
    wanted = [media_id for media_id in media_ids if media_id is not None]
    found = dict(zip(wanted, await ctx.sources.media.many(wanted), strict=True))
    return [None if media_id is None else found[media_id] for media_id in media_ids]
