"""Rows of table Enrollments: an enrollment with the attributes that its indexes need.

Every step is a whole row that replaces the one it was made from, on the condition that this one is still
stored: since each step raises the version, no two steps can start from the same row.
"""

from typing import Any

import msgspec

from datasources.conditions import Condition, equals, not_exists
from datasources.ports import Attributes, Item, Put
from datasources.shards import shard
from datasources.tables import ENROLLMENTS
from domain.enrollments import Enrollment
from domain.records import to_item
from domain.times import Timestamp

EXPIRY_SHARDS = 4


def key(course_id: str, user_id: str) -> dict[str, str]:
    return {"userId": user_id, "courseId": course_id}


def of(stored: Attributes) -> Enrollment:
    return msgspec.convert(stored, Enrollment)


def step(before: Enrollment | None, after: Enrollment) -> Put:
    """The write of one step; `before` None is a first enrollment. Fails when the row is another by now."""
    unchanged: Condition = not_exists("userId") if before is None else equals("version", before.version)
    return Put(ENROLLMENTS, _item(after), unchanged)


def status_partition(course_id: str, status: str, number: int) -> str:
    return f"{course_id}#{status}#{number}"


def expiry_partition(day: str, number: int) -> str:
    """`day` is YYYY-MM-DD."""
    return f"{day}#{number}"


def day_of(at: Timestamp) -> str:
    return at[:10]


def _item(enrollment: Enrollment) -> Item:
    item: dict[str, Any] = to_item(enrollment)
    item["courseStatusShard"] = status_partition(enrollment.course_id, enrollment.status, shard(enrollment.user_id))
    if enrollment.waits:
        item["waitlistCourseId"] = enrollment.course_id
    lapses_at = enrollment.lapses_at
    if lapses_at is not None:
        number = shard(enrollment.user_id, EXPIRY_SHARDS)
        item |= {"expiryShard": expiry_partition(day_of(lapses_at), number), "expiryAt": lapses_at}
    return item
