"""Attendance as its overseers and its users see it: rules, records, their history and totals, and changes by hand."""

from collections.abc import Sequence
from typing import Any

from datasources.audit import audit_write
from domain import text
from domain.attendance import AttendanceChange, AttendanceRecord, overridden
from domain.attendance_policy import AttendancePolicy, changed_policy, require_opened
from domain.attendance_summary import AttendanceSummary
from domain.errors import Code, DomainError, bad_request, forbidden
from domain.meetings import Meeting
from domain.users import UserSummary
from resolvers.access import require_own, require_staff, staff_among
from resolvers.attendance_access import overseen_among, overseen_meeting, require_expected
from resolvers.context import Context
from resolvers.inputs import AttendanceStatus, OverrideAttendanceInput, SetAttendancePolicyInput
from resolvers.meeting_access import known_among, require_host
from resolvers.paging import Connection, page
from resolvers.registry import registry


@registry.field("Query.getAttendancePolicy")
async def get_attendance_policy(ctx: Context, *, meeting_id: str) -> AttendancePolicy | None:
    [meeting] = await known_among(ctx, [await ctx.sources.meetings.get(text.identifier(meeting_id, "meetingId"))])
    return None if meeting is None else await ctx.sources.attendance.policy(meeting.id)


@registry.batch("Meeting.attendancePolicy")
async def attendance_policies(ctx: Context, meetings: Sequence[Meeting]) -> list[AttendancePolicy | None]:
    return await ctx.sources.attendance.policies([meeting.id for meeting in meetings])


@registry.field("Query.getMyAttendance")
async def get_my_attendance(ctx: Context, *, meeting_id: str) -> AttendanceRecord | None:
    return await ctx.sources.attendance.get(text.identifier(meeting_id, "meetingId"), ctx.caller.id)


@registry.field("Query.listMeetingAttendance")
async def list_meeting_attendance(
    ctx: Context,
    *,
    meeting_id: str,
    status: AttendanceStatus | None = None,
    limit: int | None = None,
    next_token: str | None = None,
) -> Connection[AttendanceRecord]:
    meeting = await overseen_meeting(ctx, meeting_id)

    async def read(position: Any, size: int) -> tuple[Sequence[AttendanceRecord], Any]:
        return await ctx.sources.attendance.page(meeting.id, status, position, size)

    arguments = {"meeting_id": meeting.id, "status": status}
    return await page(ctx, "Query.listMeetingAttendance", arguments, limit, next_token, read)


@registry.field("Query.listUserAttendance")
async def list_user_attendance(
    ctx: Context,
    *,
    user_id: str | None = None,
    course_id: str | None = None,
    limit: int | None = None,
    next_token: str | None = None,
) -> Connection[AttendanceRecord]:
    course = None if course_id is None else text.identifier(course_id, "courseId")
    learner = ctx.caller.id if user_id is None else text.identifier(user_id, "userId")
    if learner != ctx.caller.id and not await _may_see_others(ctx, course):
        raise forbidden("Others' attendance is for the staff of a course, which courseId names.")

    async def read(position: Any, size: int) -> tuple[Sequence[AttendanceRecord], Any]:
        return await ctx.sources.attendance.of_user(learner, course, position, size)

    arguments = {"user_id": learner, "course_id": course}
    return await page(ctx, "Query.listUserAttendance", arguments, limit, next_token, read)


@registry.field("Query.listAttendanceSummaries")
async def list_attendance_summaries(
    ctx: Context, *, course_id: str, limit: int | None = None, next_token: str | None = None
) -> Connection[AttendanceSummary]:
    course = await require_staff(ctx, text.identifier(course_id, "courseId"))

    async def read(position: Any, size: int) -> tuple[Sequence[AttendanceSummary], Any]:
        return await ctx.sources.attendance_summaries.page(course.id, position, size)

    return await page(ctx, "Query.listAttendanceSummaries", {"course_id": course.id}, limit, next_token, read)


