"""Being marked in the call: by being there, and by the code that its host shows."""

from datasources.attendance_rows import still_open
from datasources.meeting_rows import still_joined
from domain import text
from domain.attendance import AttendanceRecord
from domain.attendance_challenge import (
    AttendanceChallenge,
    AttendanceChallengeCode,
    is_right,
    new_challenge,
    shown_code,
    try_name,
)
from domain.attendance_policy import AttendancePolicy, MarkMethod, default_policy, require_method, require_open
from domain.errors import Code, DomainError, bad_request
from domain.meeting_attendees import MeetingAttendee
from domain.meetings import Meeting, require_live
from resolvers.attendance_access import marking
from resolvers.context import Context
from resolvers.meeting_access import require_runs
from resolvers.meeting_subscriptions import attends
from resolvers.registry import registry


@registry.field("Mutation.checkIn")
async def check_in(ctx: Context, *, meeting_id: str) -> AttendanceRecord:
    meeting, row = await marking(ctx, meeting_id, "meetingId")
    return await earlier_mark(ctx, meeting) or await _check_in(ctx, meeting, row)


@registry.field("Query.getAttendanceChallenge")
async def get_attendance_challenge(ctx: Context, *, meeting_id: str) -> AttendanceChallenge | None:
    try:
        meeting, _ = await marking(ctx, meeting_id, "meetingId")
    except DomainError as refusal:
        if refusal.code is not Code.NOT_FOUND:
            raise
        return None
    open_ = await ctx.sources.challenges.open(meeting.id, ctx.now())
    return None if open_ is None else open_.challenge


@registry.field("Query.getAttendanceChallengeCode")
async def get_attendance_challenge_code(ctx: Context, *, meeting_id: str) -> AttendanceChallengeCode | None:
    try:
        meeting = await require_runs(ctx, meeting_id)
    except DomainError as refusal:
        if refusal.code is not Code.NOT_FOUND:
            raise
        return None
    open_ = await ctx.sources.challenges.open(meeting.id, ctx.now())
    return None if open_ is None else shown_code(open_, ctx.now())


@registry.field("Mutation.startAttendanceChallenge")
async def start_attendance_challenge(
    ctx: Context, *, meeting_id: str, duration_seconds: int
) -> AttendanceChallengeCode:
    meeting = await require_runs(ctx, meeting_id)
    require_live(meeting)
    policy, now = await open_policy(ctx, meeting, "CHALLENGE"), ctx.now()
    new = new_challenge(meeting.id, duration_seconds, id=ctx.new_id(), closes_at=policy.closes_at, now=now)
    open_, is_new = await ctx.sources.challenges.start(new, now)
    if is_new:
        await ctx.publish("publishAttendanceChallenge", meeting_id=meeting.id)
    return shown_code(open_, now)


@registry.field("Mutation.answerAttendanceChallenge")
async def answer_attendance_challenge(ctx: Context, *, meeting_id: str, code: str) -> AttendanceRecord:
    if len(code) > text.ID:
        raise bad_request("code", "LENGTH", "code has 6 digits.")
    meeting, row = await marking(ctx, meeting_id, "meetingId")
    return await earlier_mark(ctx, meeting) or await _answer(ctx, meeting, row, code)


@registry.field("Mutation.publishAttendanceChallenge")
async def publish_attendance_challenge(ctx: Context, *, meeting_id: str) -> AttendanceChallenge | None:
    """Writes nothing: the open challenge is the payload, without what its codes are made of."""
    open_ = await ctx.sources.challenges.open(text.identifier(meeting_id, "meetingId"), ctx.now())
    return None if open_ is None else open_.challenge


@registry.field("Subscription.onAttendanceChallenge")
async def on_attendance_challenge(ctx: Context, *, meeting_id: str | None = None) -> None:
    await attends(ctx, meeting_id, "meetingId")


async def earlier_mark(ctx: Context, meeting: Meeting) -> AttendanceRecord | None:
    """The caller's mark, if there is one: marking again changes nothing, whenever it is tried."""
    record = await ctx.sources.attendance.get(meeting.id, ctx.caller.id)
    return record if record is not None and record.is_mark else None


async def open_policy(ctx: Context, meeting: Meeting, method: MarkMethod) -> AttendancePolicy:
    """The meeting's rules, by which the method marks now. Raises METHOD_NOT_ALLOWED, ATTENDANCE_CLOSED."""
    policy = await ctx.sources.attendance.policy(meeting.id) or default_policy(meeting)
    require_method(policy, method)
    require_open(policy, ctx.now())
    return policy


async def published(ctx: Context, record: AttendanceRecord, is_new: bool) -> AttendanceRecord:
    if is_new:
        await ctx.publish("publishAttendance", meeting_id=record.meeting_id, user_id=record.user_id)
    return record


async def _check_in(ctx: Context, meeting: Meeting, row: MeetingAttendee | None) -> AttendanceRecord:
    await open_policy(ctx, meeting, "JOIN")
    require_live(meeting)
    joined = _require_joined(row)
    marked = await ctx.sources.attendance.mark(
        meeting, ctx.caller.id, "JOIN", ctx.now(), also=[(still_joined(joined), _not_in_meeting())]
    )
    return await published(ctx, *marked)


async def _answer(ctx: Context, meeting: Meeting, row: MeetingAttendee | None, code: str) -> AttendanceRecord:
    await open_policy(ctx, meeting, "CHALLENGE")
    now = ctx.now()
    open_ = await ctx.sources.challenges.open(meeting.id, now)
    if open_ is None:
        raise _not_open()
    joined = _require_joined(row)
    left = await ctx.sources.tries.count(
        meeting.id,
        open_.challenge.id,
        ctx.caller.id,
        try_name(open_, code, now),
        now,
        until=open_.challenge.closes_at,
    )
    if not is_right(open_, code, now):
        raise DomainError(Code.CHALLENGE_CODE_WRONG, "This is not the code that is shown now.", triesLeft=left)
    marked = await ctx.sources.attendance.mark(
        meeting,
        ctx.caller.id,
        "CHALLENGE",
        now,
        also=[
            (still_open(open_.challenge, now), _not_open()),
            (still_joined(joined), _not_in_meeting()),
        ],
    )
    return await published(ctx, *marked)


def _require_joined(row: MeetingAttendee | None) -> MeetingAttendee:
    if row is None or not row.is_joined:
        raise _not_in_meeting()
    return row


def _not_in_meeting() -> DomainError:
    return DomainError(Code.NOT_IN_MEETING, "The user is not in the meeting.")


def _not_open() -> DomainError:
    return DomainError(Code.CHALLENGE_NOT_OPEN, "No challenge is open.")
