"""Meetings: planning and changing them, inviting to them, and finding them."""

import asyncio
from collections.abc import Sequence
from typing import Any

from datasources.idempotency import request
from datasources.ports import SortRange
from domain import text
from domain.errors import bad_request
from domain.meeting_attendees import MeetingAttendee, may_meet, require_may_meet
from domain.meetings import Meeting, canceled_meeting, changed_meeting, invited_users, new_meeting
from domain.users import UserSummary
from resolvers.access import require_staff
from resolvers.context import Context
from resolvers.inputs import CreateMeetingInput, TimeRangeInput, UpdateMeetingInput
from resolvers.meeting_access import known_among, require_host
from resolvers.paging import Connection, page
from resolvers.ranges import check_range
from resolvers.registry import registry
from resolvers.room_access import require_course


@registry.field("Query.getMeeting")
async def get_meeting(ctx: Context, *, id: str) -> Meeting | None:
    [meeting] = await known_among(ctx, [await ctx.sources.meetings.get(text.identifier(id, "id"))])
    return meeting


@registry.field("Query.listCourseMeetings")
async def list_course_meetings(
    ctx: Context,
    *,
    course_id: str,
    range: TimeRangeInput | None = None,
    limit: int | None = None,
    next_token: str | None = None,
) -> Connection[Meeting]:
    await require_course(ctx, text.identifier(course_id, "courseId"), "course")
    planned = _planned(range)

    async def read(position: Any, size: int) -> tuple[Sequence[Meeting], Any]:
        return await ctx.sources.meetings.of_course(course_id, planned, position, size)

    arguments = {"course_id": course_id, "range": range}
    return await page(ctx, "Query.listCourseMeetings", arguments, limit, next_token, read)


@registry.field("Query.listMyMeetings")
async def list_my_meetings(
    ctx: Context, *, range: TimeRangeInput | None = None, limit: int | None = None, next_token: str | None = None
) -> Connection[Meeting]:
    planned = _planned(range)

    async def read(position: Any, size: int) -> tuple[Sequence[Meeting], Any]:
        return await ctx.sources.meetings.of_user(ctx.caller.id, planned, position, size)

    return await page(ctx, "Query.listMyMeetings", {"range": range}, limit, next_token, read)


@registry.field("Mutation.createMeeting")
async def create_meeting(ctx: Context, *, input: CreateMeetingInput) -> Meeting:
    """A repeated call completes what the first one left, and invites nobody twice."""
    require_may_meet(ctx.caller.id)
    has_room = input.get("with_room") is not False
    wanted = new_meeting(
        input,
        meeting_id=ctx.new_id(),
        host_id=ctx.caller.id,
        room_id=ctx.new_id() if has_room else None,
        now=ctx.now(),
    )
    user_ids = invited_users(input.get("invite_user_ids") or (), "input.inviteUserIds", ctx.caller.id)
    asked = request(ctx.caller.id, "createMeeting", input.get("client_token"), input)
    if wanted.course_id is not None:
        await require_staff(ctx, wanted.course_id)
    await _require_users(ctx, user_ids, "input.inviteUserIds")
    meeting, is_new = await ctx.sources.meetings.create(wanted, asked)
    if is_new:
        await ctx.publish("publishMeeting", id=meeting.id)
    if meeting.is_over:
        return meeting
    return await _invite(ctx, meeting, user_ids)


@registry.field("Mutation.updateMeeting")
async def update_meeting(ctx: Context, *, input: UpdateMeetingInput) -> Meeting:
    meeting = await require_host(ctx, input["id"], "input.id")
    changed, _ = await ctx.sources.meetings.update(
        meeting.id,
        lambda before: changed_meeting(before, input, ctx.now()),
        expected_version=input.get("expected_version"),
    )
    await ctx.publish("publishMeeting", id=meeting.id)
    return changed


@registry.field("Mutation.cancelMeeting")
async def cancel_meeting(
    ctx: Context, *, id: str, reason: str | None = None, expected_version: int | None = None
) -> Meeting:
    why = text.clean_or_none(reason, "reason", longest=text.REASON)
    meeting = await require_host(ctx, id, "id")
    canceled, _ = await ctx.sources.meetings.update(
        meeting.id, lambda before: canceled_meeting(before, why), expected_version=expected_version
    )
    await ctx.publish("publishMeeting", id=meeting.id)
    return canceled


@registry.field("Mutation.inviteToMeeting")
async def invite_to_meeting(ctx: Context, *, meeting_id: str, user_ids: list[str]) -> Meeting:
    meeting = await require_host(ctx, meeting_id)
    invited = invited_users(user_ids, "userIds", meeting.host_id)
    await _require_users(ctx, invited, "userIds")
    return await _invite(ctx, meeting, invited)


@registry.field("Mutation.publishMeeting")
async def publish_meeting(ctx: Context, *, id: str) -> Meeting | None:
    """Writes nothing: the stored record is the payload."""
    return await ctx.sources.meetings.get(text.identifier(id, "id"))


@registry.batch("Meeting.host")
async def hosts(ctx: Context, meetings: Sequence[Meeting]) -> list[UserSummary | None]:
    return await ctx.sources.users.summaries([meeting.host_id for meeting in meetings])


@registry.batch("Meeting.myAttendee")
async def my_attendees(ctx: Context, meetings: Sequence[Meeting]) -> list[MeetingAttendee | None]:
    if ctx.caller.user_id is None:
        return [None] * len(meetings)
    return await ctx.sources.rosters.of_user(ctx.caller.user_id, [meeting.id for meeting in meetings])


def _planned(range: TimeRangeInput | None) -> SortRange | None:
    """Starts from `from` on and before `to`."""
    check_range(range)
    return None if range is None else SortRange(at_least=range["from"], before=range["to"])


async def _require_users(ctx: Context, user_ids: Sequence[str], field: str) -> None:
    """Raises BAD_REQUEST, rule NO_SUCH_USER."""
    if None in await ctx.sources.users.summaries(user_ids) or not all(map(may_meet, user_ids)):
        raise bad_request(field, "NO_SUCH_USER", f"{field} names users who exist.")


async def _invite(ctx: Context, meeting: Meeting, user_ids: Sequence[str]) -> Meeting:
    rows = await ctx.sources.meetings.invite(meeting.id, user_ids)
    if not rows:
        return meeting
    await ctx.publish("publishMeeting", id=meeting.id)
    await asyncio.gather(
        *(ctx.publish("publishMeetingAttendee", meeting_id=row.meeting_id, user_id=row.user_id) for row in rows)
    )
    return await ctx.sources.meetings.get(meeting.id) or meeting
