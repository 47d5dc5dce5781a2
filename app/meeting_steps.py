"""What follows from meetings and their calls. Steps for the workers."""

import logging
from collections.abc import Callable
from typing import Any

from app.call_engine import CallEngine
from app.worker_steps import NOWHERE, FeedStep, Step, TimedStep, each
from datasources.local.meetings import event_in
from datasources.meeting_engine import RECORDING
from datasources.meeting_rows import ended_session, is_roster_row
from datasources.ports import FeedEvent
from datasources.tables import LOCAL_CALLS, MEETING_ATTENDEES, MEETINGS, RECORDINGS
from domain.errors import RETRYABLE, DomainError
from domain.meetings import Meeting
from domain.room_members import RoomMember, follow
from domain.rooms import Room
from domain.times import Timestamp
from resolvers.context import Publish, Recheck, Sources

SWEEP_SECONDS = 5.0
EVENT_SECONDS = 0.5
RECORDING_SECONDS = 5.0
LOST_SECONDS = 60.0

_log = logging.getLogger("educonnect.meetings")


def meeting_steps(
    sources: Sources, calls: CallEngine, now: Callable[[], Timestamp], publish: Publish, recheck: Recheck
) -> list[Step]:
    follower = _MeetingFollower(sources, now, publish, recheck)
    steps: list[Step] = [TimedStep("lost-meetings", LOST_SECONDS, follower.look_for_lost)]
    local, queue = calls.local, calls.events
    if local is not None:

        async def end_in_time(_: str | None) -> str:
            await local.sweep()
            return NOWHERE

        steps.append(TimedStep("local-call-ends", SWEEP_SECONDS, end_in_time))
        steps.append(FeedStep("local-calls", LOCAL_CALLS, each(follower.local_event)))
    if queue is not None:

        async def receive(_: str | None) -> str:
            await queue.receive(follower.chime_event)
            return NOWHERE

        steps.append(TimedStep("chime-events", EVENT_SECONDS, receive))
    if calls.engine.features & {RECORDING}:
        steps.append(TimedStep("recordings", RECORDING_SECONDS, follower.look_after_recordings))
        steps.append(FeedStep("recording-events", RECORDINGS, each(follower.recording)))
    return [
        *steps,
        FeedStep("meetings", MEETINGS, each(follower.meeting)),
        FeedStep("meeting-calls", MEETING_ATTENDEES, each(follower.call_end)),
        FeedStep("meeting-rooms", MEETING_ATTENDEES, each(follower.room)),
    ]


class _MeetingFollower:
    def __init__(self, sources: Sources, now: Callable[[], Timestamp], publish: Publish, recheck: Recheck) -> None:
        self._sources = sources
        self._now = now
        self._publish = publish
        self._recheck = recheck

    async def chime_event(self, event: Any) -> None:
        """An event as EventBridge brings it."""
        changed = await self._sources.meeting_events.apply(event, self._now())
        if changed.meeting is not None:
            await self._publish("publishMeeting", id=changed.meeting.id)
        for row in changed.attendees:
            await self._attendee_changed(row.meeting_id, row.user_id)
        if changed.pipeline is not None:
            recording = await self._sources.recordings.of_pipeline(*changed.pipeline)
            if recording is not None:
                await self._sources.recordings.advance(recording)

    async def local_event(self, change: FeedEvent) -> None:
        event = event_in(change)
        if event is not None:
            await self.chime_event(event)

    async def meeting(self, change: FeedEvent) -> None:
        """New times go to the roster; with a meeting's end its calls, its breakouts and its roster's seats end."""
        if change.new is None or change.old is None:
            return
        is_moved = change.new["startsAt"] != change.old["startsAt"]
        has_ended = change.new["status"] == "ENDED" != change.old["status"]
        meeting = await self._sources.meetings.get(change.key["meetingId"]) if is_moved or has_ended else None
        if meeting is not None and is_moved:
            await self._sources.rosters.move(meeting.id, meeting.starts_at)
        if meeting is not None and has_ended:
            await self._end(meeting)

    async def call_end(self, change: FeedEvent) -> None:
        """What is open in the roster when a Chime meeting has ended is closed."""
        session_id = ended_session(change.key)
        if change.new is None or session_id is None:
            return
        meeting_id = change.key["meetingId"]
        at = await self._sources.meeting_events.end_of(meeting_id, session_id)
        if at is not None:
            await self._close(meeting_id, at)

    async def room(self, change: FeedEvent) -> None:
        """The members of a meeting's room follow its roster."""
        if change.new is None or not is_roster_row(change.key) or change.new["role"] == "HOST":
            return
        was, is_now = None if change.old is None else change.old["status"], change.new["status"]
        if was == is_now:
            return
        meeting = await self._sources.meetings.get(change.key["meetingId"])
        if meeting is None or meeting.room_id is None:
            return
        user_id, is_out = change.key["userId"], is_now == "REMOVED"
        present = await self._sources.room_members.get(meeting.room_id, user_id)
        if is_out and present is None:
            return

        def step(room: Room, before: RoomMember | None, _: RoomMember | None) -> RoomMember:
            if room.is_archived and before is not None:
                return before
            return follow(room, user_id, before, meeting.host_id, self._now(), is_out=is_out, is_back=was == "REMOVED")

        member, is_changed = await self._sources.room_members.step(
            meeting.room_id, user_id, step, actor_id=meeting.host_id
        )
        if is_changed:
            self._sources.presence.forget_rooms(user_id)
            if not member.is_joined:
                await self._recheck(user_id)
            await self._publish("publishRoomMember", room_id=member.room_id, user_id=user_id)

    async def look_after_recordings(self, _: str | None) -> str:
        async for recording in self._sources.recordings.due():
            try:
                await self._sources.recordings.advance(recording)
            except DomainError as refusal:
                if refusal.code not in RETRYABLE:
                    raise
                _log.warning("recording %s has to wait: %s", recording.id, refusal.code)
                await self._sources.recordings.postpone(recording)
        return NOWHERE

    async def recording(self, change: FeedEvent) -> None:
        """Subscribers are told of each step, whoever made it."""
        if change.new is not None and (change.old is None or change.new["version"] != change.old["version"]):
            await self._publish("publishMeetingRecording", id=change.key["id"])

    async def look_for_lost(self, _: str | None) -> str:
        """Ends meetings whose Chime meeting is over without our having been told."""
        async for meeting in self._sources.meetings.to_look_after(self._now()):
            if meeting.session is not None and await self._sources.calls.is_lost(meeting):
                ended = await self._sources.meeting_events.call_ended(
                    meeting.id, meeting.session.meeting_id, self._now()
                )
                if ended is not None:
                    await self._publish("publishMeeting", id=ended.id)
            else:
                await self._sources.meetings.looked_after(meeting, self._now())
        return NOWHERE

    async def _end(self, meeting: Meeting) -> None:
        await self._sources.calls.hang_up(meeting)
        at = meeting.ended_at or self._now()
        for breakout in await self._sources.meetings.get_many(meeting.breakout_ids):
            if breakout is not None and not breakout.is_over:
                await self._sources.calls.end(breakout.id, "PARENT_ENDED", at)
                await self._publish("publishMeeting", id=breakout.id)
        await self._close(meeting.id, at)

    async def _close(self, meeting_id: str, at: Timestamp) -> None:
        async for row in self._sources.meeting_events.close(meeting_id, at):
            await self._attendee_changed(row.meeting_id, row.user_id)

    async def _attendee_changed(self, meeting_id: str, user_id: str) -> None:
        await self._publish("publishMeetingAttendee", meeting_id=meeting_id, user_id=user_id)
