"""Media processed on this machine: what is made of good files, and what becomes of bad ones."""

import asyncio
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from datasources.local.files import FileStore
from datasources.local.media_processes import LocalMediaEngine
from datasources.media_engine import Unprocessable
from datasources.scratch import Scratch
from domain.media import MediaAsset, Processed
from domain.times import Timestamp
from domain.uploads import MediaKind
from tests import media_files
from tests.blob_stores import FilesSite

NOON = Timestamp("2036-09-01T12:00:00.000Z")


@pytest.fixture
def files(files_site: FilesSite) -> FileStore:
    return files_site.store


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


class Studio:
    """Processes files and remembers how far it was told to have come."""

    def __init__(self, files: FileStore, scratch: Path, ffmpeg: str | None) -> None:
        self.files = files
        self.engine = LocalMediaEngine(files, Scratch(scratch), ffmpeg=ffmpeg)
        self.reported: list[float] = []
        self.began = asyncio.Event()

    async def made(self, source: Path | bytes, kind: MediaKind, content_type: str) -> Processed:
        media = asset(kind, content_type)
        await self.files.store(media.original_key, source, content_type=content_type)

        async def report(percent: float) -> None:
            self.reported.append(percent)
            self.began.set()

        processed = await self.engine.process(media, report)
        assert isinstance(processed, Processed)
        return processed

    async def text(self, key: str) -> str:
        return (await self.files.read(key, length=10_000)).decode()

    async def picture(self, key: str) -> Image.Image:
        return Image.open(io.BytesIO(await self.files.read(key, length=1_000_000)))


@pytest.fixture
def studio(files: FileStore, scratch: Path) -> Studio:
    return Studio(files, scratch, None)


@pytest.fixture
def full_studio(files: FileStore, scratch: Path) -> Studio:
    """With ffmpeg."""
    return Studio(files, scratch, media_files.ffmpeg())


def asset(kind: MediaKind, content_type: str) -> MediaAsset:
    return MediaAsset(
        id="m1",
        owner_id="ada",
        kind=kind,
        purpose="LESSON",
        status="PROCESSING",
        file_name="a file",
        content_type=content_type,
        size_bytes=1,
        created_at=NOON,
        version=1,
        job_started_at=NOON,
    )


async def test_a_video_becomes_a_playlist_of_the_sizes_that_it_fills(full_studio: Studio, tmp_path: Path) -> None:
    source = media_files.video(tmp_path / "a.mp4", seconds=7, width=640, height=360)
    made = await full_studio.made(source, "VIDEO", "video/mp4")

    assert (made.duration_seconds, made.width, made.height) == (7, 640, 360)
    (playlist,) = made.files
    assert (playlist.format, playlist.width, playlist.height) == ("HLS", 640, 360)
    master = await full_studio.text(playlist.key)
    assert master.count("RESOLUTION=426x240") == master.count("RESOLUTION=640x360") == 1
    largest = await full_studio.text(f"{asset('VIDEO', '').folder}hls/v1/index.m3u8")
    segments = [line for line in largest.splitlines() if line.endswith(".ts")]
    assert len(segments) == 2
    assert largest.rstrip().endswith("#EXT-X-ENDLIST")
    for segment in segments:
        assert (await full_studio.files.head(f"{asset('VIDEO', '').folder}hls/v1/{segment}")) is not None
    assert full_studio.reported == sorted(full_studio.reported)
    assert 0 < full_studio.reported[-1] <= 100


async def test_a_videos_still_is_later_than_a_fade_from_black(studio: Studio, tmp_path: Path) -> None:
    source = media_files.video(tmp_path / "a.mp4", seconds=20, width=400, height=300, with_sound=False)
    made = await studio.made(source, "VIDEO", "video/mp4")

    assert [(image.width, image.height) for image in made.images] == [(320, 240), (400, 300)]
    assert {image.position_seconds for image in made.images} == {2}
    still = await studio.picture(made.images[0].key)
    assert 15 < still.convert("L").getpixel((10, 10)) < 40


async def test_without_ffmpeg_a_video_has_a_length_and_a_still_and_no_playlist(studio: Studio, tmp_path: Path) -> None:
    source = media_files.video(tmp_path / "a.mp4", seconds=2, width=320, height=240)
    made = await studio.made(source, "VIDEO", "video/mp4")
    assert made.duration_seconds == 2
    assert len(made.images) == 1
    assert made.files == ()


async def test_sound_becomes_a_playlist_without_a_picture(full_studio: Studio, tmp_path: Path) -> None:
    made = await full_studio.made(media_files.sound(tmp_path / "a.mp3", seconds=3), "AUDIO", "audio/mpeg")
    assert (made.duration_seconds, made.width, made.images) == (3, None, ())
    (playlist,) = made.files
    assert (playlist.format, playlist.width, playlist.bitrate_kbps) == ("HLS", None, 128)


