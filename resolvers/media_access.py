"""Who may see a media: its owner, and whoever may see a thing that shows it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from datasources.media_uses import UseKind
from domain.lessons import lesson_id_of
from domain.media import MediaAsset
from domain.messages import room_id_of
from resolvers.access import may_open
from resolvers.context import Context
from resolvers.meeting_access import attended_among
from resolvers.room_access import may_read

Look = Callable[[Context, Sequence[str]], Awaitable[bool]]
"""Whether the caller may see one of these things, at most 100, by their ids."""


async def visible_media(ctx: Context, media_id: str) -> MediaAsset | None:
    """None for one that does not exist, was deleted, or is not for the caller."""
    [media] = await ctx.sources.media.many([media_id])
    if media is None or media.owner_id == ctx.caller.id:
        return media
    return media if await _is_shown(ctx, media_id) else None


async def _is_shown(ctx: Context, media_id: str) -> bool:
    kinds = list(_LOOKS)
    uses = await asyncio.gather(*(ctx.sources.media.uses(media_id, kind) for kind in kinds))
    for kind, found in zip(kinds, uses, strict=True):
        if found and await _LOOKS[kind](ctx, [use.id for use in found]):
            return True
    return False


async def _lessons(ctx: Context, lesson_ids: Sequence[str]) -> bool:
    lessons = await ctx.sources.lessons.get_many(lesson_ids)
    return any(await may_open(ctx, [lesson for lesson in lessons if lesson is not None]))


async def _resources(ctx: Context, resource_ids: Sequence[str]) -> bool:
    return await _lessons(ctx, list(dict.fromkeys(map(lesson_id_of, resource_ids))))


async def _messages(ctx: Context, message_ids: Sequence[str]) -> bool:
    for room_id in dict.fromkeys(map(room_id_of, message_ids)):
        if await may_read(ctx, room_id):
            return True
    return False


async def _meetings(ctx: Context, meeting_ids: Sequence[str]) -> bool:
    return bool(await attended_among(ctx, meeting_ids))


_LOOKS: Mapping[UseKind, Look] = {
    "LESSON": _lessons,
    "RESOURCE": _resources,
    "MESSAGE": _messages,
    "MEETING": _meetings,
}
