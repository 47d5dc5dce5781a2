"""Whether a browser shows a file or saves it, and under which name (RFC 6266, RFC 8187)."""

import re
from urllib.parse import quote

_SHOWN = re.compile(
    r"(?:video/.*|audio/.*|image/(?:png|jpeg|gif|webp|avif|bmp)|text/plain|text/vtt|application/pdf"
    r"|application/vnd\.apple\.mpegurl|application/x-mpegurl)\s*(?:;.*)?",
    re.IGNORECASE,
)
"""Types that can run nothing where they are shown. Pages, SVG pictures and all that is unknown are saved."""
_NOT_QUOTABLE = re.compile(r'[^ -~]|["\\%/]')
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff/\\\\]")
"""What a file's name cannot hold, or what makes it look like another one."""


def is_shown(content_type: str) -> bool:
    """Whether a browser may show files of this type in place."""
    return _SHOWN.fullmatch(content_type) is not None


def disposition(content_type: str, download_name: str | None = None) -> str:
    """The value of Content-Disposition.

    Args:
        download_name: save as this; None to show in place, where that is safe.
    """
    if download_name is None:
        return "inline" if is_shown(content_type) else "attachment"
    return saved_as(download_name)


def saved_as(name: str) -> str:
    """To be saved under this name, told in ASCII for the oldest clients and exactly for all others."""
    name = _CONTROLS.sub("_", name)[:255] or "file"
    plain = _NOT_QUOTABLE.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
