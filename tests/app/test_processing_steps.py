"""What workers make of media: states, progress and results as owners see them, and what happens when it goes wrong."""

import asyncio
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.media_engines import MediaEngines
from app.processing_steps import processing_steps
from app.product import PROCESSED
from app.sources import FileRules
from app.worker_steps import TimedStep
from datasources import media_processing
from datasources.local.media_processes import LocalMediaEngine
from datasources.media_engine import MediaEngine, Report, Underway, Unprocessable
from datasources.scratch import Scratch
from domain.errors import dependency_failed
from domain.media import MediaAsset, Processed
from tests import media_files
from tests.school import Client, School
from tests.uploading import upload_file

SEEN = """query ($id: ID!) { getMedia(id: $id) {
  status durationSeconds width height progressPercent errorMessage playbackUrl
  thumbnails { url width height } renditions { format url } } }"""
AGAIN = "mutation ($id: ID!) { reprocessMedia(id: $id) { status } }"

Outcome = Processed | Underway | BaseException


class Engine:
    """Does as it is told, once for each try, and remembers which runs it was asked for."""

    def __init__(self, *outcomes: Outcome, percents: Sequence[float] = ()) -> None:
        self._outcomes = list(outcomes)
        self._percents = percents
        self.runs: list[str | None] = []

    async def process(self, media: MediaAsset, report: Report) -> Processed | Underway:
        self.runs.append(media.job_started_at)
        for percent in self._percents:
            await report(percent)
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


MADE = Processed(duration_seconds=12, width=640, height=360)


@pytest.fixture
def school(school_with_files: School) -> School:
    return dataclasses.replace(school_with_files, file_rules=FileRules(processed=PROCESSED))


@pytest.fixture
def ada(school: School) -> Client:
    return school.as_("ada")


async def work(school: School, engine: MediaEngine) -> None:
    """Every step once."""
    engines = MediaEngines(engine, engine, at_once=1)
    for step in processing_steps(school.store, school.sources.media, engines, school.clock.now):
        assert isinstance(step, TimedStep)
        await step.run(None)


async def a_video(ada: Client, tmp_path: Path) -> str:
    content = media_files.video(tmp_path / "a.mp4", seconds=1, width=64, height=64).read_bytes()
    return await upload_file(ada, content, "video/mp4")


async def seen(ada: Client, media_id: str) -> dict[str, object]:
    return dict((await ada.data(SEEN, id=media_id))["getMedia"])


async def test_a_picture_becomes_ready_with_thumbnails(school: School, ada: Client, tmp_path: Path) -> None:
    media_id = await upload_file(ada, media_files.picture(800, 600), "image/jpeg")
    assert (await seen(ada, media_id))["status"] == "PROCESSING"
    await work(school, LocalMediaEngine(school.blobs, Scratch(tmp_path), ffmpeg=None))

    media = await seen(ada, media_id)
    assert (media["status"], media["width"], media["height"]) == ("READY", 800, 600)
    assert [each["width"] for each in media["thumbnails"]] == [320, 800]  # type: ignore[attr-defined]
    assert [each["format"] for each in media["renditions"]] == ["WEBP"]  # type: ignore[attr-defined]
    assert school.files is not None
    shown = await school.files.request("GET", media["thumbnails"][0]["url"])  # type: ignore[index]
    assert (shown.status, shown.headers["Content-Type"]) == (200, "image/webp")


