"""What the adapter makes of Chime's faults, and what it asks Chime for."""

import logging
from collections.abc import AsyncIterator

import pytest

from datasources.aws import chime as adapter
from datasources.aws.chime import Chime
from datasources.meeting_engine import CallGone
from domain.chime import ChimeMeeting
from domain.errors import Code, DomainError
from tests.calling import chime
from tests.chime_service import ChimeService
from tests.school import Clock

Opened = tuple[Chime, ChimeService]


@pytest.fixture
async def opened(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Opened]:
    monkeypatch.setattr(adapter, "BACKOFF_SECONDS", 0)
    async with chime(Clock()) as both:
        yield both


async def meeting(engine: Chime) -> ChimeMeeting:
    return await engine.create_meeting(token="m1", external_id="m1", media_region="eu-west-2", most=20)


@pytest.mark.parametrize(
    "trouble", ["ThrottlingException", "ServiceUnavailableException", "ServiceFailureException", 500, 503]
)
async def test_what_passes_is_tried_again(opened: Opened, trouble: str | int) -> None:
    engine, service = opened
    service.broken = [trouble, trouble]

    made = await meeting(engine)

    assert service.asked == ["CreateMeeting"] * 3
    assert made.meeting_id in service.calls


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        ("ThrottlingException", Code.THROTTLED),
        ("ConflictException", Code.THROTTLED),
        ("ServiceFailureException", Code.DEPENDENCY_FAILED),
    ],
)
async def test_what_lasts_is_told_after_a_few_tries(opened: Opened, trouble: str, code: Code) -> None:
    engine, service = opened
    service.broken = [trouble] * 100

    with pytest.raises(DomainError) as raised:
        await meeting(engine)

    assert raised.value.code == code
    assert raised.value.info["retryable"] is True
    assert len(service.asked) == adapter.RETRIES + 1


@pytest.mark.parametrize("trouble", ["BadRequestException", "UnauthorizedException", "ForbiddenException"])
async def test_what_stays_is_not_tried_again(opened: Opened, trouble: str) -> None:
    engine, service = opened
    service.broken = [trouble]

    with pytest.raises(DomainError) as raised:
        await meeting(engine)

    assert raised.value.code == Code.DEPENDENCY_FAILED
    assert len(service.asked) == 1


async def test_a_request_that_no_service_would_take_is_never_sent(opened: Opened) -> None:
    engine, service = opened

    with pytest.raises(DomainError) as raised:
        await engine.create_attendee("2b7e1516-28ae-4d2a-abf7-158809cf4f3c", "x")

    assert raised.value.code == Code.DEPENDENCY_FAILED
    assert service.asked == []


async def test_an_account_with_too_many_meetings_is_busy(opened: Opened) -> None:
    engine, service = opened
    service.broken = ["LimitExceededException"]

    with pytest.raises(DomainError) as raised:
        await meeting(engine)

    assert raised.value.code == Code.THROTTLED


async def test_no_log_line_names_people_or_tokens(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    engine, service = opened
    call = await meeting(engine)
    attendee = await engine.create_attendee(call.meeting_id, "ben-of-the-tests")
    caplog.set_level(logging.DEBUG, "datasources")

    service.broken = ["ForbiddenException", "ForbiddenException"]
    for failing in (
        engine.create_attendee(call.meeting_id, "ben-of-the-tests"),
        engine.get_attendee(call.meeting_id, attendee.attendee_id),
    ):
        with pytest.raises(DomainError) as raised:
            await failing
        assert raised.value.message == "Amazon Chime did not answer as it should."

    assert len(caplog.records) == 2
    lines = [str(vars(record)) for record in caplog.records if record.name.startswith("datasources")]
    for secret in ("ben-of-the-tests", attendee.join_token, attendee.attendee_id):
        assert not any(secret in line for line in lines)


async def test_what_is_asked_for(opened: Opened) -> None:
    engine, service = opened
    call = await meeting(engine)
    capture = await engine.start_capture(call, token="r1")
    whole = await engine.concatenate(capture, token="r1")
    await engine.start_transcription(call.meeting_id, "de-de")

    asked = service.calls[call.meeting_id]
    assert asked.meeting["MediaRegion"] == "eu-west-2"
    assert (asked.most, asked.language) == (20, "de-DE")
    given = service.pipelines[capture.id]["given"]
    assert given["SourceArn"] == call.meeting_arn
    assert given["SinkArn"] == "arn:aws:s3:::recordings-of-tests/school/capture/r1"
    assert given["ChimeSdkMeetingConfiguration"]["ArtifactsConfiguration"]["Audio"] == {
        "MuxType": "AudioWithCompositedVideo"
    }
    [sink] = service.pipelines[whole.id]["given"]["Sinks"]
    destination = sink["S3BucketSinkConfiguration"]["Destination"]
    assert destination == f"arn:aws:s3:::recordings-of-tests/school/{whole.path.partition('/composited-video/')[0]}"
    assert await engine.pipeline_state(whole.id) == "GOING_ON"
    service.finish(whole.id, "Failed")
    assert await engine.pipeline_state(whole.id) == "FAILED"
    assert await engine.pipeline_state("2b7e1516-28ae-4d2a-abf7-158809cf4f3c") == "DONE"


async def test_a_meeting_that_ended_by_itself_is_gone(opened: Opened) -> None:
    engine, service = opened
    call = await meeting(engine)

    service.end(call.meeting_id)

    with pytest.raises(CallGone):
        await engine.create_attendee(call.meeting_id, "ben")


async def test_a_language_that_is_not_offered_is_refused(opened: Opened) -> None:
    engine, service = opened
    call = await meeting(engine)

    with pytest.raises(DomainError) as raised:
        await engine.start_transcription(call.meeting_id, "tlh")

    assert raised.value.code == Code.LANGUAGE_NOT_SUPPORTED
    assert service.asked == ["CreateMeeting"]
