"""Still images of pictures that anybody may have sent, decoded within bounds. Runs in a process of its own."""

from pathlib import Path

from PIL import Image, ImageOps

from datasources.local.media_messages import Made, Still

MOST_PIXELS = 100_000_000
"""Enough for a phone's camera; 400 MB at most while it is decoded."""
WIDTHS = (320, 1280)
"""Of thumbnails, pixels; never larger than the picture."""
LONGEST_SIDE = 2560
"""Of the rendition that browsers show."""
_QUALITY = 80
_FORMATS = {
    "image/jpeg": ("JPEG", "MPO"),
    "image/png": ("PNG",),
    "image/gif": ("GIF",),
    "image/webp": ("WEBP",),
    "image/avif": ("AVIF",),
}
"""What is read, by what was declared: no other decoder sees the file. HEIC has none here."""


class Unreadable(Exception):
    """No such picture; its text says why in one sentence."""


def pictures(source: Path, content_type: str, folder: Path) -> Made:
    """Thumbnails and a rendition as WebP, upright and without what cameras write about place and time.

    A type without a decoder gives nothing. Of a moving picture the first frame counts. Raises Unreadable.
    """
    formats = _FORMATS.get(content_type)
    if formats is None:
        return Made()
    try:
        with Image.open(source, formats=formats) as opened:
            width, height = opened.size
            if width * height > MOST_PIXELS:
                raise _too_large()
            picture = ImageOps.exif_transpose(opened)
            upright = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    except Unreadable:
        raise
    except Image.DecompressionBombError:
        raise _too_large() from None
    except MemoryError:
        raise Unreadable("The picture needs too much memory.") from None
    except Exception:  # decoders raise whatever they like for bytes that are no picture
        raise Unreadable("The picture cannot be read.") from None
    shown = upright.copy()
    shown.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return Made(
        width=upright.width,
        height=upright.height,
        stills=thumbnails(upright, folder),
        picture=_saved(shown, folder, "picture.webp"),
    )


def thumbnails(picture: Image.Image, folder: Path, position_seconds: int | None = None) -> tuple[Still, ...]:
    """One of each width, smallest first; widths that the picture lacks are left out, but never all."""
    made = []
    for width in sorted({min(width, picture.width) for width in WIDTHS}):
        height = max(1, round(picture.height * width / picture.width))
        small = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
        made.append(_saved(small, folder, f"thumbnail-{width}.webp", position_seconds))
    return tuple(made)


def _saved(picture: Image.Image, folder: Path, name: str, position_seconds: int | None = None) -> Still:
    picture.save(folder / name, "WEBP", quality=_QUALITY, method=4)
    return Still(name, picture.width, picture.height, position_seconds)


def _too_large() -> Unreadable:
    return Unreadable(f"The picture has more than {MOST_PIXELS // 1_000_000} million pixels.")
