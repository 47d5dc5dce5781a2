"""Recording meetings and captions in them, as clients see it: over Chime; our own engine says that it cannot."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema

from app.media_steps import media_steps
from app.workers import Workers
from datasources.aws.search import TermSearch
from datasources.local.sqlite import SQLiteStore
from datasources.tables import USERS
from domain.file_keys import original
from tests.blob_stores import served_files
from tests.calling import Hall, chime, chime_calls
from tests.resolvers.chat import error
from tests.resolvers.meeting import (
    END,
    GET,
    HUSH,
    RECORD,
    RECORDED,
    REMOVE,
    STOP,
    TRANSCRIBE,
    live_meeting,
    new_meeting,
    result,
)
from tests.school import Client, Clock, School
from tests.uploading import body

FILM = body("video/mp4", 5000)
GET_MEDIA = "query ($id: ID!) { getMedia(id: $id) { id kind downloadUrl } }"


@pytest.fixture
async def studio(tmp_path: Path, bound_schema: GraphQLSchema) -> AsyncIterator[Hall]:
    """A school with files that meets over Chime."""
    clock = Clock()
    async with (
        SQLiteStore.open(tmp_path / "records.db") as store,
        served_files(tmp_path / "files") as files,
        chime(clock) as (engine, service),
    ):
        calls = chime_calls(engine, service)
        yield Hall(School(store, TermSearch(store), bound_schema, clock, files=files, calls=calls), service)


async def settle(studio: Hall) -> None:
    """A minute later, with all that follows from then."""
    school = studio.school
    school.clock.advance(seconds=60)
    for _ in range(3):
        await studio.drain()
        steps = media_steps(school.store, school.sources, school.clock.now, school.publish)
        await Workers(school.store, steps, school.clock.now, "a worker of the tests").drain()
        school.clock.advance(seconds=60)


async def recordings(client: Client, meeting: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await result(client, RECORDED, id=meeting["id"]))["items"]
    return found


def pipelines(studio: Hall, kind: str) -> list[str]:
    return [name for name, pipeline in studio.service.pipelines.items() if pipeline["kind"] == kind]


async def put_together(studio: Hall, recording: dict[str, Any]) -> None:
    """Chime leaves the pieces and the whole in our store of files."""
    [whole] = pipelines(studio, "concatenation")
    token = recording["id"].partition(".")[2]
    blobs = studio.school.blobs
    await blobs.store(f"recordings/capture/{token}/1.mp4", FILM[:10], content_type="video/mp4")
    await blobs.store(f"recordings/whole/{token}/composited-video/{whole}.mp4", FILM, content_type="video/mp4")
    studio.service.finish(whole)


async def test_a_recording_becomes_a_media_of_the_host(studio: Hall) -> None:
    school = studio.school
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    meeting = await live_meeting(school, ada, ben)
    assert await error(ben, RECORD, id=meeting["id"]) == "FORBIDDEN"
    school.published.clear()

    begun = await result(ada, RECORD, id=meeting["id"])
    assert (begun["status"], begun["startedAt"], begun["media"]) == ("CAPTURING", school.clock.now(), None)
    assert school.published == [("publishMeetingRecording", {"id": begun["id"]})]
    assert await error(ada, RECORD, id=meeting["id"]) == "RECORDING_RUNNING"
    school.clock.advance(seconds=600)
    stopped = await result(ada, STOP, id=meeting["id"])
    assert (stopped["status"], stopped["stoppedAt"]) == ("PROCESSING", school.clock.now())
    assert await error(ada, STOP, id=meeting["id"]) == "NOT_FOUND"
    await settle(studio)
    await put_together(studio, begun)
    await settle(studio)

    [done] = await recordings(ben, meeting)
    assert (done["id"], done["status"], done["errorMessage"]) == (begun["id"], "READY", None)
    media = done["media"]
    assert media == {
        "id": media["id"],
        "kind": "RECORDING",
        "status": "READY",
        "fileName": "Waders, live.mp4",
        "ownerId": ada.id,
    }
    assert ("publishMeetingRecording", {"id": begun["id"]}) == [
        each for each in school.published if each[0] == "publishMeetingRecording"
    ][-1]
    user = await school.store.get(USERS, {"userId": ada.id})
    assert user is not None
    assert user["storageUsedBytes"] == len(FILM)
    [kept] = await school.blobs.list_keys("recordings/")
    assert kept.key == original(ada.id, media["id"], "recordings/kept/")
    assert (await result(ben, GET_MEDIA, id=media["id"]))["kind"] == "RECORDING"
    assert await result(school.as_("eve"), GET_MEDIA, id=media["id"]) is None
    await result(ada, REMOVE, id=meeting["id"], user=ben.id)
    assert await result(ben, GET_MEDIA, id=media["id"]) is None
    assert await error(ben, RECORDED, id=meeting["id"]) == "REMOVED_FROM_MEETING"


async def test_the_end_of_a_meeting_ends_its_recording(studio: Hall) -> None:
    school = studio.school
    ada = school.as_("ada", "Mentors")
    meeting = await live_meeting(school, ada)
    begun = await result(ada, RECORD, id=meeting["id"])

    await result(ada, END, id=meeting["id"])
    await studio.drain()

    [found] = await recordings(ada, meeting)
    assert found["status"] == "PROCESSING"
    await settle(studio)
    await put_together(studio, begun)
    await settle(studio)
    assert (await recordings(ada, meeting))[0]["status"] == "READY"


async def test_a_meeting_is_recorded_again_after_a_stop(studio: Hall) -> None:
    school = studio.school
    ada = school.as_("ada", "Mentors")
    meeting = await live_meeting(school, ada)

    for _ in range(2):
        await result(ada, RECORD, id=meeting["id"])
        await result(ada, STOP, id=meeting["id"])

    found = await recordings(ada, meeting)
    assert [each["status"] for each in found] == ["PROCESSING", "PROCESSING"]
    assert len(pipelines(studio, "capture")) == 2


@pytest.mark.parametrize("kind", ["capture", "concatenation"])
async def test_a_pipeline_that_fails_fails_the_recording(studio: Hall, kind: str) -> None:
    school = studio.school
    ada = school.as_("ada", "Mentors")
    meeting = await live_meeting(school, ada)
    await result(ada, RECORD, id=meeting["id"])
    if kind == "concatenation":
        await result(ada, STOP, id=meeting["id"])
        await settle(studio)
    [pipeline] = pipelines(studio, kind)

    studio.service.finish(pipeline, "Failed")
    await settle(studio)
    [found] = await recordings(ada, meeting)

    if kind == "capture":  # what was captured until then is put together
        assert found["status"] == "PROCESSING"
    else:
        assert (found["status"], found["media"]) == ("FAILED", None)
        assert found["errorMessage"] == "The recording could not be put together."
    assert (await result(ada, RECORD, id=meeting["id"]))["status"] == "CAPTURING"


async def test_a_file_that_is_not_there_fails_the_recording(studio: Hall) -> None:
    school = studio.school
    ada = school.as_("ada", "Mentors")
    meeting = await live_meeting(school, ada)
    await result(ada, RECORD, id=meeting["id"])
    await result(ada, STOP, id=meeting["id"])
    await settle(studio)

    studio.service.finish(pipelines(studio, "concatenation")[0])
    await settle(studio)

    assert [each["status"] for each in await recordings(ada, meeting)] == ["FAILED"]


async def test_a_recording_that_cannot_begin_leaves_the_meeting_free(studio: Hall) -> None:
    school = studio.school
    ada = school.as_("ada", "Mentors")
    meeting = await live_meeting(school, ada)
    studio.service.broken = ["ForbiddenException"]

    assert await error(ada, RECORD, id=meeting["id"]) == "DEPENDENCY_FAILED"

    assert [each["status"] for each in await recordings(ada, meeting)] == ["FAILED"]
    assert (await result(ada, RECORD, id=meeting["id"]))["status"] == "CAPTURING"


async def test_what_takes_more_than_a_day_is_given_up(studio: Hall) -> None:
    school = studio.school
    ada = school.as_("ada", "Mentors")
    meeting = await live_meeting(school, ada)
    await result(ada, RECORD, id=meeting["id"])
    await result(ada, STOP, id=meeting["id"])
    await settle(studio)
    school.clock.advance(days=1)

    await settle(studio)

    assert [each["status"] for each in await recordings(ada, meeting)] == ["FAILED"]


async def test_only_a_live_meeting_is_recorded_and_transcribed(studio: Hall) -> None:
    school = studio.school
    ada = school.as_("ada", "Mentors")
    planned = await new_meeting(school, ada)

    assert await error(ada, RECORD, id=planned["id"]) == "MEETING_NOT_LIVE"
    assert await error(ada, TRANSCRIBE, id=planned["id"], language="en-US") == "MEETING_NOT_LIVE"


async def test_captions_go_on_and_off(studio: Hall) -> None:
    school = studio.school
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    meeting = await live_meeting(school, ada, ben)
    [call] = studio.service.calls.values()

    assert await error(ben, TRANSCRIBE, id=meeting["id"], language="de-DE") == "FORBIDDEN"
    assert await error(ada, TRANSCRIBE, id=meeting["id"], language="tlh") == "LANGUAGE_NOT_SUPPORTED"
    assert await error(ada, TRANSCRIBE, id=meeting["id"], language="no language") == "BAD_REQUEST"
    assert (await result(ada, TRANSCRIBE, id=meeting["id"], language="de-DE"))["transcriptionLanguage"] == "de-DE"
    assert call.language == "de-DE"
    assert (await result(ben, GET, id=meeting["id"]))["transcriptionLanguage"] == "de-DE"
    assert (await result(ada, HUSH, id=meeting["id"]))["transcriptionLanguage"] is None
    assert (await result(ada, HUSH, id=meeting["id"]))["transcriptionLanguage"] is None
    assert call.language is None


@pytest.mark.parametrize("how", ["TranscriptionFailed", "TranscriptionStopped"])
async def test_captions_that_chime_gives_no_more_are_off(studio: Hall, how: str) -> None:
    school = studio.school
    ada = school.as_("ada", "Mentors")
    meeting = await live_meeting(school, ada)
    [call_id] = studio.service.calls
    await result(ada, TRANSCRIBE, id=meeting["id"], language="de-DE")
    school.published.clear()
    school.clock.advance(seconds=3)
    studio.service.end_transcription(call_id, how)

    await studio.drain()

    assert (await result(ada, GET, id=meeting["id"]))["transcriptionLanguage"] is None
    assert ("publishMeeting", {"id": meeting["id"]}) in school.published
    school.clock.advance(seconds=3)
    assert (await result(ada, TRANSCRIBE, id=meeting["id"], language="de-DE"))["transcriptionLanguage"] == "de-DE"
    version = (await result(ada, GET, id=meeting["id"]))["version"]
    for event in [each for each in studio.service.events if each["detail"]["eventType"] == f"chime:{how}"]:
        await school.sources.meeting_events.apply(event, school.clock.now())  # told again, when it is no news
    told = await result(ada, GET, id=meeting["id"])
    assert (told["transcriptionLanguage"], told["version"]) == ("de-DE", version)


async def test_captions_whose_failure_is_told_before_they_are_noted_stay_off(studio: Hall) -> None:
    school = studio.school
    ada = school.as_("ada", "Mentors")
    meeting = await live_meeting(school, ada)
    [call_id] = studio.service.calls
    asked_at = school.clock.now()
    school.clock.advance(seconds=1)
    studio.service.end_transcription(call_id)
    await studio.drain()

    _, is_changed = await school.sources.transcription.start(meeting["id"], "de-DE", asked_at)

    assert not is_changed
    assert (await result(ada, GET, id=meeting["id"]))["transcriptionLanguage"] is None


async def test_our_own_engine_says_that_it_cannot(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    meeting = await live_meeting(school, ada)

    for query, more in ((RECORD, {}), (STOP, {}), (TRANSCRIBE, {"language": "en-US"}), (HUSH, {})):
        refusal = await ada.refusal(query, id=meeting["id"], **more)
        assert refusal["errorType"] == "FEATURE_DISABLED"
        assert refusal["errorInfo"]["feature"] in ("MEETING_RECORDING", "MEETING_TRANSCRIPTION")
    assert await recordings(ada, meeting) == []
