"""Recordings of meetings: starting and stopping them, and what became of them."""

from collections.abc import Sequence
from typing import Any

from domain import text
from domain.media import MediaAsset
from domain.recordings import MeetingRecording
from resolvers.context import Context
from resolvers.meeting_access import attended_meeting, require_host
from resolvers.paging import Connection, page
from resolvers.registry import registry


@registry.field("Query.listMeetingRecordings")
async def list_meeting_recordings(
    ctx: Context, *, meeting_id: str, limit: int | None = None, next_token: str | None = None
) -> Connection[MeetingRecording]:
    meeting, _ = await attended_meeting(ctx, meeting_id, "meetingId")

    async def read(position: Any, size: int) -> tuple[Sequence[MeetingRecording], Any]:
        return await ctx.sources.recordings.of_meeting(meeting.id, position, size)

    return await page(ctx, "Query.listMeetingRecordings", {"meeting_id": meeting.id}, limit, next_token, read)


@registry.field("Mutation.startRecording")
async def start_recording(ctx: Context, *, meeting_id: str) -> MeetingRecording:
    meeting = await require_host(ctx, meeting_id)
    return await _published(ctx, await ctx.sources.recordings.start(meeting.id, ctx.new_id()))


@registry.field("Mutation.stopRecording")
async def stop_recording(ctx: Context, *, meeting_id: str) -> MeetingRecording:
    meeting = await require_host(ctx, meeting_id)
    return await _published(ctx, await ctx.sources.recordings.stop(meeting.id))


@registry.field("Mutation.publishMeetingRecording")
async def publish_meeting_recording(ctx: Context, *, id: str) -> MeetingRecording | None:
    """Writes nothing: the stored record is the payload."""
    return await ctx.sources.recordings.get(text.identifier(id, "id"))


@registry.batch("MeetingRecording.media", whole=True)
async def media(ctx: Context, recordings: Sequence[MeetingRecording]) -> list[MediaAsset | None]:
    """Who sees the recording sees its media: nothing more is asked."""
    ready = [row.media_id if row.status == "READY" else None for row in recordings]
    wanted = [media_id for media_id in ready if media_id is not None]
    found = dict(zip(wanted, await ctx.sources.media.many(wanted), strict=True))
    return [None if media_id is None else found[media_id] for media_id in ready]


async def _published(ctx: Context, recording: MeetingRecording) -> MeetingRecording:
    await ctx.publish("publishMeetingRecording", id=recording.id)
    return recording
