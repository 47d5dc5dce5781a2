"""Media: files that can be used, and each step of their lives as a pure function.

SCANNING -> PROCESSING -> READY; FAILED may be processed again; QUARANTINED and DELETED have no bytes. A step takes the
record as it is and returns it as it shall be, one version on.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import msgspec

from domain.errors import Code, DomainError, bad_request, invalid_state, not_found
from domain.file_keys import media_folder, original, place
from domain.records import Record
from domain.times import Timestamp
from domain.uploads import Checksum, MediaKind, UploadPurpose

MediaStatus = Literal["SCANNING", "PROCESSING", "READY", "FAILED", "QUARANTINED", "DELETED"]
RenditionFormat = Literal["HLS", "MP4", "MP3", "WEBP", "PDF"]
Hurdle = Literal["CHECK", "SCAN"]
"""What a new file has to pass: our own look at its bytes, and a scanner's, where there is one."""

UNPROCESSED: frozenset[UploadPurpose] = frozenset({"FACE", "CAPTION"})
"""Purposes that want the file as it is, and nothing made of it."""
TIMED_KINDS: frozenset[MediaKind] = frozenset({"VIDEO", "AUDIO", "RECORDING"})
"""Kinds that play for a while, and so have a length, renditions and captions."""
MOST_CAPTIONS = 50

_STEPS: Mapping[str, frozenset[str]] = {
    "SCANNING": frozenset({"SCANNING", "PROCESSING", "READY", "FAILED", "QUARANTINED", "DELETED"}),
    "PROCESSING": frozenset({"PROCESSING", "READY", "FAILED", "QUARANTINED", "DELETED"}),
    "READY": frozenset({"QUARANTINED", "DELETED"}),
    "FAILED": frozenset({"SCANNING", "PROCESSING", "QUARANTINED", "DELETED"}),
    "QUARANTINED": frozenset({"DELETED"}),
    "DELETED": frozenset(),
}


class StoredImage(Record, frozen=True):
    """A still image of a media. `key` is of the blob store; `position_seconds` the moment that it shows."""

    key: str
    width: int
    height: int
    position_seconds: int | None = None


class StoredRendition(Record, frozen=True):
    """Another form of a media: one file, for HLS the playlist of playlists."""

    format: RenditionFormat
    key: str
    width: int | None = None
    height: int | None = None
    bitrate_kbps: int | None = None
    size_bytes: int | None = None


class StoredCaptions(Record, frozen=True):
    """A WebVTT file in one language."""

    language: str
    key: str
    is_generated: bool


class MediaAsset(Record, frozen=True):
    """A row of table Media. Its id is its upload's.

    Attributes:
        awaits: hurdles that a SCANNING file has yet to pass.
        job_started_at: which run of the processing the record shows; reports of earlier runs count no more.
        images, files, tracks: kept under the keys of `media_folder`.
        use_number: rises with every new use; see `datasources/media_uses.py`.
    """

    id: str
    owner_id: str
    kind: MediaKind
    purpose: UploadPurpose
    status: MediaStatus
    file_name: str
    content_type: str
    size_bytes: int
    created_at: Timestamp
    version: int
    awaits: tuple[Hurdle, ...] = ()
    checksum: Checksum | None = None
    duration_seconds: int | None = None
    width: int | None = None
    height: int | None = None
    progress_percent: float | None = None
    error_message: str | None = None
    job_started_at: Timestamp | None = None
    images: tuple[StoredImage, ...] = ()
    files: tuple[StoredRendition, ...] = ()
    tracks: tuple[StoredCaptions, ...] = ()
    use_number: int = 0

    @property
    def is_ready(self) -> bool:
        return self.status == "READY"

    @property
    def is_deleted(self) -> bool:
        return self.status == "DELETED"

    @property
    def original_key(self) -> str:
        return original(self.owner_id, self.id, place(self.kind, self.purpose))

    @property
    def folder(self) -> str:
        return media_folder(self.owner_id, self.id, place(self.kind, self.purpose))

    @property
    def has_bytes(self) -> bool:
        """Whether the file is kept, or soon will be."""
        return self.status not in ("QUARANTINED", "DELETED")

    @property
    def charged_bytes(self) -> int:
        """What its owner's storage is charged with: what has no bytes any more costs none."""
        return self.size_bytes if self.has_bytes else 0


