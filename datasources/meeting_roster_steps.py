"""Steps of a meeting's roster besides joining: leaving, putting out, roles."""

from collections.abc import Callable

from datasources import meeting_sightings
from datasources.conditions import Condition, one_of
from datasources.contention import settle
from datasources.meeting_engine import MeetingEngine
from datasources.meeting_rosters import Rosters
from datasources.meetings import Meetings
from datasources.ports import RecordStore
from datasources.transactions import commit
from domain.errors import Code, DomainError, not_found
from domain.meeting_attendees import MeetingAttendee, MeetingRole, left, one_version_on, removed, with_role
from domain.meeting_presence import LeaveReason, Sighting
from domain.meetings import Meeting, require_not_over
from domain.times import Timestamp


class RosterSteps:
    def __init__(self, store: RecordStore, engine: MeetingEngine) -> None:
        self._store = store
        self._engine = engine
        self._rosters = Rosters(store)
        self._meetings = Meetings(store)

    async def leave(self, meeting_id: str, user_id: str, now: Timestamp) -> tuple[MeetingAttendee, bool]:
        """The user's row, LEFT, and whether anything changed. Their credentials are void when this returns.

        Raises:
            DomainError: NOT_FOUND for who is not in the roster; INVALID_STATE; THROTTLED, DEPENDENCY_FAILED.
        """

        async def attempt() -> tuple[MeetingAttendee, bool]:
            return await self._depart(await self._row(meeting_id, user_id), left, "LEFT", now, None)

        return await settle(attempt, "The meeting")

    async def remove(self, meeting_id: str, user_id: str, now: Timestamp) -> tuple[MeetingAttendee, bool]:
        """The user's row, REMOVED, and whether anything changed. Their credentials are void when this returns.

        Raises:
            DomainError: NOT_FOUND for who is not in the roster; FORBIDDEN for the host; INVALID_STATE when the
                meeting is over; THROTTLED, DEPENDENCY_FAILED.
        """

        async def attempt() -> tuple[MeetingAttendee, bool]:
            going_on = await self._going_on(meeting_id)
            return await self._depart(await self._row(meeting_id, user_id), removed, "REMOVED", now, going_on)

        return await settle(attempt, "The meeting")

    async def remove_from_breakouts(self, parent: Meeting, user_id: str, now: Timestamp) -> list[str]:
        """Who was put out of a meeting is out of its parts too; the breakouts whose rosters changed.

        Raises:
            DomainError: THROTTLED, DEPENDENCY_FAILED; a repeated call completes what this one left.
        """
        changed: list[str] = []
        for breakout in await self._meetings.get_many(parent.breakout_ids):
            if breakout is None or await self._rosters.get(breakout.id, user_id) is None:
                continue
            try:
                _, is_changed = await self.remove(breakout.id, user_id, now)
            except DomainError as refusal:
                if refusal.code is not Code.INVALID_STATE:  # it is over
                    raise
            else:
                changed += [breakout.id] if is_changed else []
        return changed

    async def change_role(self, meeting_id: str, user_id: str, role: MeetingRole) -> tuple[MeetingAttendee, bool]:
        """The user's row, and whether anything changed.

        Raises:
            DomainError: NOT_FOUND, BAD_REQUEST, FORBIDDEN, INVALID_STATE, THROTTLED.
        """

        async def attempt() -> tuple[MeetingAttendee, bool]:
            going_on = await self._going_on(meeting_id)
            before = await self._row(meeting_id, user_id)
            after = with_role(before, role)
            if after is before:
                return before, False
            await commit(self._store, meeting_sightings.steps(before, after, meeting=going_on))
            return after, True

        return await settle(attempt, "The meeting")

    async def _depart(
        self,
        before: MeetingAttendee,
        step: Callable[[MeetingAttendee, Timestamp], MeetingAttendee],
        reason: LeaveReason,
        now: Timestamp,
        meeting: Condition | None,
    ) -> tuple[MeetingAttendee, bool]:
        """The attendee goes first: a row that says so never stands beside credentials that still work."""
        after = step(before, now)
        if after is before:
            return before, False
        sightings: list[Sighting] = []
        if before.session_id is not None and before.attendee_id is not None:
            await self._engine.delete_attendee(before.session_id, before.attendee_id)
            sightings.append(Sighting(now, reason, before.session_id, before.attendee_id))
        known = await meeting_sightings.read(self._store, before.meeting_id, before.user_id)
        sightings = [each for each in sightings if each not in known.sightings]
        after = one_version_on(before, known.applied(after, *sightings))
        await commit(self._store, meeting_sightings.steps(before, after, *sightings, meeting=meeting))
        return after, True

    async def _row(self, meeting_id: str, user_id: str) -> MeetingAttendee:
        row = await self._rosters.get(meeting_id, user_id)
        if row is None:
            raise not_found("attendee")
        return row

    async def _going_on(self, meeting_id: str) -> Condition:
        """That the meeting is not over, to be checked again with the write. Raises NOT_FOUND, INVALID_STATE."""
        meeting = await self._meetings.get(meeting_id)
        if meeting is None:
            raise not_found("meeting")
        require_not_over(meeting)
        return one_of("status", "SCHEDULED", "LIVE")
