"""Pictures of people, cut from photographs that come with the npm package @vladmandic/face-api. None are kept here."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFilter

PHOTOGRAPHS = Path(__file__).parent / "clients/node/node_modules/@vladmandic/face-api/demo"

_WHERE = {
    "eva": ("sample1.jpg", 0.8175, 0.182, 0.11),
    "eva again": ("sample3.jpg", 0.6075, 0.19, 0.13),
    "mia": ("sample2.jpg", 0.8055, 0.158, 0.11),
    "zoe": ("sample6.jpg", 0.8238, 0.2331, 0.13),
    "ada": ("sample4.jpg", 0.691, 0.151, 0.09),
    "lin": ("sample6.jpg", 0.6618, 0.2537, 0.108),
}
"""Of each portrait the photograph, the face's middle, and half of the square around it, in parts of the width."""
PEOPLE = ("eva", "mia", "zoe", "ada", "lin")
"""Of "eva" there is a second portrait, by other light: "eva again"."""


def required() -> None:
    """Skips the test where the pictures are not installed; in CI that is a failure."""
    if PHOTOGRAPHS.exists():
        return
    reason = "Node's packages are missing, pictures among them; ./dev test installs them"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def portrait(name: str) -> Image.Image:
    """One person, some 400 pixels wide."""
    required()
    photograph, x, y, half = _WHERE[name]
    with Image.open(PHOTOGRAPHS / photograph) as opened:
        width = opened.width
        return opened.convert("RGB").crop(
            tuple(round(width * part) for part in (x - half, y - half, x + half, y + half))
        )


def group() -> Image.Image:
    """Four people."""
    required()
    with Image.open(PHOTOGRAPHS / "sample6.jpg") as opened:
        return opened.convert("RGB")


def blurred(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(image.width / 80))


def landscape() -> Image.Image:
    """Nobody."""
    return Image.linear_gradient("L").convert("RGB")


def encoded(image: Image.Image, kind: str = "JPEG", **how: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **{"quality": 92, **how} if kind == "JPEG" else how)
    return written.getvalue()
