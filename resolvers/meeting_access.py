"""Who may know a meeting, run it, and see who was there: the questions that every operation on meetings asks first."""

import asyncio
from collections.abc import Sequence

from domain import text
from domain.errors import forbidden, not_found
from domain.meeting_attendees import MeetingAttendee, removed_from_meeting
from domain.meetings import Meeting
from resolvers.access import open_among, staff_among
from resolvers.context import Context


async def known_among(ctx: Context, meetings: Sequence[Meeting | None]) -> list[Meeting | None]:
    """At most 100 meetings in their order; None for those that the caller may not know.

    Known to who is in the roster, also when they were removed, and to whoever has access to the meeting's course.
    """
    found = [meeting for meeting in meetings if meeting is not None]
    rows, open_courses = await asyncio.gather(
        ctx.sources.rosters.of_user(ctx.caller.id, [meeting.id for meeting in found]),
        open_among(ctx, [meeting.course_id for meeting in found if meeting.course_id is not None]),
    )
    known = {
        meeting.id
        for meeting, row in zip(found, rows, strict=True)
        if row is not None or meeting.course_id in open_courses
    }
    return [meeting if meeting is not None and meeting.id in known else None for meeting in meetings]


async def known_meeting(ctx: Context, meeting_id: str, field: str) -> tuple[Meeting, MeetingAttendee | None]:
    """A meeting that the caller may know, and their row in it. Raises NOT_FOUND."""
    asked = text.identifier(meeting_id, field)
    meeting, row = await asyncio.gather(ctx.sources.meetings.get(asked), ctx.sources.rosters.get(asked, ctx.caller.id))
    if meeting is None:
        raise not_found("meeting")
    if row is None and meeting.course_id not in await _open(ctx, meeting):
        raise not_found("meeting")
    return meeting, row


async def attended_meeting(ctx: Context, meeting_id: str, field: str) -> tuple[Meeting, MeetingAttendee | None]:
    """As `known_meeting`; and raises REMOVED_FROM_MEETING for who was put out."""
    meeting, row = await known_meeting(ctx, meeting_id, field)
    if row is not None and row.is_removed:
        raise removed_from_meeting()
    return meeting, row


async def attended_among(ctx: Context, meeting_ids: Sequence[str]) -> list[Meeting]:
    """Those of at most 100 meetings that the caller may know, and was not put out of."""
    known = await known_among(ctx, await ctx.sources.meetings.get_many(meeting_ids))
    meetings = [meeting for meeting in known if meeting is not None]
    rows = await ctx.sources.rosters.of_user(ctx.caller.id, [meeting.id for meeting in meetings])
    return [meeting for meeting, row in zip(meetings, rows, strict=True) if row is None or not row.is_removed]


async def require_host(ctx: Context, meeting_id: str, field: str = "meetingId") -> Meeting:
    """Raises NOT_FOUND, FORBIDDEN."""
    meeting, _ = await known_meeting(ctx, meeting_id, field)
    if meeting.host_id != ctx.caller.id:
        raise forbidden("This is for the meeting's host.")
    return meeting


async def require_runs(ctx: Context, meeting_id: str, field: str = "meetingId") -> Meeting:
    """For the host and the co-hosts. Raises NOT_FOUND, FORBIDDEN."""
    meeting, row = await known_meeting(ctx, meeting_id, field)
    if row is None or not row.runs:
        raise forbidden("This is for the meeting's host and co-hosts.")
    return meeting


async def sees_presence(ctx: Context, meeting: Meeting, row: MeetingAttendee | None) -> bool:
    """Whether the caller may see when others came and went: host, CO_HOST, and the course's staff."""
    if row is not None and row.runs:
        return True
    return meeting.course_id is not None and bool(await staff_among(ctx, [meeting.course_id]))


async def _open(ctx: Context, meeting: Meeting) -> frozenset[str | None]:
    return frozenset() if meeting.course_id is None else frozenset(await open_among(ctx, [meeting.course_id]))
