"""Works on media on this machine, each file in a process of its own: pictures, stills, and with ffmpeg playlists."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from datasources.blobs import BlobStore
from datasources.local.child_process import ChildProcess, module_command
from datasources.local.media_messages import MASTER_PLAYLIST, Made, Message, Progress, Refused, Still, Task
from datasources.media_engine import Report, Underway, Unprocessable
from datasources.scratch import Scratch
from datasources.video_ladder import SOUND_KBPS
from domain.errors import dependency_failed
from domain.media import MediaAsset, Processed, StoredImage, StoredRendition

STORED_AT_ONCE = 8
SILENT_SECONDS = 600.0
"""How long a process may tell nothing before it counts as stuck."""
_REPORTED_PERCENT = 5.0
"""Each report is a write and an event: not more often than this."""
_CONTENT_TYPES = {
    ".webp": "image/webp",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".ts": "video/mp2t",
}
_MESSAGE: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)

_log = logging.getLogger(__name__)


class LocalMediaEngine:
    """A MediaEngine.

    Args:
        scratch: for copies of files while they are worked on; needs room for the largest.
        ffmpeg: the program; None: what plays gets its length and a still, and no playlist.
        threads: processors that one file may use.
    """

    def __init__(self, blobs: BlobStore, scratch: Scratch, *, ffmpeg: str | None, threads: int = 1) -> None:
        self._blobs = blobs
        self._scratch = scratch
        self._ffmpeg = ffmpeg
        self._threads = threads

    async def process(self, media: MediaAsset, report: Report) -> Processed | Underway:
        async with self._scratch.folder() as work:
            return await self._process(media, work / "source", work / "made", report)

    async def _process(self, media: MediaAsset, source: Path, folder: Path, report: Report) -> Processed:
        await asyncio.to_thread(folder.mkdir)
        try:
            await self._blobs.fetch(media.original_key, source)
        except FileNotFoundError:
            raise Unprocessable("The file is gone.") from None
        task = Task(media.kind, media.content_type, str(source), str(folder), self._ffmpeg, self._threads)
        made = await _made(task, report)
        files = await asyncio.to_thread(_files, folder)
        await self._store(media, folder, list(files))
        playlist_bytes = sum(size for path, size in files.items() if path.suffix != ".webp")
        return _processed(media, made, playlist_bytes)

    async def _store(self, media: MediaAsset, folder: Path, files: Sequence[Path]) -> None:
        """Segments first and playlists last, so that no playlist names what is not there."""
        turn = asyncio.Semaphore(STORED_AT_ONCE)

        async def store(path: Path) -> None:
            async with turn:
                key = media.folder + path.relative_to(folder).as_posix()
                await self._blobs.store(key, path, content_type=_CONTENT_TYPES[path.suffix])

        for playlists in (False, True):
            async with asyncio.TaskGroup() as tasks:
                for path in files:
                    if (path.suffix == ".m3u8") is playlists:
                        tasks.create_task(store(path))


async def _made(task: Task, report: Report) -> Made:
    child = await ChildProcess.start(module_command("datasources.local.media_worker"))
    try:
        return await _heard(child, task, report)
    finally:
        await child.kill()


async def _heard(child: ChildProcess, task: Task, report: Report) -> Made:
    with suppress(ConnectionError):  # it ended at once: what it told counts
        child.tasks.write(msgspec.json.encode(task) + b"\n")
        await child.tasks.drain()
    reported = 0.0
    while line := await _line(child.answers):
        match _MESSAGE.decode(line):
            case Progress(percent):
                if percent >= reported + _REPORTED_PERCENT:
                    reported = percent
                    await report(percent)
            case Refused(reason):
                raise Unprocessable(reason)
            case Made() as made:
                return made
    _log.warning("a process that worked on a media has ended early")
    raise dependency_failed("media")


async def _line(stream: asyncio.StreamReader) -> bytes:
    """Empty at the end. Raises DEPENDENCY_FAILED."""
    try:
        async with asyncio.timeout(SILENT_SECONDS):
            return await stream.readline()
    except TimeoutError:
        _log.warning("a process that worked on a media was stuck")
        raise dependency_failed("media") from None


def _processed(media: MediaAsset, made: Made, playlist_bytes: int) -> Processed:
    files = []
    if made.has_playlist:
        best = made.rungs[-1] if made.rungs else None
        files.append(
            StoredRendition(
                "HLS",
                media.folder + MASTER_PLAYLIST,
                width=best.width if best else None,
                height=best.height if best else None,
                bitrate_kbps=SOUND_KBPS + (best.kbps if best else 0),
                size_bytes=playlist_bytes,
            )
        )
    if made.picture is not None:
        shown = made.picture
        files.append(StoredRendition("WEBP", media.folder + shown.name, width=shown.width, height=shown.height))
    return Processed(
        duration_seconds=made.duration_seconds,
        width=made.width,
        height=made.height,
        images=tuple(_image(media, still) for still in made.stills),
        files=tuple(files),
    )


def _image(media: MediaAsset, still: Still) -> StoredImage:
    return StoredImage(media.folder + still.name, still.width, still.height, still.position_seconds)


def _files(folder: Path) -> dict[Path, int]:
    """All files with their sizes, in the order of their names."""
    return {path: path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()}
