"""Exports of a course's attendance: its ended meetings by start, and in each the records by user."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

from datasources.attendance import Attendance
from datasources.blobs import BlobStore
from datasources.contention import LostRace
from datasources.export_files import CONTENT_TYPES, ExportFile
from datasources.export_jobs import ExportJobs, file_key
from datasources.meeting_rosters import Rosters
from datasources.meetings import Meetings
from datasources.ports import SortRange
from datasources.scratch import Scratch
from datasources.users import Users
from domain.attendance import AttendanceRecord
from domain.attendance_policy import AttendancePolicy, default_policy
from domain.attendance_report import COLUMNS, report_row
from domain.csv_text import Cell
from domain.exports import LEASE_SECONDS, MOST_ROWS, ExportJob
from domain.meetings import Meeting
from domain.times import Timestamp, later

PAGE = 100

_log = logging.getLogger("educonnect.exports")


class _TooLarge(Exception):
    """More rows than a file may have."""


class AttendanceExports:
    """
    Args:
        scratch: where files are made.
        now: the server's clock.
    """

    def __init__(
        self,
        jobs: ExportJobs,
        meetings: Meetings,
        attendance: Attendance,
        rosters: Rosters,
        users: Users,
        blobs: BlobStore,
        scratch: Scratch,
        now: Callable[[], Timestamp],
    ) -> None:
        self._jobs = jobs
        self._meetings = meetings
        self._attendance = attendance
        self._rosters = rosters
        self._users = users
        self._blobs = blobs
        self._scratch = scratch
        self._now = now

    async def run(self) -> bool:
        """Works on the job that has waited longest; False when none waits."""
        job = await self._jobs.claim()
        if job is None:
            return False
        held = _Held(self._jobs, job, self._now)
        try:
            await self._make(held)
        except LostRace:
            _log.info("export %s is worked on elsewhere", job.id)
        return True

    async def _make(self, held: "_Held") -> None:
        """Raises LostRace."""
        try:
            rows = await self._stored(held)
        except _TooLarge:
            await self._jobs.fail(held.job, f"An export has at most {MOST_ROWS} rows. Please choose a shorter range.")
        except LostRace:
            raise
        except Exception as error:  # one export must not hold up the others
            _log.warning("export %s was not made, try %d", held.job.id, held.job.tries, exc_info=error)
            await self._jobs.give_back(held.job)
        else:
            await self._jobs.succeed(held.job, rows)

    async def _stored(self, held: "_Held") -> int:
        """The file as it is in the store; how many rows it has."""
        job = held.job
        async with self._scratch.folder() as folder:
            file = ExportFile(folder / "rows", job.format, COLUMNS)
            await file.begin()
            async for rows in self._rows(held):
                if file.rows + len(rows) > MOST_ROWS:
                    raise _TooLarge
                await file.add(rows)
            await file.end()
            await held.keep()
            await self._blobs.store(file_key(job), file.path, content_type=CONTENT_TYPES[job.format])
        return file.rows

    async def _rows(self, held: "_Held") -> AsyncIterator[list[tuple[Cell, ...]]]:
        """Page by page."""
        async for meeting, policy in self._ended(held):
            position = None
            while True:
                await held.keep_in_time()
                records, position = await self._attendance.page(meeting.id, None, position, PAGE)
                yield await self._page(meeting, policy, records)
                if position is None:
                    break

    async def _ended(self, held: "_Held") -> AsyncIterator[tuple[Meeting, AttendancePolicy]]:
        """Breakouts are left out: their people are in the meeting that they are part of."""
        job, position = held.job, None
        planned = None if job.starts_from is None else SortRange(at_least=job.starts_from, before=job.starts_before)
        while True:
            await held.keep_in_time()
            found, position = await self._meetings.of_course(job.course_id, planned, position, PAGE)
            ended = [each for each in found if each.status == "ENDED" and each.parent_meeting_id is None]
            policies = await self._attendance.policies([each.id for each in ended])
            for meeting, policy in zip(ended, policies, strict=True):
                yield meeting, policy or default_policy(meeting)
            if position is None:
                return

    async def _page(
        self, meeting: Meeting, policy: AttendancePolicy, records: list[AttendanceRecord]
    ) -> list[tuple[Cell, ...]]:
        learners = [record.user_id for record in records]
        markers = [record.marked_by_id for record in records if record.marked_by_id is not None]
        everybody = list(dict.fromkeys([*learners, *markers]))
        attendees, found = await asyncio.gather(
            self._rosters.of_meeting(meeting.id, learners), self._users.summaries(everybody)
        )
        names = {user.id: user.display_name for user in found if user is not None}
        return [
            report_row(
                meeting,
                policy,
                record,
                attended_seconds=0 if attendee is None else attendee.attended_seconds,
                name=names.get(record.user_id),
                marker=None if record.marked_by_id is None else names.get(record.marked_by_id),
            )
            for record, attendee in zip(records, attendees, strict=True)
        ]


class _Held:
    """A job that is ours, as it was written last."""

    def __init__(self, jobs: ExportJobs, job: ExportJob, now: Callable[[], Timestamp]) -> None:
        self.job = job
        self._jobs = jobs
        self._now = now

    async def keep(self) -> None:
        """Raises LostRace."""
        self.job = await self._jobs.keep(self.job)

    async def keep_in_time(self) -> None:
        """Once half of its time is over. Raises LostRace."""
        if self.job.due_at is None or later(self._now(), seconds=LEASE_SECONDS / 2) >= self.job.due_at:
            await self.keep()
