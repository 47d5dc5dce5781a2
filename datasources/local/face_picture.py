"""Pictures that anybody may have sent, decoded within bounds. Runs in a worker process."""

import io
from typing import Any

import numpy
from PIL import Image, ImageOps

from datasources.face_engine import MOST_PICTURE_PIXELS, UnreadablePicture

FORMATS = ("JPEG", "PNG", "WEBP")
LONGEST_SIDE = 800
"""Pixels. A face that fills less than a tenth of that is too small to be told from others anyway."""

Pixels = numpy.ndarray[Any, numpy.dtype[numpy.uint8]]
"""Height x width x 3: red, green, blue."""


def pixels(picture: bytes) -> Pixels:
    """The picture upright and shrunk to `LONGEST_SIDE`. Raises UnreadablePicture."""
    try:
        with Image.open(io.BytesIO(picture), formats=FORMATS) as opened:
            return _decoded(opened)
    except UnreadablePicture:
        raise
    except MemoryError:
        raise UnreadablePicture("it needs too much memory") from None
    except Exception as error:  # decoders raise whatever they like for bytes that are no picture
        raise UnreadablePicture(type(error).__name__) from None


def _decoded(opened: Image.Image) -> Pixels:
    width, height = opened.size
    if width * height > MOST_PICTURE_PIXELS:
        raise UnreadablePicture("it has too many pixels")
    if opened.format != "MPO" and getattr(opened, "is_animated", False):
        raise UnreadablePicture("it moves")
    opened.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG need not be decoded in full size
    opened.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return numpy.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
