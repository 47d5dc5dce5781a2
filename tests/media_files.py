"""Files that play and pictures, made on the spot: colours that change and a tone."""

import io
import os
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy
import pytest
from PIL import Image

RATE = 10
SOUND_RATE = 48_000


def ffmpeg() -> str:
    """The program. Skips the test, visibly, where there is none; in CI that is a failure."""
    found = shutil.which("ffmpeg")
    if found is None:
        assert os.environ.get("CI") != "true", "ffmpeg is missing: apt-get install ffmpeg"
        pytest.skip("ffmpeg is missing: apt-get install ffmpeg")
    return found


def video(path: Path, *, seconds: int, width: int, height: int, with_sound: bool = True, codec: str = "mpeg4") -> Path:
    """The picture grows brighter from black; the container is told by the path's suffix."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream(codec, rate=RATE)
        picture.width, picture.height, picture.pix_fmt = width, height, "yuv420p"
        sound = container.add_stream("aac", rate=SOUND_RATE) if with_sound else None
        for number in range(seconds * RATE):
            level = 255 * number // (seconds * RATE)
            frame = av.VideoFrame.from_ndarray(numpy.full((height, width, 3), level, numpy.uint8), format="rgb24")
            container.mux(picture.encode(frame))
        container.mux(picture.encode())
        if sound is not None:
            _tone(container, sound, seconds)
    return path


def sound(path: Path, *, seconds: int, codec: str = "mp3") -> Path:
    with av.open(str(path), "w") as container:
        _tone(container, container.add_stream(codec, rate=SOUND_RATE), seconds)
    return path


def picture(width: int, height: int, kind: str = "JPEG", *, orientation: int | None = None) -> bytes:
    """
    Args:
        orientation: what a camera writes of how it was held, in EXIF.
    """
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, kind, exif=exif)
    return file.getvalue()


def _tone(container: av.container.OutputContainer, stream: av.AudioStream, seconds: int) -> None:
    size = 1024
    for start in range(0, seconds * SOUND_RATE, size):
        wave = numpy.sin(numpy.arange(start, start + size) * 440 * 2 * numpy.pi / SOUND_RATE)
        frame = av.AudioFrame.from_ndarray(
            (wave * 8000).astype(numpy.int16).reshape(1, -1), format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
