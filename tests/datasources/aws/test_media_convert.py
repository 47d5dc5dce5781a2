"""MediaConvert as a media engine: one job a run, found again by any process, and its results as our own."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from datasources.aws.buckets import Buckets
from datasources.aws.media_convert import MediaConvert, open_media_convert
from datasources.local.files import FileStore
from datasources.media_engine import Underway, Unprocessable
from domain.errors import Code, DomainError
from domain.media import MediaAsset, Processed, StoredImage, StoredRendition
from domain.times import Timestamp
from tests.blob_stores import FilesSite
from tests.media_convert_service import MediaConvertService, media_convert_service

ROLE = "arn:aws:iam::111122223333:role/media"
BUCKET = "s3://school/files/"
NOON = Timestamp("2036-09-01T12:00:00.000Z")
FILM = MediaAsset(
    id="m1",
    owner_id="ada",
    kind="VIDEO",
    purpose="LESSON",
    status="PROCESSING",
    file_name="film.mp4",
    content_type="video/mp4",
    size_bytes=1,
    created_at=NOON,
    version=1,
    job_started_at=NOON,
)
SOUND = msgspec.structs.replace(FILM, kind="AUDIO", content_type="audio/mpeg")


@pytest.fixture
def files(files_site: FilesSite) -> FileStore:
    """Stands for the bucket, which the engine reads like any store of files."""
    return files_site.store


@pytest.fixture
async def running() -> AsyncIterator[tuple[MediaConvertService, str]]:
    async with media_convert_service() as it:
        yield it


@pytest.fixture
def service(running: tuple[MediaConvertService, str]) -> MediaConvertService:
    running[0].sizes[f"{BUCKET}{FILM.original_key}"] = (1920, 1080)
    return running[0]


@pytest.fixture
async def engine(
    running: tuple[MediaConvertService, str], files: FileStore, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MediaConvert]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    async with open_media_convert(
        files, Buckets("school", "files/"), role=ROLE, queue=None, region="eu-central-1", endpoint_url=running[1]
    ) as opened:
        yield opened


async def process(engine: MediaConvert, media: MediaAsset = FILM) -> Processed | Underway:
    async def report(_: float) -> None:
        pass

    return await engine.process(media, report)


def the_job(service: MediaConvertService) -> dict[str, Any]:
    (job,) = service.jobs.values()
    return job


async def test_a_film_gets_the_sizes_that_it_fills_and_stills(
    engine: MediaConvert, service: MediaConvertService
) -> None:
    assert await process(engine) == Underway(0.0)
    settings = the_job(service)["Settings"]
    assert settings["Inputs"][0]["FileInput"] == f"{BUCKET}{FILM.original_key}"
    playlists, stills = settings["OutputGroups"]
    heights = [output["VideoDescription"]["Height"] for output in playlists["Outputs"]]
    assert heights == [480, 720, 1080]
    for group in (playlists, stills):
        (target,) = [each["Destination"] for each in group["OutputGroupSettings"].values() if isinstance(each, dict)]
        assert target.startswith(f"{BUCKET}{FILM.folder}")


async def test_one_run_is_one_job_for_any_process_that_asks(
    engine: MediaConvert, service: MediaConvertService, files: FileStore
) -> None:
    await process(engine)
    await process(engine)
    await files.delete([f"{FILM.folder}mediaconvert.json"])  # as after a crash before the note was written
    await process(engine)
    assert len(service.jobs) == 1
    later = msgspec.structs.replace(FILM, job_started_at=Timestamp("2036-09-01T13:00:00.000Z"))
    await process(engine, later)
    assert len(service.jobs) == 2, "another run is another job"


async def test_progress_and_results(engine: MediaConvert, service: MediaConvertService, files: FileStore) -> None:
    await process(engine)
    job = the_job(service)
    job |= {"Status": "PROGRESSING", "JobPercentComplete": 35}
    assert await process(engine) == Underway(35.0)
    await files.store(f"{FILM.folder}hls/master.m3u8", b"#EXTM3U\n", content_type="application/vnd.apple.mpegurl")
    for number in range(2):
        key = f"{FILM.folder}stills/still.000000{number}.jpg"
        await files.store(key, b"\xff\xd8\xff", content_type="image/jpeg")
    service.complete(job["Id"], width=1920, height=1080, milliseconds=12_400)
    assert await process(engine) == Processed(
        duration_seconds=12,
        width=1920,
        height=1080,
        images=(StoredImage(f"{FILM.folder}stills/still.0000001.jpg", 1920, 1080),),
        files=(
            StoredRendition(
                "HLS",
                f"{FILM.folder}hls/master.m3u8",
                width=1920,
                height=1080,
                bitrate_kbps=5_000 + 128,
                size_bytes=8,
            ),
        ),
    )


async def test_sound_is_not_looked_into_and_has_no_picture(engine: MediaConvert, service: MediaConvertService) -> None:
    await process(engine, SOUND)
    assert "Probe" not in service.asked
    service.complete(the_job(service)["Id"], width=None, height=None, milliseconds=3_000)
    made = await process(engine, SOUND)
    assert isinstance(made, Processed)
    assert (made.duration_seconds, made.width, made.images) == (3, None, ())
    assert [file.bitrate_kbps for file in made.files] == [128]


async def test_what_is_no_film_gets_no_job(engine: MediaConvert, service: MediaConvertService) -> None:
    service.sizes.clear()
    with pytest.raises(Unprocessable):
        await process(engine)
    assert not service.jobs


@pytest.mark.parametrize(("code", "fails_for_good"), [(1040, True), (1404, True), (1517, False), (1999, False)])
async def test_a_job_that_failed(
    engine: MediaConvert, service: MediaConvertService, code: int, fails_for_good: bool
) -> None:
    await process(engine)
    the_job(service).update(Status="ERROR", ErrorCode=code, ErrorMessage="s3://school/secret/key is broken")
    with pytest.raises(Unprocessable if fails_for_good else DomainError) as failure:
        await process(engine)
    assert "s3://" not in str(failure.value)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("TooManyRequestsException", Code.THROTTLED),
        ("InternalServerErrorException", Code.DEPENDENCY_FAILED),
        ("ForbiddenException", Code.DEPENDENCY_FAILED),
    ],
)
async def test_trouble_of_the_service_passes(
    engine: MediaConvert, service: MediaConvertService, code: str, expected: Code
) -> None:
    service.broken = [code]
    with pytest.raises(DomainError) as trouble:
        await process(engine)
    assert trouble.value.code is expected
    await process(engine)
    assert len(service.jobs) == 1
