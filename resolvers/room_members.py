"""Being in a room: joining, leaving, inviting, moderating, and how far one has read."""

from collections.abc import Sequence
from typing import Any

from datasources.room_members import Step
from domain import text
from domain.errors import bad_request, not_found
from domain.room_members import (
    ReadReceipt,
    RoomMember,
    invite,
    join,
    leave,
    may_know,
    moderate,
    require_joined,
    require_moderates,
    with_notifications,
)
from domain.rooms import Room
from domain.users import UserSummary
from resolvers.context import Context
from resolvers.inputs import RoomNotificationLevel, UpdateRoomMemberInput
from resolvers.paging import Connection, page
from resolvers.registry import registry
from resolvers.room_access import known_rooms, readable_room, require_course_of, room_and_member
from resolvers.room_events import membership_changed

_SEEN_BY_ALL = ("INVITED", "JOINED")
_SEEN_BY_MODERATORS = (*_SEEN_BY_ALL, "BANNED")


@registry.field("Query.listRoomMembers")
async def list_room_members(
    ctx: Context, *, room_id: str, limit: int | None = None, next_token: str | None = None
) -> Connection[RoomMember]:
    """Who is in the room or invited; for those who moderate it, who is banned too."""
    room = await readable_room(ctx, room_id)
    member = await ctx.sources.room_members.get(room.id, ctx.caller.id)
    statuses = _SEEN_BY_MODERATORS if member is not None and member.moderates else _SEEN_BY_ALL

    async def read(position: Any, size: int) -> tuple[Sequence[RoomMember], Any]:
        return await ctx.sources.room_members.list_room(room.id, statuses, position, size)

    arguments = {"room_id": room.id, "statuses": statuses}
    return await page(ctx, "Query.listRoomMembers", arguments, limit, next_token, read)


@registry.field("Mutation.joinRoom")
async def join_room(ctx: Context, *, room_id: str) -> RoomMember:
    def joined(room: Room, before: RoomMember | None, _actor: RoomMember | None) -> RoomMember:
        return join(room, ctx.caller.id, before, ctx.now())

    room, _ = await room_and_member(ctx, text.identifier(room_id, "roomId"))
    return await _step(ctx, room.id, ctx.caller.id, joined)


@registry.field("Mutation.leaveRoom")
async def leave_room(ctx: Context, *, room_id: str) -> RoomMember:
    def left(room: Room, before: RoomMember | None, _actor: RoomMember | None) -> RoomMember:
        return leave(room, _found(before))

    return await _step(ctx, text.identifier(room_id, "roomId"), ctx.caller.id, left)


@registry.field("Mutation.inviteToRoom")
async def invite_to_room(ctx: Context, *, room_id: str, user_id: str) -> RoomMember:
    def invited(room: Room, before: RoomMember | None, actor: RoomMember | None) -> RoomMember:
        require_moderates(room, actor)
        if not exists:
            raise not_found("user")
        return invite(room, invited_id, before, ctx.caller.id, ctx.now())

    asked_id, invited_id = text.identifier(room_id, "roomId"), text.identifier(user_id, "userId")
    await require_course_of(ctx, asked_id)
    user = await ctx.sources.users.get(invited_id)
    exists = user is not None and user.status in ("ACTIVE", "SUSPENDED")
    return await _step(ctx, asked_id, invited_id, invited)


@registry.field("Mutation.updateRoomMember")
async def update_room_member(ctx: Context, *, input: UpdateRoomMemberInput) -> RoomMember:
    def moderated(room: Room, before: RoomMember | None, actor: RoomMember | None) -> RoomMember:
        return moderate(room, require_moderates(room, actor), _found(before), input, ctx.now())

    room_id = text.identifier(input["room_id"], "input.roomId")
    await require_course_of(ctx, room_id)
    user_id = text.identifier(input["user_id"], "input.userId")
    return await _step(ctx, room_id, user_id, moderated, input.get("expected_version"))


