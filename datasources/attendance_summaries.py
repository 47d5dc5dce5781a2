"""Totals by learner and course, rolled up from the feed of Attendance: rows `ATT#courseId` of table Analytics."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from datasources.attendance_rows import is_counted, is_record_row
from datasources.ports import Attributes, Change, FeedEvent, RecordStore
from datasources.readable import readable
from datasources.tables import ANALYTICS
from datasources.updates import Add
from domain.attendance_summary import AttendanceSummary

_COUNTS = {
    "PRESENT": "presentCount",
    "LATE": "lateCount",
    "LEFT_EARLY": "leftEarlyCount",
    "ABSENT": "absentCount",
    "EXCUSED": "excusedCount",
}


class AttendanceSummaries:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def page(self, course_id: str, position: Any, size: int) -> tuple[list[AttendanceSummary], Any]:
        """A course's totals, by learner."""
        page = await self._store.query(ANALYTICS, _scope(course_id), limit=size, after=position)
        return readable(page.items, _of), page.last_key


def add_up(events: Sequence[FeedEvent]) -> list[Change]:
    """What a batch of changes of records adds to the totals, one write a learner and course.

    To be committed together with the place in the feed, so that each event counts once.
    """
    totals: dict[tuple[str, str], Counter[str]] = {}
    for event in events:
        if not is_record_row(event.key):
            continue
        for item, sign in ((event.old, -1), (event.new, 1)):
            if item is not None and is_counted(item) and "courseId" in item:
                total = totals.setdefault((item["courseId"], item["userId"]), Counter())
                total[_COUNTS[item["status"]]] += sign
    return [
        Change(ANALYTICS, {"scope": _scope(course_id), "sk": user_id}, updates)
        for (course_id, user_id), total in totals.items()
        if (updates := [Add(name, number) for name, number in total.items() if number])
    ]


def _scope(course_id: str) -> str:
    return f"ATT#{course_id}"


def _of(item: Attributes) -> AttendanceSummary:
    return msgspec.convert({**item, "userId": item["sk"]}, AttendanceSummary)
