"""Announcements beside their course, and how far each has been told."""

import msgspec

from datasources.conditions import Condition, equals, exists, not_exists
from datasources.contention import LostRace, settle
from datasources.course_items import ANNOUNCED, META, announcement_key, key
from datasources.enrollment_rows import status_partition
from datasources.idempotency import Request, once, replay
from datasources.notifier import Notifier
from datasources.ports import Change, Check, Delete, Item, Put, RecordStore, Write
from datasources.shards import SHARDS, Partition, read_in_turn
from datasources.tables import COURSES, ENROLLMENTS, FAN_OUTS
from datasources.transactions import commit
from datasources.updates import Add
from domain.announcements import MOST_A_DAY, TOLD_STATUSES, Announcement
from domain.errors import Code, DomainError, not_found
from domain.notification_texts import of_announcement
from domain.records import to_item

PAGE = 100
_KIND = "ANNOUNCEMENT"
_OPEN_AT_ONCE = 10


class Announcements:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def get(self, announcement_id: str) -> Announcement | None:
        item = await self._store.get(COURSES, announcement_key(announcement_id))
        return None if item is None else _of(item)

    async def create(self, announcement: Announcement, request: Request | None, *, audit: Put) -> Announcement:
        """The announcement, on its way to every learner; a repeated request gives the one that it made.

        Raises:
            DomainError: NOT_FOUND without the course; LIMIT_EXCEEDED for the 11th of a day; IDEMPOTENCY_MISMATCH.
        """

        async def attempt() -> Announcement:
            first = await replay(self._store, request)
            if first is not None:
                return await self.get(first["id"]) or _of(first)
            meta, sent = await self._store.batch_get(
                COURSES, [key(announcement.course_id, META), key(announcement.course_id, ANNOUNCED)]
            )
            if meta is None:
                raise not_found("course")
            item = {**to_item(announcement), **announcement_key(announcement.id)}
            there = Check(COURSES, key(announcement.course_id, META), exists("courseId"))
            fan_out = {"kind": _KIND, "id": announcement.id, "batch": 1}
            await commit(
                self._store,
                [
                    *once(request, to_item(announcement), announcement.created_at),
                    (there, not_found("course")),
                    (_one_more(announcement, sent), LostRace()),
                    (Put(COURSES, item, not_exists("courseId")), LostRace()),
                    (Put(FAN_OUTS, fan_out), LostRace()),
                    (audit, LostRace()),
                ],
            )
            return announcement

        return await settle(attempt, "The course")


class FanOut:
    """Tells announcements, page after page of learners; the position is stored with the count of those told."""

    def __init__(self, store: RecordStore, notifier: Notifier) -> None:
        self._store = store
        self._notifier = notifier

    async def run(self, most: int) -> int:
        """Tells about `most` learners, shared among the announcements under way; how many it met."""
        page = await self._store.query(FAN_OUTS, _KIND, limit=_OPEN_AT_ONCE)
        met = 0
        for row in page.items:
            met += await self._tell(row, most // len(page.items))
        return met

    async def _tell(self, row: Item, most: int) -> int:
        met = 0
        while met < most:
            announcement = await self._store.get(COURSES, announcement_key(row["id"]))
            if announcement is None:  # deleted with its course
                await self._store.delete(FAN_OUTS, _fan_out_key(row))
                return met
            following, count = await self._page(row, _of(announcement), min(PAGE, most - met))
            if following is None:
                return met + count
            row, met = following, met + count
        return met

    async def _page(self, row: Item, announcement: Announcement, size: int) -> tuple[Item | None, int]:
        """The row behind one more page, None when there is no more to be done, and how many were met."""
        position = None if row.get("position") is None else tuple(row["position"])
        learners, after = await read_in_turn(
            self._store, ENROLLMENTS, _partitions(announcement.course_id), position, size
        )
        drafts = [of_announcement(announcement, item["userId"]) for item in learners]
        told = await self._notifier.tell(drafts, batch=row["batch"])
        unmoved = equals("batch", row["batch"])
        moved: Write
        if after is None:
            moved = Delete(FAN_OUTS, _fan_out_key(row), unmoved)
        else:
            row = {**row, "batch": row["batch"] + 1, "position": list(after)}
            moved = Put(FAN_OUTS, row, unmoved)
        counted = Change(COURSES, announcement_key(announcement.id), [Add("recipientCount", told)], exists("courseId"))
        try:
            await commit(self._store, [(moved, LostRace()), (counted, LostRace())])
        except LostRace:  # another process came as far, or the course is gone: both are seen at the next run
            return None, len(learners)
        return None if after is None else row, len(learners)


def _partitions(course_id: str) -> list[Partition]:
    return [
        Partition("CourseStatusIndex", status_partition(course_id, status, number))
        for status in TOLD_STATUSES
        for number in range(SHARDS)
    ]


def _one_more(announcement: Announcement, before: Item | None) -> Put:
    """The count of the day. Raises LIMIT_EXCEEDED."""
    day = announcement.created_at[:10]
    sent = before["sent"] if before is not None and before["day"] == day else 0
    if sent >= MOST_A_DAY:
        message = f"A course has at most {MOST_A_DAY} announcements a day."
        raise DomainError(Code.LIMIT_EXCEEDED, message, limit=MOST_A_DAY)
    unchanged: Condition = not_exists("writes") if before is None else equals("writes", before["writes"])
    count = {"day": day, "sent": sent + 1, "writes": 1 if before is None else before["writes"] + 1}
    return Put(COURSES, {**key(announcement.course_id, ANNOUNCED), **count}, unchanged)


def _fan_out_key(row: Item) -> dict[str, str]:
    return {"kind": row["kind"], "id": row["id"]}


def _of(item: Item) -> Announcement:
    return msgspec.convert(item, Announcement)
