"""The Amazon Chime SDK's shapes as its API, its events and its client libraries spell them.

Both engines of meetings speak them, so that a client cannot tell one from the other.
"""

from typing import Any

import msgspec


class MediaPlacement(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """Where a client sends audio, video and signalling."""

    audio_host_url: str
    audio_fallback_url: str
    signaling_url: str
    turn_control_url: str | None = None
    event_ingestion_url: str | None = None


class ChimeMeeting(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """A meeting at Chime. `external_meeting_id` is our meeting's id."""

    meeting_id: str
    external_meeting_id: str
    media_region: str
    media_placement: MediaPlacement
    meeting_arn: str | None = None


class ChimeAttendee(msgspec.Struct, frozen=True, rename="pascal"):
    """Somebody admitted to a meeting at Chime. `external_user_id` is our user's id, `join_token` a secret."""

    attendee_id: str
    external_user_id: str
    join_token: str


class EventDetail(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a Chime event tells. `timestamp` is in milliseconds since 1970, by Chime's clock."""

    event_type: str
    timestamp: int
    meeting_id: str
    external_meeting_id: str
    attendee_id: str | None = None
    external_user_id: str | None = None
    media_pipeline_id: str | None = None


def detail_of(event: Any) -> EventDetail | None:
    """The detail of an EventBridge event of Chime; None for an event of another kind."""
    try:
        if event["source"] != "aws.chime":
            return None
        return msgspec.convert(event["detail"], EventDetail)
    except (KeyError, TypeError, msgspec.ValidationError):
        return None
