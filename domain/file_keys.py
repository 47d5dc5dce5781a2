"""Where files are kept. Keys are made of ids alone: no text of a client, such as a file's name, is part of one."""

import hashlib
import re

from domain.uploads import MediaKind, UploadPurpose

INCOMING = "incoming/"
"""Where clients' bytes arrive. Nothing there is ever given to anybody."""
MEDIA = "media/"
DOCUMENTS = "documents/"
FACES = "faces/"
"""Pictures of faces, which are read once and removed."""
RECORDINGS = "recordings/"
"""Where Chime puts what it records, and where recordings are kept."""
_KEPT_RECORDINGS = f"{RECORDINGS}kept/"
EXPORTS = "exports/"
PLACES = (INCOMING, MEDIA, DOCUMENTS, FACES, RECORDINGS, EXPORTS)
"""What every key begins with."""
_ORIGINAL = re.compile(rf"({MEDIA}|{DOCUMENTS}|{FACES}|{_KEPT_RECORDINGS})[^/]*/(?P<media_id>[^/]+)/original")
_SAFE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def incoming(owner_id: str, upload_id: str) -> str:
    return f"{INCOMING}{_folder_name(owner_id)}/{upload_id}"


def place(kind: MediaKind, purpose: UploadPurpose) -> str:
    """The beginning of the keys of media of a kind, so that a store may keep them apart."""
    if purpose == "FACE":
        return FACES
    return {"DOCUMENT": DOCUMENTS, "RECORDING": _KEPT_RECORDINGS}.get(kind, MEDIA)


def media_folder(owner_id: str, media_id: str, place: str = MEDIA) -> str:
    """The beginning of the keys of all that belongs to one media: its original, thumbnails, renditions, captions."""
    return f"{place}{_folder_name(owner_id)}/{media_id}/"


def original(owner_id: str, media_id: str, place: str = MEDIA) -> str:
    """The file as it was uploaded, once it was checked."""
    return f"{media_folder(owner_id, media_id, place)}original"


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
    found = _ORIGINAL.fullmatch(key)
    return None if found is None else found["media_id"]


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