class Thumbnail(Record, frozen=True):
    """A still image as clients see it, its URL signed for them; likewise the next two."""

    url: str
    width: int
    height: int
    position_seconds: int | None = None


class Rendition(Record, frozen=True):
    format: RenditionFormat
    url: str
    width: int | None = None
    height: int | None = None
    bitrate_kbps: int | None = None
    size_bytes: int | None = None


class CaptionTrack(Record, frozen=True):
    language: str
    url: str
    is_generated: bool


class Processed(msgspec.Struct, frozen=True):
    """What processing found and made."""

    duration_seconds: int | None = None
    width: int | None = None
    height: int | None = None
    images: tuple[StoredImage, ...] = ()
    files: tuple[StoredRendition, ...] = ()
    tracks: tuple[StoredCaptions, ...] = ()


def passed(media: MediaAsset, hurdle: Hurdle, *, is_processed: bool) -> MediaAsset:
    """A file that passed one hurdle. Behind the last it is PROCESSING, or READY where nothing processes it.

    Told twice, the second time changes nothing.
    """
    if media.status != "SCANNING" or hurdle not in media.awaits:
        return media
    left = tuple(each for each in media.awaits if each != hurdle)
    if left:
        return _next(media, "SCANNING", awaits=left)
    if is_processed:
        return _next(media, "PROCESSING", awaits=(), progress_percent=0.0)
    return _next(media, "READY", awaits=())


def started(media: MediaAsset, now: Timestamp) -> MediaAsset:
    """A run of the processing begins: `now` names it in its reports. Raises INVALID_STATE."""
    if media.status != "PROCESSING":
        raise invalid_state(media.status, "Only what is PROCESSING is processed.")
    return _next(media, "PROCESSING", job_started_at=now, progress_percent=0.0)


def progressed(media: MediaAsset, percent: float, job: Timestamp) -> MediaAsset:
    """As it is, when a later run has begun or processing is over, or when that much was known."""
    if not _is_of_job(media, job) or percent <= (media.progress_percent or 0):
        return media
    return _next(media, "PROCESSING", progress_percent=min(100.0, percent))


def finished(media: MediaAsset, made: Processed, job: Timestamp) -> MediaAsset:
    """READY, with all that was made; captions of its owner stay. As it is, when a later run has begun."""
    if not _is_of_job(media, job):
        return media
    own = [track for track in media.tracks if not track.is_generated]
    languages = {track.language for track in own}
    tracks = (*own, *(track for track in made.tracks if track.language not in languages))
    return _next(
        media,
        "READY",
        progress_percent=None,
        error_message=None,
        **{**msgspec.structs.asdict(made), "tracks": tracks},
    )


def failed(media: MediaAsset, message: str, job: Timestamp | None = None) -> MediaAsset:
    """FAILED, for its owner to try again. As it is, when a later run than `job` has begun or nothing was at work.

    Args:
        message: one sentence for the owner; nothing of our inside.
        job: None for what fails before processing.
    """
    if job is not None and not _is_of_job(media, job):
        return media
    if media.status not in ("SCANNING", "PROCESSING"):
        return media
    return _next(media, "FAILED", progress_percent=None, error_message=message)


def quarantined(media: MediaAsset, message: str) -> MediaAsset:
    """Malware or forbidden content: nobody gets it any more. As it is, when it is so already."""
    if media.status in ("QUARANTINED", "DELETED"):
        return media
    return _next(
        media,
        "QUARANTINED",
        awaits=(),
        progress_percent=None,
        error_message=message,
        images=(),
        files=(),
        tracks=(),
    )


