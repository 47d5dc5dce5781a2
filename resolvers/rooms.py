"""Rooms: making and changing them, finding them, and the inbox."""

import asyncio
from collections.abc import Sequence
from typing import Any

from datasources.idempotency import request
from datasources.rooms import RoomStep
from domain import text
from domain.errors import bad_request, not_found
from domain.room_members import RoomMember, invite, require_moderates, require_owns
from domain.rooms import Room, archived_room, changed_room, direct_room, direct_room_id, invited_at_once, new_room
from resolvers.access import require_staff
from resolvers.context import Context
from resolvers.inputs import CreateRoomInput, UpdateRoomInput
from resolvers.paging import Connection, page
from resolvers.registry import registry
from resolvers.room_access import known_rooms, require_course, require_course_of
from resolvers.room_events import membership_changed

_INVITED_AT_ONCE = 10


@registry.field("Query.getRoom")
async def get_room(ctx: Context, *, id: str) -> Room | None:
    [room] = await known_rooms(ctx, [text.identifier(id, "id")])
    return room


@registry.field("Query.listPublicRooms")
async def list_public_rooms(
    ctx: Context, *, course_id: str | None = None, limit: int | None = None, next_token: str | None = None
) -> Connection[Room]:
    if course_id is not None:
        await require_course(ctx, text.identifier(course_id, "courseId"), "course")

    async def read(position: Any, size: int) -> tuple[Sequence[Room], Any]:
        return await ctx.sources.rooms.by_activity(course_id, position, size)

    return await page(ctx, "Query.listPublicRooms", {"course_id": course_id}, limit, next_token, read)


@registry.field("Query.listMyRooms")
async def list_my_rooms(
    ctx: Context, *, limit: int | None = None, next_token: str | None = None
) -> Connection[RoomMember]:
    async def read(position: Any, size: int) -> tuple[Sequence[RoomMember], Any]:
        return await ctx.sources.room_members.list_user(ctx.caller.id, position, size)

    return await page(ctx, "Query.listMyRooms", {}, limit, next_token, read)


@registry.field("Mutation.createRoom")
async def create_room(ctx: Context, *, input: CreateRoomInput) -> Room:
    now = ctx.now()
    wanted = new_room(input, room_id=ctx.new_id(), now=now)
    invited = invited_at_once(input, ctx.caller.id)
    asked = request(ctx.caller.id, "createRoom", input.get("client_token"), input)
    if wanted.course_id is not None:
        await require_staff(ctx, wanted.course_id)
    await _require_users(ctx, invited)
    room = await ctx.sources.rooms.create(wanted, ctx.caller.id, asked, now)
    await _room_opened(ctx, room, [ctx.caller.id])
    await _invite_all(ctx, room, invited)
    return room


@registry.field("Mutation.openDirectRoom")
async def open_direct_room(ctx: Context, *, user_id: str) -> Room:
    other = text.identifier(user_id, "userId")
    if other == ctx.caller.id:
        raise bad_request("userId", "SELF", "A direct room is with somebody else.")
    known = await ctx.sources.rooms.get(direct_room_id(ctx.caller.id, other))
    if known is not None:
        return known
    user = await ctx.sources.users.get(other)
    if user is None or user.status not in ("ACTIVE", "SUSPENDED"):
        raise not_found("user")
    pair = (ctx.caller.id, other)
    room = await ctx.sources.rooms.open_direct(direct_room(*pair, ctx.now()), pair)
    await _room_opened(ctx, room, pair)
    return room


@registry.field("Mutation.updateRoom")
async def update_room(ctx: Context, *, input: UpdateRoomInput) -> Room:
    def changed(room: Room, actor: RoomMember | None) -> Room:
        require_moderates(room, actor)
        return changed_room(room, input)

    room_id = text.identifier(input["id"], "input.id")
    return await _update(ctx, room_id, changed, input.get("expected_version"))


@registry.field("Mutation.archiveRoom")
async def archive_room(ctx: Context, *, id: str, expected_version: int | None = None) -> Room:
    def archived(room: Room, actor: RoomMember | None) -> Room:
        require_owns(room, actor)
        return archived_room(room)

    return await _update(ctx, text.identifier(id, "id"), archived, expected_version)


@registry.field("Mutation.publishRoom")
async def publish_room(ctx: Context, *, id: str) -> Room | None:
    """Writes nothing: the stored record is the payload."""
    return await ctx.sources.rooms.get(text.identifier(id, "id"))


@registry.batch("Room.myMembership")
async def my_memberships(ctx: Context, rooms: Sequence[Room]) -> list[RoomMember | None]:
    if ctx.caller.user_id is None:
        return [None] * len(rooms)
    return await ctx.sources.room_members.of_user(ctx.caller.user_id, [room.id for room in rooms])


async def _room_opened(ctx: Context, room: Room, founder_ids: Sequence[str]) -> None:
    await ctx.publish("publishRoom", id=room.id)
    for member in await ctx.sources.room_members.of_room(room.id, founder_ids):
        if member is not None:
            await membership_changed(ctx, member)


async def _update(ctx: Context, room_id: str, change: RoomStep, expected_version: int | None) -> Room:
    await require_course_of(ctx, room_id)
    room = await ctx.sources.rooms.update(room_id, ctx.caller.id, change, expected_version=expected_version)
    await ctx.publish("publishRoom", id=room.id)
    return room


async def _require_users(ctx: Context, user_ids: Sequence[str]) -> None:
    """Raises BAD_REQUEST, rule NO_SUCH_USER."""
    if None in await ctx.sources.users.summaries(user_ids):
        raise bad_request("input.inviteUserIds", "NO_SUCH_USER", "input.inviteUserIds names users who exist.")


async def _invite_all(ctx: Context, room: Room, user_ids: Sequence[str]) -> None:
    """A repeated createRoom completes what the first one left, and asks nobody twice."""
    if room.is_archived:
        return

    async def ask(user_id: str) -> None:
        def step(room: Room, before: RoomMember | None, _actor: RoomMember | None) -> RoomMember:
            return before or invite(room, user_id, before, ctx.caller.id, ctx.now())

        member, is_new = await ctx.sources.room_members.step(room.id, user_id, step, actor_id=ctx.caller.id)
        if is_new:
            await membership_changed(ctx, member)

    for start in range(0, len(user_ids), _INVITED_AT_ONCE):
        await asyncio.gather(*map(ask, user_ids[start : start + _INVITED_AT_ONCE]))
