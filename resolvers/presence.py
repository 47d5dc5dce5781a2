"""Who is online, and who is typing."""

from collections.abc import Sequence

from domain import text
from domain.errors import bad_request, rate_limited
from domain.presence import Presence, TypingEvent, offline, typing
from domain.room_members import require_may_write
from resolvers.context import Context
from resolvers.inputs import PresenceStatus
from resolvers.registry import registry
from resolvers.room_access import room_and_member

MOST_ASKED = 100


@registry.field("Query.getPresence")
async def get_presence(ctx: Context, *, user_ids: list[str]) -> list[Presence]:
    """In the order asked. OFFLINE stands for everybody whom the caller may not see, known or not."""
    if len(user_ids) > MOST_ASKED:
        raise bad_request("userIds", "COUNT", f"userIds has at most {MOST_ASKED} ids.")
    asked = [text.identifier(user_id, "userIds") for user_id in user_ids]
    met = await ctx.sources.presence.share_a_room(ctx.caller.id, list(dict.fromkeys(asked)), ctx.now())
    seen = dict(zip(met, await _shown(ctx, list(met)), strict=True))
    return [seen.get(user_id) or offline(user_id) for user_id in asked]


@registry.field("Mutation.setPresence")
async def set_presence(ctx: Context, *, status: PresenceStatus) -> Presence | None:
    """null, so that nobody is told, when others see what they saw before."""
    now = ctx.now()
    is_news = await ctx.sources.presence.beat(ctx.caller.id, status, now)
    if not is_news or await ctx.sources.settings.switched_off("presenceVisible", [ctx.caller.id]):
        return None
    return Presence(ctx.caller.id, status, now)


@registry.field("Mutation.setTyping")
async def set_typing(ctx: Context, *, room_id: str, is_typing: bool) -> TypingEvent | None:
    """null, so that nobody is told, in a large room."""
    room, member = await room_and_member(ctx, text.identifier(room_id, "roomId"))
    require_may_write(room, member, ctx.now())
    wait = ctx.sources.presence.typing_wait(room.id, ctx.caller.id)
    if wait:
        raise rate_limited("Tell at most every 3 seconds.", after_seconds=wait)
    return None if room.is_large else typing(room.id, ctx.caller.id, is_typing, ctx.now())


@registry.field("Mutation.publishPresence")
async def publish_presence(ctx: Context, *, user_id: str) -> Presence | None:
    """Writes nothing; OFFLINE for who is not there."""
    [presence] = await _shown(ctx, [text.identifier(user_id, "userId")])
    return presence


async def _shown(ctx: Context, user_ids: Sequence[str]) -> list[Presence]:
    """As others may see them."""
    found = await ctx.sources.presence.of(user_ids, ctx.now())
    hidden = await ctx.sources.settings.switched_off("presenceVisible", user_ids)
    return [offline(presence.user_id) if presence.user_id in hidden else presence for presence in found]
