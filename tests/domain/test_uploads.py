"""Uploads: which step leads where, and that no other does (invariant 55)."""

from collections.abc import Callable
from typing import Any

import pytest

from domain import uploads as steps
from domain.errors import Code, DomainError
from domain.times import Timestamp, later
from domain.uploads import Upload, UploadStatus

NOW = Timestamp("2036-09-01T08:00:00.000Z")
STATUSES: tuple[UploadStatus, ...] = (
    "INITIATED",
    "UPLOADING",
    "COMPLETING",
    "COMPLETED",
    "ABORTED",
    "EXPIRED",
    "FAILED",
)


def upload(status: UploadStatus = "UPLOADING", **fields: Any) -> Upload:
    return Upload(
        **{
            "id": "u1",
            "owner_id": "ada",
            "kind": "VIDEO",
            "purpose": "LESSON",
            "file_name": "shore.mp4",
            "content_type": "video/mp4",
            "size_bytes": 10,
            "status": status,
            "key": "incoming/ada/u1",
            "created_at": NOW,
            "expires_at": later(NOW, days=7),
            "version": 3,
            **fields,
        }
    )


WEEK_LATER = later(NOW, days=7)
EVENTS: dict[str, tuple[Callable[[Upload], Upload], dict[str, str]]] = {
    "signed": (lambda it: steps.signed(it, NOW), {"INITIATED": "UPLOADING"}),
    "completing": (
        lambda it: steps.completing(it, "mine", NOW),
        dict.fromkeys(("INITIATED", "UPLOADING", "COMPLETING"), "COMPLETING"),
    ),
    "reopened": (steps.reopened, {"COMPLETING": "UPLOADING"}),
    "completed": (steps.completed, {"COMPLETING": "COMPLETED"}),
    "failed": (lambda it: steps.failed(it, "It is not."), {"COMPLETING": "FAILED"}),
    "aborted": (steps.aborted, {"INITIATED": "ABORTED", "UPLOADING": "ABORTED"}),
    "expired": (
        lambda it: steps.expired(it, WEEK_LATER),
        dict.fromkeys(("INITIATED", "UPLOADING", "COMPLETING"), "EXPIRED"),
    ),
}
FINE_BEFORE = {("signed", "UPLOADING"), ("aborted", "ABORTED")} | {
    ("expired", status) for status in ("COMPLETED", "ABORTED", "EXPIRED", "FAILED")
}
"""What changes nothing where it was said before, or comes too late."""


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("status", STATUSES)
def test_every_event_in_every_state(event: str, status: UploadStatus) -> None:
    step, leads_to = EVENTS[event]
    before = upload(status)
    if (event, status) in FINE_BEFORE:
        assert step(before) is before
    elif status in leads_to:
        after = step(before)
        assert (after.status, after.version) == (leads_to[status], 4)
    else:
        with pytest.raises(DomainError) as refusal:
            step(before)
        assert (refusal.value.code, refusal.value.info["status"]) == (Code.UPLOAD_NOT_OPEN, status)


def test_a_week_later_it_takes_no_more_even_before_the_sweeper_came() -> None:
    for step in (lambda it: steps.signed(it, WEEK_LATER), lambda it: steps.completing(it, "mine", WEEK_LATER)):
        with pytest.raises(DomainError) as refusal:
            step(upload())
        assert refusal.value.info["status"] == "EXPIRED"
    assert steps.expired(upload(), later(WEEK_LATER, seconds=-1)).status == "UPLOADING"


def test_who_completes_is_alone_for_a_minute() -> None:
    leased = steps.completing(upload(), "mine", NOW)
    assert leased.is_leased(later(NOW, seconds=59))
    assert not leased.is_leased(later(NOW, seconds=60))
    last_minute = steps.completing(upload(), "mine", later(WEEK_LATER, seconds=-1))
    assert steps.expired(last_minute, WEEK_LATER) is last_minute


def test_parts_that_were_never_signed_are_missing() -> None:
    begun = upload("INITIATED", size_bytes=1000, multipart_id="m", part_size_bytes=4)
    with pytest.raises(DomainError) as refusal:
        steps.completing(begun, "mine", NOW)
    assert refusal.value.code is Code.UPLOAD_INCOMPLETE
    assert refusal.value.info["missingParts"] == list(range(1, 101))
