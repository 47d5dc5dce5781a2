"""Who teaches which course: MENTOR items beside a course, found from both sides."""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from datasources.batches import get_each
from datasources.conditions import exists, greater, less, not_exists
from datasources.contention import LostRace, settle
from datasources.course_items import MENTOR, META, key, mentor_item, mentor_key
from datasources.ports import Change, Delete, Put, RecordStore, SortRange
from datasources.tables import COURSES
from datasources.transactions import commit
from datasources.updates import Add
from domain.courses import MAX_MENTORS
from domain.errors import Code, DomainError, not_found
from domain.times import Timestamp


class Mentors:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def taught_among(self, user_id: str, course_ids: Iterable[str]) -> frozenset[str]:
        """The courses, out of those given, that the user teaches."""
        keys = [mentor_key(course_id, user_id) for course_id in dict.fromkeys(course_ids)]
        items = await get_each(self._store, COURSES, keys)
        return frozenset(item["courseId"] for item in items if item is not None)

    async def of_courses(self, course_ids: Sequence[str]) -> list[list[str]]:
        """The users who teach each of at most 100 courses, the longest-serving first, in the order asked."""
        starts = dict.fromkeys(course_ids)
        pages = await self._store.query_each(COURSES, starts, sort=SortRange(prefix=MENTOR))
        found = {
            course_id: sorted(page.items, key=itemgetter("updatedAt"))
            for course_id, page in zip(starts, pages, strict=True)
        }
        return [[item["teacherId"] for item in found[course_id]] for course_id in course_ids]

    async def taught_by(
        self, user_id: str, *, after: dict[str, Any] | None, limit: int
    ) -> tuple[list[str], dict[str, Any] | None]:
        """Ids of the courses that a user teaches, the last begun first, and where to go on."""
        page = await self._store.query(
            COURSES, user_id, index="TeacherIndex", limit=limit, after=after, descending=True
        )
        return [item["courseId"] for item in page.items], page.last_key

    async def add(self, course_id: str, user_id: str, now: Timestamp) -> None:
        """Fine when they teach it already. Raises NOT_FOUND, LIMIT_EXCEEDED, THROTTLED."""

        async def attempt() -> None:
            course, mentor = await self._course_and_mentor(course_id, user_id)
            if mentor is not None:
                return
            if course["mentorCount"] >= MAX_MENTORS:
                message = f"A course has at most {MAX_MENTORS} mentors."
                raise DomainError(Code.LIMIT_EXCEEDED, message, limit=MAX_MENTORS)
            one_more = Change(COURSES, key(course_id, META), [Add("mentorCount", 1)], less("mentorCount", MAX_MENTORS))
            put = Put(COURSES, mentor_item(course_id, user_id, now), not_exists("courseId"))
            await commit(self._store, [(one_more, LostRace()), (put, LostRace())])

        await settle(attempt, "The course")

    async def remove(self, course_id: str, user_id: str) -> None:
        """Fine when they do not teach it. Raises NOT_FOUND, THROTTLED."""

        async def attempt() -> None:
            _, mentor = await self._course_and_mentor(course_id, user_id)
            if mentor is None:
                return
            one_less = Change(COURSES, key(course_id, META), [Add("mentorCount", -1)], greater("mentorCount", 0))
            delete = Delete(COURSES, mentor_key(course_id, user_id), exists("courseId"))
            await commit(self._store, [(one_less, LostRace()), (delete, LostRace())])

        await settle(attempt, "The course")

    async def _course_and_mentor(self, course_id: str, user_id: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
        keys = [key(course_id, META), mentor_key(course_id, user_id)]
        course, mentor = await self._store.batch_get(COURSES, keys)
        if course is None:
            raise not_found("course")
        return course, mentor
