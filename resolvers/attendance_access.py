"""Who may see and change the attendance of others: a meeting's host, and the staff of its course."""

from collections.abc import Sequence

from datasources.attendance_rows import is_record_row
from domain.errors import forbidden, not_found
from domain.meeting_attendees import MeetingAttendee, require_may_meet
from domain.meetings import Meeting
from resolvers.access import staff_among
from resolvers.context import Context
from resolvers.meeting_access import attended_meeting, known_meeting


async def overseen_meeting(ctx: Context, meeting_id: str, field: str = "meetingId") -> Meeting:
    """Raises NOT_FOUND, FORBIDDEN."""
    meeting, _ = await known_meeting(ctx, meeting_id, field)
    if meeting.host_id != ctx.caller.id and not await staff_among(ctx, _courses([meeting])):
        raise forbidden("This is for the meeting's host and the course's staff.")
    return meeting


async def overseen_among(ctx: Context, meeting_ids: Sequence[str]) -> frozenset[str]:
    """The meetings, out of at most 100, whose attendance the caller may look into."""
    if ctx.caller.user_id is None:
        return frozenset()
    found = await ctx.sources.meetings.get_many(list(dict.fromkeys(meeting_ids)))
    meetings = [meeting for meeting in found if meeting is not None]
    staff = await staff_among(ctx, _courses(meetings))
    return frozenset(
        meeting.id for meeting in meetings if meeting.host_id == ctx.caller.user_id or meeting.course_id in staff
    )


async def marking(ctx: Context, meeting_id: str, field: str) -> tuple[Meeting, MeetingAttendee | None]:
    """The meeting in which the caller wants to be marked, and their row in it.

    Raises:
        DomainError: NOT_FOUND, REMOVED_FROM_MEETING; FORBIDDEN for an account whose id meetings cannot take.
    """
    require_may_meet(ctx.caller.id)
    return await attended_meeting(ctx, meeting_id, field)


async def require_expected(ctx: Context, meeting: Meeting, user_id: str) -> None:
    """That the user belongs to the meeting or its course, or has a record in it. Raises NOT_FOUND."""
    if not is_record_row({"userId": user_id}):
        raise not_found("attendee")
    if await ctx.sources.rosters.get(meeting.id, user_id) is not None:
        return
    if meeting.course_id is not None and await ctx.sources.enrollments.get(meeting.course_id, user_id) is not None:
        return
    if await ctx.sources.attendance.get(meeting.id, user_id) is None:
        raise not_found("attendee")


def _courses(meetings: Sequence[Meeting]) -> list[str]:
    return list(dict.fromkeys(meeting.course_id for meeting in meetings if meeting.course_id is not None))
