"""Exports: files that workers make for who asked, and each step between their states as a pure function.

    QUEUED -> RUNNING -> SUCCEEDED or FAILED; RUNNING -> QUEUED to be tried again

A step returns the job as it shall be, one version on. Whoever wrote the last version of a RUNNING job works on it.
"""

from typing import Any, Literal

import msgspec

from domain.records import Record
from domain.times import Timestamp, later

ExportFormat = Literal["CSV", "JSON"]
ExportQueue = Literal["WORK", "FILES"]

MOST_AT_ONCE = 5
"""Exports of one user that are not final."""
MOST_ROWS = 200_000
MOST_TRIES = 5
LEASE_SECONDS = 300
"""So long a worker that says nothing keeps a job to itself."""
FILE_DAYS = 7
_KEPT_DAYS = 30
_FIRST_PAUSE_SECONDS = 10


class ExportJob(Record, frozen=True):
    """A row of table Jobs.

    Never shown: `course_id`, `starts_from` and `starts_before` say what is exported; `queue` and `due_at` when a
    worker shall work on it, or remove its file; `tries` how often one began; `request_hash` of which call it came.
    """

    id: str
    kind: str
    format: ExportFormat
    status: str
    requested_by_id: str
    created_at: Timestamp
    course_id: str
    version: int = 1
    row_count: int | None = None
    expires_at: Timestamp | None = None
    error_message: str | None = None
    completed_at: Timestamp | None = None
    starts_from: Timestamp | None = None
    starts_before: Timestamp | None = None
    queue: ExportQueue | None = None
    due_at: Timestamp | None = None
    tries: int = 0
    request_hash: str | None = None

    @property
    def kept_until(self) -> Timestamp | None:
        """When the record itself goes; None while it is not final."""
        return None if self.completed_at is None else later(self.completed_at, days=_KEPT_DAYS)

    def has_file(self, now: Timestamp) -> bool:
        return self.status == "SUCCEEDED" and self.expires_at is not None and now < self.expires_at


def attendance_export(
    course_id: str,
    format: ExportFormat,
    planned: tuple[Timestamp, Timestamp] | None,
    *,
    id: str,
    by: str,
    request_hash: str | None,
    now: Timestamp,
) -> ExportJob:
    """
    Args:
        planned: only meetings that start from the first moment on and before the second.
    """
    starts_from, starts_before = planned or (None, None)
    return ExportJob(
        id=id,
        kind="ATTENDANCE",
        format=format,
        status="QUEUED",
        requested_by_id=by,
        created_at=now,
        course_id=course_id,
        starts_from=starts_from,
        starts_before=starts_before,
        queue="WORK",
        due_at=now,
        request_hash=request_hash,
    )


def begun(job: ExportJob, now: Timestamp) -> ExportJob:
    """A worker has it to itself from now on."""
    return _next(job, status="RUNNING", tries=job.tries + 1, due_at=later(now, seconds=LEASE_SECONDS))


def still_running(job: ExportJob, now: Timestamp) -> ExportJob:
    return _next(job, due_at=later(now, seconds=LEASE_SECONDS))


def again_later(job: ExportJob, now: Timestamp) -> ExportJob:
    return _next(job, status="QUEUED", due_at=later(now, seconds=_FIRST_PAUSE_SECONDS * 2**job.tries))


def succeeded(job: ExportJob, rows: int, now: Timestamp) -> ExportJob:
    expires_at = later(now, days=FILE_DAYS)
    return _next(
        job,
        status="SUCCEEDED",
        row_count=rows,
        completed_at=now,
        expires_at=expires_at,
        queue="FILES",
        due_at=expires_at,
    )


def failed(job: ExportJob, message: str, now: Timestamp) -> ExportJob:
    """Its file is removed too, as a worker that was thought dead may leave one."""
    due_at = later(now, days=FILE_DAYS)
    return _next(job, status="FAILED", error_message=message, completed_at=now, queue="FILES", due_at=due_at)


def without_file(job: ExportJob) -> ExportJob:
    return _next(job, queue=None, due_at=None)


def _next(job: ExportJob, **changes: Any) -> ExportJob:
    return msgspec.structs.replace(job, **changes, version=job.version + 1)
