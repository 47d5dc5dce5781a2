"""Records read anew by what the SDL shows of them, for AppSync, which keeps no more of a parent between two fields.

The parent was answered to this very caller a moment ago, so nobody's right is asked here again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from domain.attendance import AttendanceRecord
from domain.courses import Course
from domain.enrollments import Enrollment
from domain.exports import ExportJob
from domain.lessons import Lesson, LessonResource
from domain.media import MediaAsset
from domain.messages import Message
from domain.recordings import MeetingRecording
from domain.room_members import RoomMember
from domain.uploads import Upload
from domain.users import User, UserSummary
from resolvers.context import Context
from resolvers.registry import registry

K = TypeVar("K")
R = TypeVar("R")


@registry.reread("User")
async def users(ctx: Context, seen: Sequence[User]) -> list[User | None]:
    return await _each(ctx.sources.users.get, [user.id for user in seen])


@registry.reread("UserSummary")
async def summaries(ctx: Context, seen: Sequence[UserSummary]) -> list[UserSummary | None]:
    return await ctx.sources.users.summaries([user.id for user in seen])


@registry.reread("Course")
async def courses(ctx: Context, seen: Sequence[Course]) -> list[Course | None]:
    return await ctx.sources.courses.get_many([course.id for course in seen])


@registry.reread("Enrollment")
async def enrollments(ctx: Context, seen: Sequence[Enrollment]) -> list[Enrollment | None]:
    async def read(key: tuple[str, str]) -> Enrollment | None:
        return await ctx.sources.enrollments.get(*key)

    return await _each(read, [(row.course_id, row.user_id) for row in seen])


@registry.reread("Lesson")
async def lessons(ctx: Context, seen: Sequence[Lesson]) -> list[Lesson | None]:
    return await ctx.sources.lessons.get_many([lesson.id for lesson in seen])


@registry.reread("LessonResource")
async def resources(ctx: Context, seen: Sequence[LessonResource]) -> list[LessonResource | None]:
    async def read(key: tuple[str, str]) -> LessonResource | None:
        return await ctx.sources.resources.get(*key)

    return await _each(read, [(resource.lesson_id, resource.id) for resource in seen])


@registry.reread("Message")
async def messages(ctx: Context, seen: Sequence[Message]) -> list[Message | None]:
    return await ctx.sources.messages.get_many([message.id for message in seen])


@registry.reread("RoomMember")
async def members(ctx: Context, seen: Sequence[RoomMember]) -> list[RoomMember | None]:
    async def read(key: tuple[str, str]) -> RoomMember | None:
        return await ctx.sources.room_members.get(*key)

    return await _each(read, [(member.room_id, member.user_id) for member in seen])


@registry.reread("MediaAsset")
async def media(ctx: Context, seen: Sequence[MediaAsset]) -> list[MediaAsset | None]:
    return await _each(ctx.sources.media.get, [each.id for each in seen])


@registry.reread("Upload")
async def uploads(ctx: Context, seen: Sequence[Upload]) -> list[Upload | None]:
    return await _each(ctx.sources.uploads.get, [upload.id for upload in seen])


@registry.reread("MeetingRecording")
async def recordings(ctx: Context, seen: Sequence[MeetingRecording]) -> list[MeetingRecording | None]:
    return await _each(ctx.sources.recordings.get, [recording.id for recording in seen])


@registry.reread("AttendanceRecord")
async def attendance_records(ctx: Context, seen: Sequence[AttendanceRecord]) -> list[AttendanceRecord | None]:
    async def read(key: tuple[str, str]) -> AttendanceRecord | None:
        return await ctx.sources.attendance.get(*key)

    return await _each(read, [(record.meeting_id, record.user_id) for record in seen])


@registry.reread("ExportJob")
async def export_jobs(ctx: Context, seen: Sequence[ExportJob]) -> list[ExportJob | None]:
    return await _each(ctx.sources.export_jobs.get, [job.id for job in seen])


async def _each(read: Callable[[K], Awaitable[R | None]], keys: Sequence[K]) -> list[R | None]:
    """One read a key at once, as there are no more than a batch holds; each key is read once."""
    unique = list(dict.fromkeys(keys))
    found = dict(zip(unique, await asyncio.gather(*map(read, unique)), strict=True))
    return [found[key] for key in keys]
