"""A meeting's roster: who is in it, with which role, and when they were there."""

from collections.abc import Sequence
from typing import Any

from domain import text
from domain.meeting_attendees import MeetingAttendee, without_presence
from domain.users import UserSummary
from resolvers.context import Context
from resolvers.meeting_access import attended_meeting, sees_presence
from resolvers.paging import Connection, page
from resolvers.registry import registry


@registry.field("Query.listMeetingAttendees")
async def list_meeting_attendees(
    ctx: Context, *, meeting_id: str, limit: int | None = None, next_token: str | None = None
) -> Connection[MeetingAttendee]:
    meeting, mine = await attended_meeting(ctx, meeting_id, "meetingId")
    sees_all = await sees_presence(ctx, meeting, mine)

    async def read(position: Any, size: int) -> tuple[Sequence[MeetingAttendee], Any]:
        rows, following = await ctx.sources.rosters.page(meeting.id, position, size)
        return [row if sees_all or row.user_id == ctx.caller.id else without_presence(row) for row in rows], following

    return await page(ctx, "Query.listMeetingAttendees", {"meeting_id": meeting.id}, limit, next_token, read)


@registry.field("Mutation.publishMeetingAttendee")
async def publish_meeting_attendee(ctx: Context, *, meeting_id: str, user_id: str) -> MeetingAttendee | None:
    """Writes nothing: the stored record is the payload, without what only some may see."""
    asked = text.identifier(meeting_id, "meetingId"), text.identifier(user_id, "userId")
    row = await ctx.sources.rosters.get(*asked)
    return None if row is None else without_presence(row)


@registry.batch("MeetingAttendee.user")
async def users(ctx: Context, rows: Sequence[MeetingAttendee]) -> list[UserSummary | None]:
    return await ctx.sources.users.summaries([row.user_id for row in rows])
