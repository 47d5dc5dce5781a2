"""What meetings need of an engine of calls, of Chime and of our own."""

from collections.abc import AsyncIterator

import pytest

from datasources.local.meetings import LocalMeetings
from datasources.local.sqlite import SQLiteStore
from datasources.meeting_engine import MEDIA, RECORDING, TRANSCRIPTION, CallGone, MeetingEngine
from domain.chime import ChimeMeeting
from domain.errors import Code, DomainError
from tests.calling import URL, chime
from tests.dynamodb_emulator import emulated_store
from tests.races import at_once, codes, successes
from tests.school import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["chime", "local, sqlite", "local, dynamodb"])
async def engine(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[MeetingEngine]:
    if request.param == "local, sqlite":
        async with SQLiteStore.open(request.getfixturevalue("tmp_path") / "records.db") as store:
            yield LocalMeetings(store, clock.now, url=URL)
    elif request.param == "local, dynamodb":
        async with emulated_store(request.getfixturevalue("emulator")) as store:
            yield LocalMeetings(store, clock.now, url=URL)
    else:
        async with chime(clock) as (opened, _):
            yield opened


async def meeting(engine: MeetingEngine, meeting_id: str = "m1", *, most: int = 250) -> ChimeMeeting:
    return await engine.create_meeting(token=meeting_id, external_id=meeting_id, media_region="eu-central-1", most=most)


async def test_a_token_makes_one_meeting_however_many_ask(engine: MeetingEngine) -> None:
    made = successes(await at_once([lambda: meeting(engine)] * 10))
    other = await meeting(engine, "m2")

    assert len({each.meeting_id for each in made}) == 1
    assert other.meeting_id != made[0].meeting_id
    assert (made[0].external_meeting_id, made[0].media_region) == ("m1", "eu-central-1")
    assert await engine.get_meeting(made[0].meeting_id) == made[0]


async def test_a_user_has_one_attendee_however_often_they_ask(engine: MeetingEngine) -> None:
    call = await meeting(engine)

    made = successes(await at_once([lambda: engine.create_attendee(call.meeting_id, "ben")] * 10))
    eve = await engine.create_attendee(call.meeting_id, "eve")

    assert len({each.attendee_id for each in made}) == 1
    assert len({each.join_token for each in made}) == 1
    assert made[0].external_user_id == "ben"
    assert made[0].join_token != eve.join_token
    assert await engine.get_attendee(call.meeting_id, eve.attendee_id) == eve


async def test_a_meeting_admits_as_many_as_it_was_made_for(engine: MeetingEngine) -> None:
    call = await meeting(engine, most=3)

    results = await at_once([lambda user=f"user-{n}": engine.create_attendee(call.meeting_id, user) for n in range(8)])

    assert len(successes(results)) == 3
    assert codes(results) == [Code.MEETING_FULL] * 5
    await engine.delete_attendee(call.meeting_id, successes(results)[0].attendee_id)
    assert await engine.create_attendee(call.meeting_id, "late")


async def test_who_is_deleted_comes_back_as_another(engine: MeetingEngine) -> None:
    call = await meeting(engine)
    first = await engine.create_attendee(call.meeting_id, "ben")

    for _ in range(2):
        await engine.delete_attendee(call.meeting_id, first.attendee_id)

    with pytest.raises(CallGone):
        await engine.get_attendee(call.meeting_id, first.attendee_id)
    again = await engine.create_attendee(call.meeting_id, "ben")
    assert again.attendee_id != first.attendee_id
    assert again.join_token != first.join_token


async def test_nothing_is_left_of_a_meeting_that_is_over(engine: MeetingEngine) -> None:
    call = await meeting(engine)
    ben = await engine.create_attendee(call.meeting_id, "ben")

    for _ in range(2):
        await engine.delete_meeting(call.meeting_id)

    for gone in (
        engine.get_meeting(call.meeting_id),
        engine.create_attendee(call.meeting_id, "eve"),
        engine.get_attendee(call.meeting_id, ben.attendee_id),
    ):
        with pytest.raises(CallGone) as raised:
            await gone
        assert raised.value.code == Code.NOT_FOUND
    await engine.delete_attendee(call.meeting_id, ben.attendee_id)


async def test_an_unknown_meeting_is_gone(engine: MeetingEngine) -> None:
    unknown = "2b7e1516-28ae-4d2a-abf7-158809cf4f3c"

    with pytest.raises(CallGone):
        await engine.create_attendee(unknown, "ben")
    await engine.delete_meeting(unknown)


async def test_an_engine_does_what_its_features_say(engine: MeetingEngine) -> None:
    call = await meeting(engine)

    async def transcribe() -> None:
        await engine.start_transcription(call.meeting_id, "en-us")
        await engine.stop_transcription(call.meeting_id)

    async def record() -> None:
        capture = await engine.start_capture(call, token="r1")
        assert await engine.start_capture(call, token="r1") == capture
        await engine.stop_capture(capture.id)
        await engine.stop_capture(capture.id)
        whole = await engine.concatenate(capture, token="r1")
        assert await engine.concatenate(capture, token="r1") == whole
        assert whole.path == f"whole/r1/composited-video/{whole.id}.mp4"
        states = [await engine.pipeline_state(pipeline_id) for pipeline_id in (capture.id, whole.id)]
        assert states == ["DONE", "GOING_ON"]

    for feature, act in ((TRANSCRIPTION, transcribe), (RECORDING, record)):
        if feature in engine.features:
            await act()
        else:
            with pytest.raises(DomainError) as raised:
                await act()
            assert raised.value.code == Code.FEATURE_DISABLED
            assert raised.value.info["feature"] == feature
    assert (MEDIA in engine.features) == (not isinstance(engine, LocalMeetings))
