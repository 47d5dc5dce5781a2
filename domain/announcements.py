"""Announcements: what course staff tells all learners of a course."""

from collections.abc import Mapping
from typing import Any

from domain import text
from domain.lessons import course_id_of
from domain.records import Record
from domain.times import Timestamp

MOST_A_DAY = 10
"""For one course, by UTC days."""
TOLD_STATUSES = ("ACTIVE", "COMPLETED")
"""Who is a learner: those who have access, not those who wait or have yet to pay."""
LONGEST_TITLE = text.NAME
LONGEST_BODY = 5_000


class Announcement(Record, frozen=True):
    """An item of table Courses. `recipient_count` grows while the learners are told."""

    id: str
    course_id: str
    title: str
    body: str
    created_at: Timestamp
    recipient_count: int = 0


def new_announcement(given: Mapping[str, Any], *, id: str, now: Timestamp) -> Announcement:
    """From the mutation's input; `id` holds the course's. Raises BAD_REQUEST."""
    return Announcement(
        id=id,
        course_id=course_id_of(id),
        title=" ".join(text.clean(given["title"], "input.title", longest=LONGEST_TITLE).split()),
        body=text.clean(given["body"], "input.body", longest=LONGEST_BODY),
        created_at=now,
    )