async def test_a_recording_of_a_browser_tells_no_length_and_gets_one(studio: Studio, tmp_path: Path) -> None:
    whole = media_files.video(tmp_path / "a.webm", seconds=3, width=160, height=120, with_sound=False, codec="libvpx")
    text = whole.read_bytes()
    length = text.find(b"\x44\x89\x88")  # Matroska's Duration, a double
    assert length > 0
    without = text[:length] + b"\xec\x89" + b"\0" * 9 + text[length + 11 :]  # a void element of the same size
    made = await studio.made(without, "VIDEO", "video/webm")
    assert made.duration_seconds == 3


async def test_a_picture_is_made_upright_small_and_free_of_its_cameras_notes(studio: Studio) -> None:
    made = await studio.made(media_files.picture(2000, 1000, orientation=6), "IMAGE", "image/jpeg")
    assert (made.width, made.height) == (1000, 2000)
    assert [(image.width, image.height) for image in made.images] == [(320, 640), (1000, 2000)]
    (rendition,) = made.files
    assert (rendition.format, rendition.width, rendition.height) == ("WEBP", 1000, 2000)
    assert not (await studio.picture(rendition.key)).getexif()


async def test_a_picture_without_a_decoder_here_is_kept_as_it_is(studio: Studio) -> None:
    assert await studio.made(b"\0\0\0\x18ftypheic", "IMAGE", "image/heic") == Processed()


def a_bomb(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and has next to nothing in it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + name + data + zlib.crc32(name + data).to_bytes(4)

    header = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def a_playlist_of_our_files(_: Path) -> bytes:
    return b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"


def half_a_video(folder: Path) -> bytes:
    whole = media_files.video(folder / "a.mp4", seconds=2, width=160, height=120).read_bytes()
    return whole[: len(whole) // 2]


@pytest.mark.parametrize(
    ("source", "kind", "content_type", "reason"),
    [
        (lambda _: b"\xff\xd8\xff nothing", "IMAGE", "image/jpeg", "cannot be read"),
        (lambda _: media_files.picture(10, 10, "PNG"), "IMAGE", "image/jpeg", "cannot be read"),
        (lambda _: media_files.picture(100, 100)[:-200], "IMAGE", "image/jpeg", "cannot be read"),
        (lambda _: a_bomb(11_000, 10_000), "IMAGE", "image/png", "more than 100 million pixels"),
        (lambda _: a_bomb(60_000, 60_000), "IMAGE", "image/png", "more than 100 million pixels"),
        (lambda _: b"", "VIDEO", "video/mp4", "cannot be played"),
        (lambda _: b"\0\0\0\x18ftypisom" + b"\xff" * 5000, "VIDEO", "video/mp4", "cannot be played"),
        (half_a_video, "VIDEO", "video/mp4", "cannot be played"),
        (a_playlist_of_our_files, "VIDEO", "video/mp4", "cannot be played"),
        (lambda folder: media_files.sound(folder / "a.mp4", seconds=1, codec="aac").read_bytes(), "VIDEO",
         "video/mp4", "no picture"),
        (lambda folder: media_files.video(folder / "a.mp4", seconds=1, width=64, height=64, with_sound=False)
         .read_bytes(), "AUDIO", "audio/mp4", "no sound"),
    ],
    ids=["no picture", "another format", "cut picture", "bomb", "large bomb", "empty", "junk", "cut video", "playlist",
         "sound only", "silent"],
)  # fmt: skip
async def test_a_file_that_is_not_what_it_seems_is_refused_in_one_sentence(
    full_studio: Studio,
    tmp_path: Path,
    source: Callable[[Path], bytes],
    kind: MediaKind,
    content_type: str,
    reason: str,
) -> None:
    with pytest.raises(Unprocessable) as refused:
        await full_studio.made(source(tmp_path), kind, content_type)
    assert reason in str(refused.value)
    assert "/" not in str(refused.value)


async def test_a_file_that_is_gone_is_refused(studio: Studio) -> None:
    with pytest.raises(Unprocessable, match="gone"):
        await studio.engine.process(asset("IMAGE", "image/png"), ignore)


async def test_nothing_is_left_in_the_scratch_folder(studio: Studio, scratch: Path) -> None:
    await studio.made(media_files.picture(10, 10), "IMAGE", "image/jpeg")
    with pytest.raises(Unprocessable):
        await studio.made(b"junk", "IMAGE", "image/jpeg")
    assert names(scratch) == []


async def test_a_run_that_is_cut_off_ends_with_all_that_it_started(
    full_studio: Studio, scratch: Path, tmp_path: Path
) -> None:
    source = media_files.video(tmp_path / "a.mp4", seconds=15, width=640, height=360, with_sound=False)
    run = asyncio.create_task(full_studio.made(source, "VIDEO", "video/mp4"))
    await full_studio.began.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert names(scratch) == []
    assert not any(str(scratch) in line for line in command_lines())


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def command_lines() -> Iterator[str]:
    """Of all processes that run."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has just ended
            yield path.read_bytes().decode(errors="replace")


async def ignore(_: float) -> None:
    pass
