"""Our own engine of calls: what it tells, when it ends calls, and that processes agree."""

from typing import Any

import pytest

from datasources.local.meetings import LocalMeetings, event_in
from datasources.meeting_engine import CallGone
from datasources.ports import RecordStore
from datasources.tables import LOCAL_CALLS
from domain.chime import ChimeMeeting, detail_of
from tests.calling import URL
from tests.school import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(store: RecordStore, clock: Clock) -> LocalMeetings:
    return LocalMeetings(store, clock.now, url=URL)


async def meeting(engine: LocalMeetings) -> ChimeMeeting:
    return await engine.create_meeting(token="m1", external_id="m1", media_region="local", most=250)


async def told(store: RecordStore) -> list[Any]:
    """All events so far."""
    events: list[Any] = []
    position = None
    while True:
        page = await store.changes(LOCAL_CALLS, position)
        if not page.events:
            return events
        events += [event for event in map(event_in, page.events) if event is not None]
        position = page.position


async def kinds(store: RecordStore) -> list[str]:
    details = [detail_of(event) for event in await told(store)]
    return sorted(detail.event_type.removeprefix("chime:") for detail in details if detail is not None)


async def test_coming_and_going_is_told_as_chime_tells_it(
    engine: LocalMeetings, store: RecordStore, clock: Clock
) -> None:
    call = await meeting(engine)
    clock.advance(seconds=2.5)
    ben = await engine.create_attendee(call.meeting_id, "ben")
    await engine.create_attendee(call.meeting_id, "ben")
    await engine.delete_attendee(call.meeting_id, ben.attendee_id)
    await engine.delete_attendee(call.meeting_id, ben.attendee_id)
    await engine.delete_meeting(call.meeting_id)
    await engine.delete_meeting(call.meeting_id)

    assert await kinds(store) == ["AttendeeJoined", "AttendeeLeft", "MeetingEnded", "MeetingStarted"]
    [joined] = [event for event in await told(store) if event["detail"]["eventType"] == "chime:AttendeeJoined"]
    assert (joined["source"], joined["detail-type"]) == ("aws.chime", "Chime Meeting State Change")
    assert joined["detail"] == {
        "version": "0",
        "eventType": "chime:AttendeeJoined",
        "timestamp": round(clock.seconds() * 1000),
        "meetingId": call.meeting_id,
        "externalMeetingId": "m1",
        "mediaRegion": "local",
        "attendeeId": ben.attendee_id,
        "externalUserId": "ben",
    }


async def test_a_call_without_anybody_ends_after_five_minutes(
    engine: LocalMeetings, store: RecordStore, clock: Clock
) -> None:
    call = await meeting(engine)
    clock.advance(seconds=299)
    ben = await engine.create_attendee(call.meeting_id, "ben")
    clock.advance(seconds=3600)
    await engine.sweep()
    await engine.delete_attendee(call.meeting_id, ben.attendee_id)
    clock.advance(seconds=299)
    await engine.sweep()
    assert await engine.get_meeting(call.meeting_id) == call

    clock.advance(seconds=1)
    await engine.sweep()
    await engine.sweep()

    with pytest.raises(CallGone):
        await engine.get_meeting(call.meeting_id)
    assert (await kinds(store)).count("MeetingEnded") == 1


async def test_a_call_ends_after_24_hours_whoever_is_there(engine: LocalMeetings, clock: Clock) -> None:
    call = await meeting(engine)
    ben = await engine.create_attendee(call.meeting_id, "ben")
    clock.advance(days=1)

    await engine.sweep()

    with pytest.raises(CallGone):
        await engine.get_attendee(call.meeting_id, ben.attendee_id)


async def test_two_processes_agree(engine: LocalMeetings, store: RecordStore, clock: Clock) -> None:
    other = LocalMeetings(store, clock.now, url=URL)
    call = await meeting(engine)
    ben = await engine.create_attendee(call.meeting_id, "ben")

    assert await other.get_attendee(call.meeting_id, ben.attendee_id) == ben
    await other.delete_meeting(call.meeting_id)
    with pytest.raises(CallGone):
        await engine.get_meeting(call.meeting_id)


async def test_credentials_lead_to_our_own_server(engine: LocalMeetings) -> None:
    call = await meeting(engine)

    assert call.media_placement.signaling_url == f"wss://school.example/calls/{call.meeting_id}/control"
    assert call.media_placement.audio_host_url.startswith("wss://school.example/")
    assert engine.features == frozenset()
