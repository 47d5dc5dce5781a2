"""Live transcription of meetings. The words go from the engine to the clients, never through us."""

from datasources.meeting_engine import CallGone, MeetingEngine
from datasources.meetings import Meetings
from datasources.ports import RecordStore
from domain.chime import ChimeMeeting
from domain.errors import not_found
from domain.meetings import Meeting, not_live, require_live, transcribed
from domain.times import Timestamp


class Transcription:
    def __init__(self, store: RecordStore, engine: MeetingEngine) -> None:
        self._engine = engine
        self._meetings = Meetings(store)

    async def start(self, meeting_id: str, language: str, now: Timestamp) -> tuple[Meeting, bool]:
        """The meeting, and whether anything changed. Another language takes the place of the one before.

        Chime may tell later that it cannot: see `MeetingEvents`.

        Raises:
            DomainError: NOT_FOUND, MEETING_NOT_LIVE, FEATURE_DISABLED, LANGUAGE_NOT_SUPPORTED, THROTTLED,
                DEPENDENCY_FAILED.
        """
        meeting, session = await self._live(meeting_id)
        try:
            await self._engine.start_transcription(session.meeting_id, language)
        except CallGone:
            raise not_live(meeting) from None
        return await self._meetings.update(meeting_id, lambda before: transcribed(before, language, now))

    async def stop(self, meeting_id: str, now: Timestamp) -> tuple[Meeting, bool]:
        """As `start`; fine when none runs."""
        _, session = await self._live(meeting_id)
        await self._engine.stop_transcription(session.meeting_id)
        return await self._meetings.update(meeting_id, lambda before: transcribed(before, None, now))

    async def _live(self, meeting_id: str) -> tuple[Meeting, ChimeMeeting]:
        meeting = await self._meetings.get(meeting_id)
        if meeting is None:
            raise not_found("meeting")
        require_live(meeting)
        if meeting.session is None:
            raise not_live(meeting)
        return meeting, meeting.session
