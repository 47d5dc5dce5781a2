"""Meetings with people in them, as the product's own steps leave them, without a call behind."""

from collections.abc import Sequence

from datasources.contention import LostRace
from datasources.meeting_rows import attendee_step
from datasources.transactions import commit
from domain.chime import ChimeMeeting, MediaPlacement
from domain.meeting_attendees import MeetingAttendee, admitted, left, removed, seen
from domain.meeting_presence import Sighting, presence
from domain.meetings import Meeting, ended_meeting, opened_meeting
from domain.times import later, moment
from tests.school import School

_CALL = ChimeMeeting("chime", "ours", "eu-central-1", MediaPlacement("audio", "fallback", "signaling"))


async def opened(school: School, meeting_id: str) -> Meeting:
    """LIVE from its planned start on, to which the clock is moved unless it is later."""
    before = await school.sources.meetings.get(meeting_id)
    assert before is not None
    if school.clock.now() < before.starts_at:
        school.clock.advance(seconds=(moment(before.starts_at) - moment(school.clock.now())).total_seconds())
    meeting, _ = await school.sources.meetings.update(
        meeting_id, lambda found: opened_meeting(found, _CALL, school.clock.now())
    )
    return meeting


async def ended(school: School, meeting_id: str) -> Meeting:
    meeting, _ = await school.sources.meetings.update(
        meeting_id, lambda found: ended_meeting(found, "HOST", school.clock.now())
    )
    return meeting


async def comes_in(school: School, meeting_id: str, user_id: str) -> None:
    """The user has asked for their place in the call."""
    meeting = await school.sources.meetings.get(meeting_id)
    assert meeting is not None
    before = await school.sources.rosters.get(meeting_id, user_id)
    await _write(school, before, admitted(meeting, user_id, before, school.clock.now()))


async def goes_out(school: School, meeting_id: str, user_id: str) -> None:
    before = await school.sources.rosters.get(meeting_id, user_id)
    assert before is not None
    await _write(school, before, left(before, school.clock.now()))


async def put_out(school: School, meeting_id: str, user_id: str) -> None:
    before = await school.sources.rosters.get(meeting_id, user_id)
    assert before is not None
    await _write(school, before, removed(before, school.clock.now()))


async def was_seen(school: School, meeting_id: str, user_id: str, *minutes: tuple[float, float | None]) -> None:
    """What is known by now of the user's time in the call: from and to minutes after the planned start."""
    meeting = await school.sources.meetings.get(meeting_id)
    assert meeting is not None
    before = await school.sources.rosters.get(meeting_id, user_id)
    if before is None:
        await comes_in(school, meeting_id, user_id)
        before = await school.sources.rosters.get(meeting_id, user_id)
    assert before is not None
    sightings = [
        Sighting(later(meeting.starts_at, seconds=60 * minute), kind, "chime", f"place {number}")
        for number, (since, until) in enumerate(minutes)
        for minute, kind in _ends(since, until)
    ]
    await _write(school, before, seen(before, presence(sightings, {})))


def _ends(since: float, until: float | None) -> Sequence[tuple[float, str]]:
    return [(since, "JOINED")] if until is None else [(since, "JOINED"), (until, "LEFT")]


async def _write(school: School, before: MeetingAttendee | None, after: MeetingAttendee) -> None:
    if after is not before:
        await commit(school.store, [(attendee_step(before, after), LostRace())])
