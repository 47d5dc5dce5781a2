"""What is told after a commit that changed a membership: to subscribers, and to what remembers who is where."""

from domain.room_members import RoomMember
from resolvers.context import Context


async def membership_changed(ctx: Context, member: RoomMember) -> None:
    """Whoever is out hears nothing more of the room by the time this returns."""
    ctx.sources.presence.forget_rooms(member.user_id)
    if not member.is_joined:
        await ctx.recheck(member.user_id)
    await ctx.publish("publishRoomMember", room_id=member.room_id, user_id=member.user_id)