async def test_a_video_becomes_ready_with_a_link_to_its_playlist(school: School, ada: Client, tmp_path: Path) -> None:
    media_id = await a_video(ada, tmp_path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    await work(school, LocalMediaEngine(school.blobs, Scratch(scratch), ffmpeg=media_files.ffmpeg()))

    media = await seen(ada, media_id)
    assert (media["status"], media["durationSeconds"]) == ("READY", 1)
    assert str(media["playbackUrl"]).startswith("https://school.example/playback/")
    _, _, path = str(media["playbackUrl"]).partition("/playback/")
    token, _, name = path.partition("/")
    assert b"v0/index.m3u8" in await school.sources.playback.playlist(token, name)


async def test_progress_is_seen_and_told(school: School, ada: Client, tmp_path: Path) -> None:
    media_id = await a_video(ada, tmp_path)
    await work(school, Engine(Underway(40.0), percents=[10.0, 40.0]))
    assert (await seen(ada, media_id))["progressPercent"] == 40.0
    await school.drain("media-")
    assert ("publishMedia", {"id": media_id}) in school.published


async def test_work_elsewhere_is_asked_after_again_and_is_no_failed_try(
    school: School, ada: Client, tmp_path: Path
) -> None:
    media_id = await a_video(ada, tmp_path)
    engine = Engine(*[Underway(1.0)] * 20, dependency_failed("media"), MADE)
    for _ in range(20):
        await work(school, engine)
        school.clock.advance(seconds=media_processing.ASKED_AGAIN_SECONDS)
    await work(school, engine)
    assert (await seen(ada, media_id))["status"] == "PROCESSING", "the first fault that counts"
    school.clock.advance(seconds=60)
    await work(school, engine)
    assert (await seen(ada, media_id))["status"] == "READY"
    assert len(set(engine.runs)) == 1, "one run, whoever asked"


async def test_what_cannot_be_processed_fails_with_a_reason_and_may_be_tried_again(
    school: School, ada: Client, tmp_path: Path
) -> None:
    media_id = await a_video(ada, tmp_path)
    engine = Engine(Unprocessable("The file cannot be played."), MADE)
    await work(school, engine)
    media = await seen(ada, media_id)
    assert (media["status"], media["errorMessage"]) == ("FAILED", "The file cannot be played.")
    school.clock.advance(seconds=1)
    await ada.data(AGAIN, id=media_id)
    await work(school, engine)
    assert (await seen(ada, media_id))["status"] == "READY"
    assert len(set(engine.runs)) == 2


async def test_faults_that_pass_are_tried_again_after_a_pause(school: School, ada: Client, tmp_path: Path) -> None:
    media_id = await a_video(ada, tmp_path)
    engine = Engine(dependency_failed("media"), RuntimeError("a bug"), MADE)
    await work(school, engine)
    assert (await seen(ada, media_id))["status"] == "PROCESSING"
    await work(school, engine)
    assert len(engine.runs) == 1, "not before the pause is over"
    for _ in range(2):
        school.clock.advance(seconds=60)
        await work(school, engine)
    assert (await seen(ada, media_id))["status"] == "READY"


async def test_after_many_tries_it_has_failed(school: School, ada: Client, tmp_path: Path) -> None:
    media_id = await a_video(ada, tmp_path)
    engine = Engine(*[RuntimeError("a bug")] * media_processing.MOST_TRIES)
    for _ in range(media_processing.MOST_TRIES):
        await work(school, engine)
        school.clock.advance(seconds=3600)
    media = await seen(ada, media_id)
    assert (media["status"], media["errorMessage"]) == ("FAILED", "The file could not be processed.")


async def test_many_workers_process_it_once(school: School, ada: Client, tmp_path: Path) -> None:
    media_id = await a_video(ada, tmp_path)
    engine = Engine(MADE)
    await asyncio.gather(*(work(school, engine) for _ in range(10)))
    assert len(engine.runs) == 1
    assert (await seen(ada, media_id))["status"] == "READY"


async def test_what_a_killed_worker_began_goes_on_under_the_same_name(
    school: School, ada: Client, tmp_path: Path
) -> None:
    media_id = await a_video(ada, tmp_path)
    engine = Engine(asyncio.CancelledError(), MADE)  # a process that ends in the middle
    with pytest.raises(asyncio.CancelledError):
        await work(school, engine)
    school.clock.advance(seconds=media_processing.LEASE_SECONDS)
    await work(school, engine)
    assert (await seen(ada, media_id))["status"] == "READY"
    assert len(set(engine.runs)) == 1
