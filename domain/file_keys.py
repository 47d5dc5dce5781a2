"""Where files are kept. Keys are made of ids alone: no text of a client, such as a file's name, is part of one."""

import hashlib
import re

INCOMING = "incoming/"
"""Where clients' bytes arrive. Nothing there is ever given to anybody."""
MEDIA = "media/"
RECORDINGS = "recordings/"
"""Where Chime puts what it records."""
EXPORTS = "exports/"
_SAFE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def incoming(owner_id: str, upload_id: str) -> str:
    return f"{INCOMING}{_folder_name(owner_id)}/{upload_id}"


def media_folder(owner_id: str, media_id: str) -> str:
    """The beginning of the keys of all that belongs to one media: its original, thumbnails, renditions, captions."""
    return f"{MEDIA}{_folder_name(owner_id)}/{media_id}/"


def original(owner_id: str, media_id: str) -> str:
    """The file as it was uploaded, once it was checked."""
    return f"{media_folder(owner_id, media_id)}original"


def recorded_pieces(token: str) -> str:
    """The beginning of the keys of what one capture recorded, piece by piece."""
    return f"{RECORDINGS}capture/{token}/"


def recorded_whole(path: str) -> str:
    """A file that was put together of such pieces."""
    return f"{RECORDINGS}{path}"


def export(owner_id: str, job_id: str, format: str) -> str:
    return f"{EXPORTS}{_folder_name(owner_id)}/{job_id}.{format.lower()}"


def media_id_of(key: str) -> str | None:
    """The media that an original's key belongs to; None for any other key."""
    match key.removeprefix(MEDIA).split("/"):
        case [_, media_id, "original"] if media_id and key.startswith(MEDIA):
            return media_id
    return None


def upload_id_of(key: str) -> str | None:
    """The upload that a key of arriving bytes belongs to; None for any other key."""
    match key.removeprefix(INCOMING).split("/"):
        case [_, upload_id] if upload_id and key.startswith(INCOMING):
            return upload_id
    return None


def _folder_name(owner_id: str) -> str:
    """The id itself, or a hash of one that holds what means something in a path or a URL."""
    if _SAFE.fullmatch(owner_id):
        return owner_id
    return f"~{hashlib.sha256(owner_id.encode()).hexdigest()}"
