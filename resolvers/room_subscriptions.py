"""The gates of chat's subscriptions: who may listen to what. Whoever is removed fails them at the next look."""

from collections.abc import Mapping
from typing import Any

from domain import text
from domain.errors import bad_request, forbidden, not_found
from domain.room_members import may_know
from domain.rooms import Room
from resolvers.context import Context
from resolvers.registry import registry
from resolvers.room_access import known_rooms, room_and_member

Narrowing = Mapping[str, Any]
"""AppSync's enhanced subscription filter."""


@registry.field("Subscription.onMessage")
async def on_message(ctx: Context, *, room_id: str | None = None) -> None:
    await _room_of_listener(ctx, room_id)


@registry.field("Subscription.onTyping")
async def on_typing(ctx: Context, *, room_id: str | None = None) -> None:
    await _room_of_listener(ctx, room_id)


@registry.field("Subscription.onReadReceipt")
async def on_read_receipt(ctx: Context, *, room_id: str | None = None, user_id: str | None = None) -> Narrowing | None:
    """In a large room, and for who sends no receipts, only the caller's own."""
    room = await _room_of_listener(ctx, room_id)
    if not room.is_large and not await ctx.sources.settings.switched_off("readReceiptsEnabled", [ctx.caller.id]):
        return None
    own = {"roomId": room.id, "userId": ctx.caller.id}
    filters = [{"fieldName": name, "operator": "eq", "value": value} for name, value in own.items()]
    return {"filterGroup": [{"filters": filters}]}


@registry.field("Subscription.onRoomMemberChanged")
async def on_room_member_changed(ctx: Context, *, room_id: str | None = None, user_id: str | None = None) -> None:
    if user_id is not None and user_id == ctx.caller.id:
        return
    if room_id is None and user_id is not None:
        raise forbidden("Only one's own memberships are told of in all rooms.")
    await _room_of_listener(ctx, room_id)


@registry.field("Subscription.onRoomUpdated")
async def on_room_updated(ctx: Context, *, id: str | None = None) -> None:
    [room] = await known_rooms(ctx, [_required(id, "id")])
    if room is None:
        raise not_found("room")


@registry.field("Subscription.onPresenceChanged")
async def on_presence_changed(ctx: Context, *, user_id: str | None = None) -> None:
    wanted = _required(user_id, "userId")
    if not await ctx.sources.presence.share_a_room(ctx.caller.id, [wanted], ctx.now()):
        raise forbidden("Presence is shown to those who share a room.")


async def _room_of_listener(ctx: Context, room_id: str | None) -> Room:
    room, member = await room_and_member(ctx, _required(room_id, "roomId"))
    if member is None or not member.is_joined:
        raise forbidden("Join the room first.") if may_know(room, member) else not_found("room")
    return room


def _required(value: str | None, field: str) -> str:
    if value is None:
        raise bad_request(field, "REQUIRED", f"{field} has to be given.")
    return text.identifier(value, field)
