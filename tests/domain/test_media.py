"""Media: which step leads where, and that no other does."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from domain import media as steps
from domain.errors import Code, DomainError
from domain.media import MediaAsset, MediaStatus, Processed, StoredCaptions, StoredImage, require_usable
from domain.times import Timestamp, later

NOW = Timestamp("2036-09-01T08:00:00.000Z")
JOB = Timestamp("2036-09-01T08:00:01.000Z")
STATUSES: tuple[MediaStatus, ...] = ("SCANNING", "PROCESSING", "READY", "FAILED", "QUARANTINED", "DELETED")
IMAGE = StoredImage("media/ada/m1/thumbnails/1.webp", 320, 180)


def media(status: MediaStatus = "READY", **fields: Any) -> MediaAsset:
    job = {"job_started_at": JOB, "progress_percent": 10.0} if status == "PROCESSING" else {}
    awaits = {"awaits": ("CHECK", "SCAN")} if status == "SCANNING" else {}
    return MediaAsset(
        **{
            "id": "m1",
            "owner_id": "ada",
            "kind": "VIDEO",
            "purpose": "LESSON",
            "status": status,
            "file_name": "shore.mp4",
            "content_type": "video/mp4",
            "size_bytes": 5_497_558_138_880,
            "created_at": NOW,
            "version": 3,
            **job,
            **awaits,
            **fields,
        }
    )


def german(*, is_generated: bool, key: str = "k") -> StoredCaptions:
    return StoredCaptions("de", key, is_generated=is_generated)


EVENTS: dict[str, tuple[Callable[[MediaAsset], MediaAsset], dict[str, str]]] = {
    "a hurdle passed": (
        lambda it: steps.passed(it, "CHECK", is_processed=True),
        {"SCANNING": "SCANNING"},
    ),
    "started": (lambda it: steps.started(it, JOB), {"PROCESSING": "PROCESSING"}),
    "progressed": (lambda it: steps.progressed(it, 50, JOB), {"PROCESSING": "PROCESSING"}),
    "finished": (lambda it: steps.finished(it, Processed(), JOB), {"PROCESSING": "READY"}),
    "failed": (lambda it: steps.failed(it, "It broke."), {"SCANNING": "FAILED", "PROCESSING": "FAILED"}),
    "failed in processing": (lambda it: steps.failed(it, "It broke.", JOB), {"PROCESSING": "FAILED"}),
    "quarantined": (
        lambda it: steps.quarantined(it, "Malware."),
        dict.fromkeys(("SCANNING", "PROCESSING", "READY", "FAILED"), "QUARANTINED"),
    ),
    "deleted": (steps.deleted, dict.fromkeys(set(STATUSES) - {"DELETED"}, "DELETED")),
    "again": (lambda it: steps.again(it, is_processed=True), {"FAILED": "PROCESSING"}),
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("status", STATUSES)
def test_every_event_in_every_state(event: str, status: MediaStatus) -> None:
    step, leads_to = EVENTS[event]
    before = media(status)
    if status in leads_to:
        after = step(before)
        assert (after.status, after.version) == (leads_to[status], before.version + 1)
    else:
        assert refused(step, before) in (None, Code.INVALID_STATE, Code.NOT_FOUND)


def refused(step: Callable[[MediaAsset], MediaAsset], before: MediaAsset) -> Code | None:
    """Why a step is refused; None for one that leaves everything as it is."""
    try:
        assert step(before) is before
    except DomainError as refusal:
        return refusal.code
    return None


def test_a_file_leaves_scanning_behind_its_last_hurdle() -> None:
    once = steps.passed(media("SCANNING"), "SCAN", is_processed=True)
    assert (once.status, once.awaits) == ("SCANNING", ("CHECK",))
    assert steps.passed(once, "SCAN", is_processed=True) is once
    assert steps.passed(once, "CHECK", is_processed=True).status == "PROCESSING"
    assert steps.passed(once, "CHECK", is_processed=False).status == "READY"


def test_reports_of_an_earlier_run_count_no_more() -> None:
    before = media("PROCESSING", job_started_at=later(JOB, seconds=1))
    assert steps.progressed(before, 90, JOB) is before
    assert steps.finished(before, Processed(), JOB) is before
    assert steps.failed(before, "It broke.", JOB) is before


def test_progress_only_rises() -> None:
    before = media("PROCESSING")
    assert steps.progressed(before, 9, JOB) is before
    assert steps.progressed(before, 120, JOB).progress_percent == 100


def test_processing_shows_what_it_made_and_keeps_the_owners_captions() -> None:
    own, made = german(is_generated=False, key="own"), german(is_generated=True, key="made")
    english = StoredCaptions("en", "made-en", is_generated=True)
    before = media("PROCESSING", tracks=(own,))
    after = steps.finished(before, Processed(duration_seconds=7, images=(IMAGE,), tracks=(made, english)), JOB)
    assert (after.duration_seconds, after.images, after.tracks) == (7, (IMAGE,), (own, english))
    assert after.progress_percent is None


def test_what_failed_goes_back_to_where_it_failed() -> None:
    assert steps.again(media("FAILED", awaits=("CHECK",)), is_processed=False).status == "SCANNING"
    with pytest.raises(DomainError):
        steps.again(media("FAILED"), is_processed=False)


def test_what_has_no_bytes_any_more_costs_none() -> None:
    charged = {status: media(status).charged_bytes for status in STATUSES}
    assert charged == {**dict.fromkeys(STATUSES, 5_497_558_138_880), "QUARANTINED": 0, "DELETED": 0}
    assert steps.quarantined(media(images=(IMAGE,)), "Malware.").images == ()


def test_captions_replace_the_languages_track() -> None:
    first = steps.captioned(media(), german(is_generated=True, key="old"))
    again = steps.captioned(first, german(is_generated=False, key="new"))
    assert [track.key for track in again.tracks] == ["new"]
    assert steps.uncaptioned(again, "de").tracks == ()
    with pytest.raises(DomainError, match="captions"):
        steps.uncaptioned(again, "fr")
    with pytest.raises(DomainError, match="IMAGE has no captions"):
        steps.captioned(media(kind="IMAGE"), german(is_generated=False))
    full = tuple(StoredCaptions(f"x{number}", "k", is_generated=False) for number in range(steps.MOST_CAPTIONS))
    with pytest.raises(DomainError) as refusal:
        steps.captioned(media(tracks=full), german(is_generated=False))
    assert refusal.value.code is Code.LIMIT_EXCEEDED


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (None, Code.NOT_FOUND),
        (media(owner_id="eve"), Code.NOT_FOUND),
        (media("DELETED"), Code.NOT_FOUND),
        (media(kind="AUDIO"), Code.BAD_REQUEST),
        (media(purpose="AVATAR"), Code.BAD_REQUEST),
        (media("PROCESSING"), Code.MEDIA_NOT_READY),
        (media("QUARANTINED"), Code.MEDIA_NOT_READY),
    ],
)
def test_only_own_and_ready_media_of_the_right_sort_is_usable(found: MediaAsset | None, code: Code) -> None:
    asked: dict[str, Any] = {"owner_id": "ada", "kinds": {"VIDEO"}, "purposes": {"LESSON"}, "field": "input.mediaId"}
    assert require_usable(media(), **asked) == media()
    with pytest.raises(DomainError) as refusal:
        require_usable(found, **asked)
    assert refusal.value.code is code


def test_a_record_survives_its_encoding() -> None:
    whole = media(tracks=(german(is_generated=True),), images=(IMAGE,))
    assert msgspec.convert(msgspec.to_builtins(whole), MediaAsset) == whole
