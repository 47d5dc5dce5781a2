"""Export jobs: asked for once, worked on by one worker at a time, and removed with their files in time.

Every step is a write that fails when the job is another by now; so a worker that lost its job cannot end it.
"""

import uuid
from collections.abc import Callable
from typing import Any

import msgspec

from datasources.blobs import BlobStore
from datasources.conditions import any_of, at_most, equals, less, not_exists
from datasources.contention import LostRace, settle
from datasources.idempotency import MadeBefore, Request
from datasources.ports import Attributes, Change, Item, Put, RecordStore, SortRange
from datasources.readable import readable
from datasources.tables import COUNTERS, JOBS
from datasources.transactions import Guarded, commit
from datasources.updates import Add
from domain import exports as steps
from domain.errors import Code, DomainError
from domain.exports import MOST_AT_ONCE, ExportJob
from domain.file_keys import export
from domain.records import to_item
from domain.times import Timestamp, epoch_seconds

_IDS = uuid.UUID("4f0c6a1e-2b7d-5c83-9e44-7a61d0b3c925")
_DUE_AT_ONCE = 20


class ExportJobs:
    """
    Args:
        now: the server's clock.
    """

    def __init__(self, store: RecordStore, blobs: BlobStore, now: Callable[[], Timestamp]) -> None:
        self._store = store
        self._blobs = blobs
        self._now = now

    async def get(self, job_id: str) -> ExportJob | None:
        item = await self._store.get(JOBS, {"jobId": job_id})
        return None if item is None else _of(item)

    async def of_user(self, user_id: str, position: Any, size: int) -> tuple[list[ExportJob], Any]:
        """Newest first."""
        page = await self._store.query(
            JOBS, _requester_kind(user_id), index="RequesterIndex", limit=size, after=position, descending=True
        )
        return readable(page.items, _of), page.last_key

    async def create(self, job: ExportJob) -> ExportJob:
        """The job, or the one that the same call made before.

        Raises:
            DomainError: IDEMPOTENCY_MISMATCH; LIMIT_EXCEEDED beyond 5 of the user's that are not final; THROTTLED.
        """
        message = f"At most {MOST_AT_ONCE} exports of a user are made at once."
        full = DomainError(Code.LIMIT_EXCEEDED, message, limit=MOST_AT_ONCE)
        now = epoch_seconds(self._now())
        new = Put(JOBS, _item(job), any_of(not_exists("jobId"), at_most("ttl", now)))
        one_more = Change(
            COUNTERS,
            _open_exports(job),
            [Add("value", 1)],
            any_of(not_exists("value"), less("value", MOST_AT_ONCE)),
        )

        async def attempt() -> ExportJob:
            earlier = await self.get(job.id)
            if earlier is None:
                await commit(self._store, [(new, MadeBefore()), (one_more, full)])
                return job
            if earlier.request_hash != job.request_hash:
                raise DomainError(Code.IDEMPOTENCY_MISMATCH, "clientToken was used before with other arguments.")
            return earlier

        return await settle(attempt, "The export")

    async def claim(self) -> ExportJob | None:
        """The job that has waited longest, ours for some minutes; None when none waits.

        One that was begun too often, so that whoever works on it may have died of it, is given up.
        """
        for job in await self._due("WORK"):
            try:
                if job.tries >= steps.MOST_TRIES:
                    await self.fail(job, "The export could not be made. Please try it again later.")
                else:
                    return await self._step(job, steps.begun(job, self._now()))
            except LostRace:
                continue
        return None

    async def keep(self, job: ExportJob) -> ExportJob:
        """Still ours, for as long again. Raises LostRace."""
        return await self._step(job, steps.still_running(job, self._now()))

    async def give_back(self, job: ExportJob) -> None:
        """It is tried again after a pause, but not for ever. Raises LostRace."""
        await self._step(job, steps.again_later(job, self._now()))

    async def succeed(self, job: ExportJob, rows: int) -> None:
        """Its file is stored. Raises LostRace."""
        await self._step(job, steps.succeeded(job, rows, self._now()), (_one_less(job), LostRace()))

    async def fail(self, job: ExportJob, message: str) -> None:
        """Raises LostRace."""
        await self._step(job, steps.failed(job, message, self._now()), (_one_less(job), LostRace()))

    async def remove_old_files(self) -> None:
        """Some of the files whose time is over."""
        for job in await self._due("FILES"):
            await self._blobs.delete([file_key(job)])
            try:
                await self._step(job, steps.without_file(job))
            except LostRace:
                continue

    async def _due(self, queue: steps.ExportQueue) -> list[ExportJob]:
        page = await self._store.query(
            JOBS, queue, index="QueueIndex", sort=SortRange(at_most=self._now()), limit=_DUE_AT_ONCE
        )
        return readable(page.items, _of)

    async def _step(self, before: ExportJob, after: ExportJob, *also: Guarded) -> ExportJob:
        write = Put(JOBS, _item(after), equals("version", before.version))
        await commit(self._store, [(write, LostRace()), *also])
        return after


def job_id(request: Request | None, fresh_id: str) -> str:
    """The same for the same call; `fresh_id` for one without a clientToken."""
    return fresh_id if request is None else str(uuid.uuid5(_IDS, request.id))


def file_key(job: ExportJob) -> str:
    return export(job.requested_by_id, job.id, job.format)


def _open_exports(job: ExportJob) -> dict[str, str]:
    return {"name": f"EXPORTS#{job.requested_by_id}"}


def _one_less(job: ExportJob) -> Change:
    return Change(COUNTERS, _open_exports(job), [Add("value", -1)])


def _requester_kind(user_id: str) -> str:
    return f"{user_id}#EXPORT"


def _item(job: ExportJob) -> Item:
    item: Item = to_item(job)
    item |= {"jobId": item.pop("id"), "requesterKind": _requester_kind(job.requested_by_id)}
    return item if job.kept_until is None else {**item, "ttl": epoch_seconds(job.kept_until)}


def _of(item: Attributes) -> ExportJob:
    return msgspec.convert({**item, "id": item["jobId"]}, ExportJob)