def deleted(media: MediaAsset) -> MediaAsset:
    """Raises NOT_FOUND for what is deleted already."""
    if media.is_deleted:
        raise not_found("media")
    return _next(media, "DELETED", progress_percent=None, images=(), files=(), tracks=())


def again(media: MediaAsset, *, is_processed: bool) -> MediaAsset:
    """What FAILED goes back to where it failed: to the hurdles that it has not passed, or to processing.

    Raises:
        DomainError: INVALID_STATE in any other state, and for what nothing processes.
    """
    if media.status != "FAILED" or not (media.awaits or is_processed):
        raise invalid_state(media.status, "Only what has FAILED is processed again.")
    if media.awaits:
        return _next(media, "SCANNING", error_message=None)
    return _next(media, "PROCESSING", error_message=None, job_started_at=None, progress_percent=0.0)


def renamed(media: MediaAsset, file_name: str) -> MediaAsset:
    return _changed(media, file_name=file_name)


def captioned(media: MediaAsset, track: StoredCaptions) -> MediaAsset:
    """With this track in place of the language's old one.

    Raises:
        DomainError: BAD_REQUEST for a kind without captions, INVALID_STATE, LIMIT_EXCEEDED.
    """
    if media.kind not in TIMED_KINDS:
        raise bad_request("mediaId", "KIND", f"Kind {media.kind} has no captions.")
    if media.status not in ("PROCESSING", "READY"):
        raise invalid_state(media.status, "The media takes no captions now.")
    others = _without(media.tracks, track.language)
    if len(others) >= MOST_CAPTIONS:
        raise DomainError(Code.LIMIT_EXCEEDED, f"At most {MOST_CAPTIONS} languages.", limit=MOST_CAPTIONS)
    return _changed(media, tracks=tuple(sorted((*others, track), key=lambda each: each.language)))


def uncaptioned(media: MediaAsset, language: str) -> MediaAsset:
    """Raises NOT_FOUND when there are no captions in the language."""
    others = _without(media.tracks, language)
    if len(others) == len(media.tracks):
        raise not_found("captions")
    return _changed(media, tracks=others)


def require_usable(
    media: MediaAsset | None,
    *,
    owner_id: str,
    kinds: Collection[MediaKind],
    purposes: Collection[UploadPurpose],
    field: str,
) -> MediaAsset:
    """The media, when its owner may use it like that.

    Raises:
        DomainError: NOT_FOUND for what does not exist, was deleted or is another's; BAD_REQUEST, rule KIND or
            PURPOSE, with the field; MEDIA_NOT_READY with `mediaId` and `status`.
    """
    if media is None or media.owner_id != owner_id or media.is_deleted:
        raise not_found("media")
    if media.kind not in kinds:
        raise bad_request(field, "KIND", f"{field} is media of kind {_listed(kinds)}.")
    if media.purpose not in purposes:
        raise bad_request(field, "PURPOSE", f"{field} is media of purpose {_listed(purposes)}.")
    if not media.is_ready:
        raise not_ready(media)
    return media


def not_ready(media: MediaAsset) -> DomainError:
    return DomainError(Code.MEDIA_NOT_READY, "The media is not READY.", mediaId=media.id, status=media.status)


def _without(tracks: Sequence[StoredCaptions], language: str) -> tuple[StoredCaptions, ...]:
    """Case counts in no language tag."""
    return tuple(each for each in tracks if each.language.lower() != language.lower())


def _is_of_job(media: MediaAsset, job: Timestamp) -> bool:
    return media.status == "PROCESSING" and media.job_started_at == job


def _next(media: MediaAsset, status: MediaStatus, **changes: Any) -> MediaAsset:
    if status not in _STEPS[media.status]:
        raise invalid_state(media.status, f"{media.status} does not become {status}.")
    return _changed(media, status=status, **changes)


def _changed(media: MediaAsset, **changes: Any) -> MediaAsset:
    return msgspec.structs.replace(media, **changes, version=media.version + 1)


def _listed(names: Collection[str]) -> str:
    return " or ".join(sorted(names))