@registry.field("Query.listAttendanceChanges")
async def list_attendance_changes(
    ctx: Context, *, meeting_id: str, user_id: str, limit: int | None = None, next_token: str | None = None
) -> Connection[AttendanceChange]:
    meeting, learner = await overseen_meeting(ctx, meeting_id), text.identifier(user_id, "userId")

    async def read(position: Any, size: int) -> tuple[Sequence[AttendanceChange], Any]:
        return await ctx.sources.attendance.changes(meeting.id, learner, position, size)

    arguments = {"meeting_id": meeting.id, "user_id": learner}
    return await page(ctx, "Query.listAttendanceChanges", arguments, limit, next_token, read)


@registry.field("Mutation.setAttendancePolicy")
async def set_attendance_policy(ctx: Context, *, input: SetAttendancePolicyInput) -> AttendancePolicy:
    meeting = await require_host(ctx, input["meeting_id"], "input.meetingId")
    if meeting.parent_meeting_id is not None:
        raise bad_request(
            "input.meetingId", "BREAKOUT", "Attendance is taken in the meeting that a breakout is part of."
        )
    return await ctx.sources.attendance.change_policy(
        meeting,
        lambda policy: changed_policy(policy, input, ctx.sources.face_abilities, ctx.now()),
        input.get("expected_version"),
    )


@registry.field("Mutation.overrideAttendance")
async def override_attendance(ctx: Context, *, input: OverrideAttendanceInput) -> AttendanceRecord:
    meeting = await overseen_meeting(ctx, input["meeting_id"], "input.meetingId")
    user_id = text.identifier(input["user_id"], "input.userId")
    await require_expected(ctx, meeting, user_id)
    now = ctx.now()

    def step(policy: AttendancePolicy, before: AttendanceRecord | None) -> AttendanceRecord:
        require_opened(policy, now)
        return overridden(
            meeting,
            user_id,
            before,
            input["status"],
            input["note"],
            by=ctx.caller.id,
            expected_version=input.get("expected_version"),
            now=now,
        )

    audit = audit_write(
        ctx.caller,
        "overrideAttendance",
        user_id,
        now,
        ctx.new_id(),
        {"meetingId": meeting.id, "status": input["status"]},
    )
    record, _ = await ctx.sources.attendance.change(meeting, user_id, step, now, also=[audit])
    await ctx.publish("publishAttendance", meeting_id=meeting.id, user_id=user_id)
    return record


@registry.field("Mutation.publishAttendance")
async def publish_attendance(ctx: Context, *, meeting_id: str, user_id: str) -> AttendanceRecord | None:
    """Writes nothing: the stored record is the payload."""
    asked = text.identifier(meeting_id, "meetingId"), text.identifier(user_id, "userId")
    return await ctx.sources.attendance.get(*asked)


@registry.field("Subscription.onAttendanceChanged")
async def on_attendance_changed(ctx: Context, *, meeting_id: str | None = None, user_id: str | None = None) -> None:
    if meeting_id is None or user_id == ctx.caller.id:
        require_own(ctx, user_id)
        return
    try:
        await require_host(ctx, meeting_id)
    except DomainError as refusal:
        if refusal.code is not Code.NOT_FOUND:
            raise
        raise forbidden("One hears of oneself, and of the meetings that one hosts.") from None


@registry.batch("AttendanceRecord.user")
async def users(ctx: Context, records: Sequence[AttendanceRecord]) -> list[UserSummary | None]:
    return await ctx.sources.users.summaries([record.user_id for record in records])


@registry.batch("AttendanceRecord.similarityPercent", whole=True)
async def similarities(ctx: Context, records: Sequence[AttendanceRecord]) -> list[float | None]:
    """For who oversees the meeting; nobody else, and no subscriber, learns how alike a picture was."""
    overseen = await overseen_among(ctx, [record.meeting_id for record in records])
    return [record.similarity_percent if record.meeting_id in overseen else None for record in records]


@registry.batch("AttendanceSummary.user")
async def users_of_summaries(ctx: Context, summaries: Sequence[AttendanceSummary]) -> list[UserSummary | None]:
    return await ctx.sources.users.summaries([summary.user_id for summary in summaries])


async def _may_see_others(ctx: Context, course_id: str | None) -> bool:
    return ctx.caller.is_admin or (course_id is not None and bool(await staff_among(ctx, [course_id])))
