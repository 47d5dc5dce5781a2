"""How many hold a seat and how many wait, for display: the COUNTS item of a course, rolled up from the feed."""

from collections import Counter
from collections.abc import Sequence

from datasources.course_items import COUNTS, key
from datasources.enrollment_rows import of
from datasources.ports import Change, FeedEvent
from datasources.tables import COURSES
from datasources.updates import Add, Update


def count(events: Sequence[FeedEvent]) -> list[Change]:
    """What a batch of changes of enrollments adds to the counts, one write a course.

    To be committed together with the place in the feed, so that each event counts once.
    """
    enrolled: Counter[str] = Counter()
    waiting: Counter[str] = Counter()
    for event in events:
        for item, sign in ((event.old, -1), (event.new, 1)):
            if item is not None:
                row = of(item)
                enrolled[row.course_id] += sign * row.holds_seat
                waiting[row.course_id] += sign * row.waits
    return [
        _addition(course_id, enrolled[course_id], waiting[course_id])
        for course_id in enrolled
        if enrolled[course_id] or waiting[course_id]
    ]


def _addition(course_id: str, enrolled: int, waiting: int) -> Change:
    updates: list[Update] = [Add("enrolledCount", enrolled), Add("waitlistCount", waiting)]
    return Change(COURSES, key(course_id, COUNTS), updates)
