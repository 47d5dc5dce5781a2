"""The gates of the subscriptions on meetings: who may listen to what."""

from domain import text
from domain.errors import RETRYABLE, DomainError, bad_request, forbidden
from resolvers.access import open_among
from resolvers.context import Context
from resolvers.meeting_access import attended_meeting
from resolvers.registry import registry


@registry.field("Subscription.onMeetingUpdated")
async def on_meeting_updated(ctx: Context, *, id: str | None = None, course_id: str | None = None) -> None:
    if id is not None:
        await attends(ctx, id, "id")
    elif course_id is None:
        raise bad_request("id", "REQUIRED", "One of the filters id and courseId is required.")
    elif not await open_among(ctx, [text.identifier(course_id, "courseId")]):
        raise _unheard()


@registry.field("Subscription.onMeetingAttendeeChanged")
async def on_meeting_attendee_changed(ctx: Context, *, meeting_id: str | None = None) -> None:
    await attends(ctx, meeting_id, "meetingId")


@registry.field("Subscription.onMeetingRecordingUpdated")
async def on_meeting_recording_updated(ctx: Context, *, meeting_id: str | None = None) -> None:
    await attends(ctx, meeting_id, "meetingId")


async def attends(ctx: Context, meeting_id: str | None, field: str) -> None:
    """Alike for a meeting that the caller may not know, was put out of, and one that does not exist."""
    if meeting_id is None:
        raise bad_request(field, "REQUIRED", f"{field} has to be given.")
    try:
        await attended_meeting(ctx, meeting_id, field)
    except DomainError as refusal:
        if refusal.code in RETRYABLE:
            raise
        raise _unheard() from None


def _unheard() -> DomainError:
    return forbidden("One hears of the meetings that one attends.")
