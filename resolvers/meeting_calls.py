"""Meetings while they go on: opening and ending them, joining and leaving, captions and breakouts."""

from datasources.idempotency import request
from domain import text
from domain.breakouts import checked_groups
from domain.meeting_attendees import MeetingAttendee
from domain.meetings import Meeting, MeetingJoin
from resolvers.context import Context
from resolvers.inputs import CreateBreakoutsInput, UpdateMeetingAttendeeInput
from resolvers.meeting_access import known_meeting, require_host, require_runs
from resolvers.paging import Connection
from resolvers.registry import registry


@registry.field("Mutation.startMeeting")
async def start_meeting(ctx: Context, *, id: str) -> Meeting:
    asked = await require_host(ctx, id, "id")
    time_zone = await ctx.sources.settings.time_zone(asked.host_id)
    meeting, is_new = await ctx.sources.calls.start(asked.id, time_zone=time_zone, now=ctx.now())
    if is_new:
        await ctx.publish("publishMeeting", id=meeting.id)
    return meeting


@registry.field("Mutation.joinMeeting")
async def join_meeting(ctx: Context, *, id: str) -> MeetingJoin:
    meeting, _ = await known_meeting(ctx, id, "id")
    join = await ctx.sources.calls.join(meeting.id, ctx.caller.id, ctx.now())
    await _attendee_changed(ctx, meeting.id, ctx.caller.id)
    return join


@registry.field("Mutation.leaveMeeting")
async def leave_meeting(ctx: Context, *, meeting_id: str) -> MeetingAttendee:
    meeting, _ = await known_meeting(ctx, meeting_id, "meetingId")
    row, is_changed = await ctx.sources.roster_steps.leave(meeting.id, ctx.caller.id, ctx.now())
    if is_changed:
        await _attendee_changed(ctx, meeting.id, row.user_id)
    return row


@registry.field("Mutation.updateMeetingAttendee")
async def update_meeting_attendee(ctx: Context, *, input: UpdateMeetingAttendeeInput) -> MeetingAttendee:
    meeting = await require_runs(ctx, input["meeting_id"], "input.meetingId")
    user_id = text.identifier(input["user_id"], "input.userId")
    row, is_changed = await ctx.sources.roster_steps.change_role(meeting.id, user_id, input["role"])
    if is_changed:
        await _attendee_changed(ctx, meeting.id, user_id)
    return row


@registry.field("Mutation.removeMeetingAttendee")
async def remove_meeting_attendee(ctx: Context, *, meeting_id: str, user_id: str) -> MeetingAttendee:
    meeting = await require_runs(ctx, meeting_id)
    removed_id = text.identifier(user_id, "userId")
    row, is_changed = await ctx.sources.roster_steps.remove(meeting.id, removed_id, ctx.now())
    changed = [meeting.id] if is_changed else []
    changed += await ctx.sources.roster_steps.remove_from_breakouts(meeting, removed_id, ctx.now())
    if changed:
        await ctx.recheck(removed_id)
    for changed_id in changed:
        await _attendee_changed(ctx, changed_id, removed_id)
    return row


@registry.field("Mutation.endMeeting")
async def end_meeting(ctx: Context, *, id: str) -> Meeting:
    asked = await require_host(ctx, id, "id")
    meeting, is_new = await ctx.sources.calls.end(asked.id, "HOST", ctx.now())
    if is_new:
        await ctx.publish("publishMeeting", id=meeting.id)
    return meeting


@registry.field("Mutation.startMeetingTranscription")
async def start_meeting_transcription(ctx: Context, *, meeting_id: str, language: str) -> Meeting:
    meeting = await require_host(ctx, meeting_id)
    tag = text.language_tag(language, "language")
    return await _transcribed(ctx, await ctx.sources.transcription.start(meeting.id, tag, ctx.now()))


@registry.field("Mutation.stopMeetingTranscription")
async def stop_meeting_transcription(ctx: Context, *, meeting_id: str) -> Meeting:
    meeting = await require_host(ctx, meeting_id)
    return await _transcribed(ctx, await ctx.sources.transcription.stop(meeting.id, ctx.now()))


@registry.field("Mutation.createBreakouts")
async def create_breakouts(ctx: Context, *, input: CreateBreakoutsInput) -> Connection[Meeting]:
    parent = await require_host(ctx, input["meeting_id"], "input.meetingId")
    groups = checked_groups(input["groups"], parent.host_id)
    asked = request(ctx.caller.id, "createBreakouts", input.get("client_token"), input)
    time_zone = await ctx.sources.settings.time_zone(parent.host_id)
    breakouts = await ctx.sources.breakouts.create(
        parent.id, groups, asked, new_id=ctx.new_id, time_zone=time_zone, now=ctx.now()
    )
    for meeting_id in (parent.id, *(breakout.id for breakout in breakouts)):
        await ctx.publish("publishMeeting", id=meeting_id)
    return Connection(breakouts)


async def _transcribed(ctx: Context, changed: tuple[Meeting, bool]) -> Meeting:
    meeting, is_changed = changed
    if is_changed:
        await ctx.publish("publishMeeting", id=meeting.id)
    return meeting


async def _attendee_changed(ctx: Context, meeting_id: str, user_id: str) -> None:
    await ctx.publish("publishMeetingAttendee", meeting_id=meeting_id, user_id=user_id)