@registry.field("Mutation.updateRoomNotifications")
async def update_room_notifications(ctx: Context, *, room_id: str, level: RoomNotificationLevel) -> RoomMember:
    def chosen(room: Room, before: RoomMember | None, _actor: RoomMember | None) -> RoomMember:
        return with_notifications(require_joined(room, before), level)

    return await _step(ctx, text.identifier(room_id, "roomId"), ctx.caller.id, chosen)


@registry.field("Mutation.markRoomRead")
async def mark_room_read(ctx: Context, *, room_id: str, sequence: int) -> ReadReceipt | None:
    """null, so that nobody is told, of a user who sends no read receipts."""
    if sequence < 0:
        raise bad_request("sequence", "RANGE", "sequence is 0 or more.")
    read_id = text.identifier(room_id, "roomId")
    await require_course_of(ctx, read_id)
    receipt = await ctx.sources.room_members.mark_read(read_id, ctx.caller.id, sequence, ctx.now())
    if receipt is None:
        room, member = await room_and_member(ctx, read_id)
        require_joined(room, member)
        raise not_found("room")
    is_silent = await ctx.sources.settings.switched_off("readReceiptsEnabled", [ctx.caller.id])
    return None if is_silent else receipt


@registry.field("Mutation.publishRoomMember")
async def publish_room_member(ctx: Context, *, room_id: str, user_id: str) -> RoomMember | None:
    """Writes nothing: the stored record is the payload."""
    return await ctx.sources.room_members.get(text.identifier(room_id, "roomId"), text.identifier(user_id, "userId"))


@registry.batch("RoomMember.room")
async def rooms(ctx: Context, members: Sequence[RoomMember]) -> list[Room | None]:
    """For the backend, which tells others, what the member may know."""
    room_ids = [member.room_id for member in members]
    if ctx.caller.user_id is not None:
        return await known_rooms(ctx, room_ids, members)
    found = await ctx.sources.rooms.get_many(room_ids)
    return [
        room if room is not None and may_know(room, member) else None
        for room, member in zip(found, members, strict=True)
    ]


@registry.batch("RoomMember.user")
async def users(ctx: Context, members: Sequence[RoomMember]) -> list[UserSummary | None]:
    return await ctx.sources.users.summaries([member.user_id for member in members])


@registry.batch("RoomMember.lastReadSequence", whole=True)
async def last_read_sequences(ctx: Context, members: Sequence[RoomMember]) -> list[int]:
    """Of others only among those who send read receipts, 0 else: who sends none sees none."""
    caller_id = ctx.caller.user_id
    others = {member.user_id for member in members if member.user_id != caller_id}
    asked = sorted(others if caller_id is None or not others else {*others, caller_id})
    silent = await ctx.sources.settings.switched_off("readReceiptsEnabled", asked)

    def is_shown(member: RoomMember) -> bool:
        return member.user_id == caller_id or silent.isdisjoint((member.user_id, caller_id))

    return [member.last_read_sequence if is_shown(member) else 0 for member in members]


@registry.batch("RoomMember.myUnreadCount", whole=True)
async def my_unread_counts(ctx: Context, members: Sequence[RoomMember]) -> list[int | None]:
    """The caller's own where they are in the room, None of others."""
    is_mine = [member.user_id == ctx.caller.user_id and member.is_joined for member in members]
    mine = [member.room_id for member, own in zip(members, is_mine, strict=True) if own]
    last = await ctx.sources.rooms.last_sequences(mine)
    return [
        max(0, last[member.room_id] - member.last_read_sequence) if own and member.room_id in last else None
        for member, own in zip(members, is_mine, strict=True)
    ]


async def _step(
    ctx: Context, room_id: str, user_id: str, step: Step, expected_version: int | None = None
) -> RoomMember:
    member, is_changed = await ctx.sources.room_members.step(
        room_id, user_id, step, actor_id=ctx.caller.id, expected_version=expected_version
    )
    if is_changed:
        await membership_changed(ctx, member)
    return member


def _found(member: RoomMember | None) -> RoomMember:
    if member is None:
        raise not_found("member")
    return member
