"""What meetings need of a service for calls: Amazon Chime's SDK, or our own engine that acts like it.

One contract suite runs over both. What leaves an engine is a DomainError, or `CallGone`.
"""

from collections.abc import Awaitable, Callable, Set
from typing import Any, Literal, Protocol

import msgspec

from domain.chime import ChimeAttendee, ChimeMeeting
from domain.errors import Code, DomainError

MEDIA = "MEETING_MEDIA"
RECORDING = "MEETING_RECORDING"
TRANSCRIPTION = "MEETING_TRANSCRIPTION"
"""Features of an engine, as getServerInfo names them."""


class CallGone(DomainError):
    """NOT_FOUND: the Chime meeting is over, or the attendee was deleted."""

    def __init__(self) -> None:
        super().__init__(Code.NOT_FOUND, "The call is over.")


class Pipeline(msgspec.Struct, frozen=True):
    """A media pipeline: its id, which events name, and its ARN, which other pipelines take."""

    id: str
    arn: str


class Concatenation(msgspec.Struct, frozen=True):
    """A pipeline that makes one file: its id, and where the file will be in the folder of recordings."""

    id: str
    path: str


PipelineState = Literal["GOING_ON", "DONE", "FAILED"]


class MeetingEngine(Protocol):
    """Chime's operations under Chime's rules: at most 250 attendees; a meeting ends by itself when nobody has been
    there for five minutes, and 24 hours after it was made.

    Every call may raise THROTTLED and DEPENDENCY_FAILED, and those on a meeting raise CallGone where nothing else
    is said. A call that failed may have been carried out; all may be repeated.
    """

    @property
    def features(self) -> Set[str]:
        """Of MEDIA, RECORDING and TRANSCRIPTION. Without the last two their operations raise FEATURE_DISABLED."""
        ...

    async def create_meeting(self, *, token: str, external_id: str, media_region: str, most: int) -> ChimeMeeting:
        """One meeting for each token, whoever asks and however often.

        Args:
            token: 2 to 64 letters, digits, hyphens and underscores.
            external_id: ours; comes back in events.
            most: attendees, 1 to 250.
        """
        ...

    async def get_meeting(self, meeting_id: str) -> ChimeMeeting: ...

    async def delete_meeting(self, meeting_id: str) -> None:
        """Ends it for everybody; fine when it is over already."""
        ...

    async def create_attendee(self, meeting_id: str, external_user_id: str) -> ChimeAttendee:
        """One attendee for each user at a time, however often asked for. Raises MEETING_FULL."""
        ...

    async def get_attendee(self, meeting_id: str, attendee_id: str) -> ChimeAttendee: ...

    async def delete_attendee(self, meeting_id: str, attendee_id: str) -> None:
        """Puts them out; fine when they or the meeting are gone already."""
        ...

    async def start_transcription(self, meeting_id: str, language: str) -> None:
        """In place of one that runs. `language` is a BCP 47 tag. Raises LANGUAGE_NOT_SUPPORTED."""
        ...

    async def stop_transcription(self, meeting_id: str) -> None:
        """Fine when none runs, or the meeting is over."""
        ...

    async def start_capture(self, meeting: ChimeMeeting, *, token: str) -> Pipeline:
        """Starts recording, sound and all pictures in one; one capture for each token."""
        ...

    async def stop_capture(self, pipeline_id: str) -> None:
        """Fine when it has stopped already."""
        ...

    async def concatenate(self, capture: Pipeline, *, token: str) -> Concatenation:
        """Makes one file of what a capture recorded, as soon as that has stopped; one for each token.

        The pieces are in folder `capture/TOKEN/` of the recordings.
        """
        ...

    async def pipeline_state(self, pipeline_id: str) -> PipelineState:
        """DONE also when it is no longer known."""
        ...


class EventQueue(Protocol):
    """Where an engine's events wait, in the form that EventBridge gives them."""

    async def receive(self, handle: Callable[[Any], Awaitable[None]]) -> None:
        """Handles what waits. What could not be handled comes again, a bounded number of times.

        Raises DEPENDENCY_FAILED, and what passes of `handle`.
        """
        ...


def feature_disabled(feature: str) -> DomainError:
    return DomainError(Code.FEATURE_DISABLED, "This deployment's meetings cannot do that.", feature=feature)
