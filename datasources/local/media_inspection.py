"""What a file that plays consists of, and a still of it, read with FFmpeg's libraries. Runs in a process of its own."""

import math
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from PIL import Image

DEMUXERS = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "audio/mp4": "mov",
    "audio/webm": "matroska",
    "audio/mpeg": "mp3",
    "audio/aac": "aac",
    "audio/wav": "wav",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
}
"""The one reader for each type. Guessing by content would let a file be a playlist that names other files."""
MOST_SECONDS = 24 * 3600
MOST_PIXELS = 8192 * 8192 // 2
_STILL_AT = 0.1
"""Which part of the way: later than a fade from black."""
_MOST_DECODED = 250
_OPEN_SECONDS = 30.0


class NotPlayable(Exception):
    """Nothing in it plays; its text says why in one sentence."""


class Facts(NamedTuple):
    """`width` and `height` are as shown, upright; None where there is no picture."""

    seconds: float
    width: int | None
    height: int | None
    has_sound: bool
    still: Image.Image | None
    still_at: int | None


def inspect(source: Path, content_type: str, *, with_picture: bool) -> Facts:
    """Raises NotPlayable."""
    try:
        with av.open(
            str(source),
            format=DEMUXERS[content_type],
            options={"protocol_whitelist": "file"},
            timeout=_OPEN_SECONDS,
        ) as container:
            return _facts(container, with_picture)
    except NotPlayable:
        raise
    except (av.FFmpegError, ValueError, StopIteration, MemoryError, OSError):
        raise NotPlayable("The file cannot be played.") from None


def _facts(container: InputContainer, with_picture: bool) -> Facts:
    has_sound = bool(container.streams.audio)
    if not with_picture:
        if not has_sound:
            raise NotPlayable("The file has no sound.")
        return Facts(_seconds(container), None, None, has_sound, None, None)
    if not container.streams.video:
        raise NotPlayable("The file has no picture.")
    shape = container.streams.video[0].codec_context
    if shape.width * shape.height > MOST_PIXELS:
        raise NotPlayable("The picture is too large.")
    frame = _frame(container, 0)
    seconds = _seconds(container)
    later = _frame(container, seconds * _STILL_AT) or frame
    if later is None:
        raise NotPlayable("The picture cannot be decoded.")
    still = _upright(later)
    return Facts(seconds, still.width, still.height, has_sound, still, int(later.time or 0))


def _frame(container: InputContainer, seconds: float) -> VideoFrame | None:
    """The frame at this time, or one a little earlier where many would have to be decoded before it."""
    frame = None
    try:
        container.seek(int(seconds * av.time_base))
        for frame in islice(container.decode(container.streams.video[0]), _MOST_DECODED):
            if frame.time is not None and frame.time >= seconds:
                break
    except av.FFmpegError:
        pass  # what could be decoded until here will do
    return frame


def _upright(frame: VideoFrame) -> Image.Image:
    picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
    return picture.rotate(frame.rotation, expand=True) if frame.rotation else picture


def _seconds(container: InputContainer) -> float:
    """As its header tells; where it does not, as browsers record, by its last packet."""
    if container.duration is not None:
        seconds = container.duration / av.time_base
    else:
        container.seek(0)
        ends = (
            float((packet.pts + (packet.duration or 0)) * packet.time_base)
            for packet in container.demux()
            if packet.pts is not None and packet.time_base is not None
        )
        seconds = max(ends, default=0.0)
    if not math.isfinite(seconds) or seconds <= 0:
        raise NotPlayable("The file has no length.")
    if seconds > MOST_SECONDS:
        raise NotPlayable(f"The file is longer than {MOST_SECONDS // 3600} hours.")
    return seconds
