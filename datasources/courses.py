"""Courses: their records, states and slugs. Catalog, outline and mentors have files of their own."""

from collections.abc import Callable, Sequence

import msgspec

from datasources import idempotency, seats
from datasources.batches import get_each
from datasources.conditions import Condition, all_of, equals, greater, not_exists
from datasources.contention import LostRace, settle
from datasources.course_items import (
    ANNOUNCED,
    ANNOUNCEMENT,
    BODY,
    COUNTS,
    LESSON,
    MENTOR,
    META,
    MODULE,
    ORDER,
    RESOURCE,
    catalog_shard,
    course_attributes,
    course_of,
    key,
    mentor_item,
    slug_key,
)
from datasources.media_uses import Use, replaced
from datasources.ports import MAX_BATCH_WRITE, Change, Delete, FeedEvent, Put, RecordStore, SortRange
from datasources.readable import readable
from datasources.tables import COURSES
from datasources.transactions import Guarded, commit
from datasources.updates import Remove, Set, Update, difference
from domain.courses import Course
from domain.errors import Code, DomainError, conflict, invalid_state, not_found
from domain.records import to_item
from domain.times import Timestamp


class CourseCounts(msgspec.Struct, frozen=True):
    """How many learners hold a seat, and how many wait for one; a moment behind the enrollments."""

    enrolled: int = 0
    waiting: int = 0


class Courses:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def get(self, course_id: str) -> Course | None:
        item = await self._store.get(COURSES, key(course_id, META))
        return None if item is None else course_of(item)

    async def get_many(self, course_ids: Sequence[str]) -> list[Course | None]:
        """In the order asked, None for the unknown."""
        wanted = list(dict.fromkeys(course_ids))
        items = await get_each(self._store, COURSES, [key(course_id, META) for course_id in wanted])
        found = {course.id: course for course in readable(items, course_of)}
        return [found.get(course_id) for course_id in course_ids]

    async def by_slug(self, slug: str) -> Course | None:
        lock = await self._store.get(COURSES, slug_key(slug))
        course = None if lock is None else await self.get(lock["holderId"])
        return course if course is not None and course.slug == slug else None

    async def counts(self, course_ids: Sequence[str]) -> list[CourseCounts]:
        """In the order asked; at most 100 courses."""
        items = await self._store.batch_get(COURSES, [key(course_id, COUNTS) for course_id in course_ids])
        return [
            CourseCounts() if item is None else CourseCounts(item.get("enrolledCount", 0), item.get("waitlistCount", 0))
            for item in items
        ]

    async def created_before(self, request: idempotency.Request | None) -> Course | None:
        """The course that this very request created: as it is now, or as it was returned when it is gone."""
        remembered = await idempotency.replay(self._store, request)
        if remembered is None:
            return None
        return await self.get(remembered["id"]) or msgspec.convert(remembered, Course)

    async def create(self, course: Course, request: idempotency.Request | None, now: Timestamp) -> Course:
        """The course, or the one that the same request created before.

        Raises:
            DomainError: SLUG_TAKEN, MEDIA_NOT_READY, IDEMPOTENCY_MISMATCH, THROTTLED.
        """
        meta = {
            **key(course.id, META),
            **course_attributes(course),
            "moduleCount": 0,
            "allLessonCount": 0,
            "mentorCount": 1,
        }
        id_taken = ValueError("course ids are fresh")
        writes: list[Guarded] = [
            *idempotency.once(request, to_item(course), now),
            (_slug_taken_by(course), _slug_taken(course.slug)),
            (Put(COURSES, meta, not_exists("courseId")), id_taken),
            (seats.opened(course.id, course.capacity), id_taken),
            (Put(COURSES, {**key(course.id, ORDER), "n": 0}), id_taken),
            (Put(COURSES, mentor_item(course.id, course.owner_id, now)), id_taken),
            *replaced(None, course.cover_media_id, Use("COVER", course.id)),
        ]

        async def attempt() -> Course:
            earlier = await self.created_before(request)
            if earlier is None:
                await commit(self._store, writes)
            return earlier or course

        return await settle(attempt, "The course")

    async def update(
        self, course_id: str, change: Callable[[Course], Course], *, expected_version: int | None = None
    ) -> Course:
        """The course after `change`, with everything that follows from it, in one step.

        Args:
            change: gives the course as it shall be, one version on; may refuse with a DomainError. Called
                anew when somebody else changed the course in between.

        Raises:
            DomainError: NOT_FOUND, CONFLICT, SLUG_TAKEN, CAPACITY_BELOW_ENROLLED, COURSE_HAS_LEARNERS,
                INVALID_STATE (reason NO_PUBLISHED_LESSON), MEDIA_NOT_READY, THROTTLED.
        """

        async def attempt() -> Course:
            course = await self._at_version(course_id, expected_version)
            changed = change(course)
            await commit(self._store, _writes_of_change(course, changed))
            return changed

        return await settle(attempt, "The course")

    async def delete(self, course_id: str, *, expected_version: int | None = None) -> Course:
        """The course as it was. Modules and lessons follow by `sweep`.

        Raises:
            DomainError: NOT_FOUND, CONFLICT, COURSE_HAS_LEARNERS once somebody enrolled, THROTTLED.
        """

        async def attempt() -> Course:
            course = await self._at_version(course_id, expected_version)
            mentors = await self._store.query(COURSES, course_id, sort=SortRange(prefix=MENTOR))
            lost = LostRace()
            writes: list[Guarded] = [
                (Delete(COURSES, key(course_id, META), equals("version", course.version)), lost),
                (seats.removed(course_id), _has_learners("A course that had an enrollment stays.")),
                (Delete(COURSES, slug_key(course.slug)), lost),
                (Delete(COURSES, key(course_id, ORDER)), lost),
                (Delete(COURSES, key(course_id, COUNTS)), lost),
                *((Delete(COURSES, key(course_id, mentor["sk"])), lost) for mentor in mentors.items),
            ]
            await commit(self._store, writes)
            return course

        return await settle(attempt, "The course")

    async def sweep(self, event: FeedEvent) -> None:
        """Feed step: what is left of a deleted course goes too. Harmless when repeated."""
        if event.table != COURSES.name or event.kind != "REMOVE" or event.key["sk"] != META:
            return
        course_id = event.key["courseId"]
        for prefix in (MODULE, LESSON, BODY, RESOURCE, MENTOR, COUNTS, ANNOUNCEMENT, ANNOUNCED):
            after = None
            while True:
                page = await self._store.query(COURSES, course_id, sort=SortRange(prefix=prefix), after=after)
                keys = [key(course_id, item["sk"]) for item in page.items]
                for start in range(0, len(keys), MAX_BATCH_WRITE):
                    await self._store.batch_write(COURSES, deletes=keys[start : start + MAX_BATCH_WRITE])
                if page.last_key is None:
                    break
                after = page.last_key

    async def _at_version(self, course_id: str, expected_version: int | None) -> Course:
        course = await self.get(course_id)
        if course is None:
            raise not_found("course")
        if expected_version is not None and course.version != expected_version:
            raise conflict(course.version)
        return course


def _writes_of_change(course: Course, changed: Course) -> list[Guarded]:
    """META, and the items that hold what META says to others: slug lock, seats and the cover's use."""
    updates = difference(course_attributes(course), course_attributes(changed))
    unchanged: Condition = equals("version", course.version)
    writes: list[Guarded] = []
    if changed.state != course.state:
        updates.append(_catalog_place(changed))
        if changed.state == "PUBLISHED":
            if course.lesson_count == 0:
                raise invalid_state(course.state, "Publish a lesson first.", reason="NO_PUBLISHED_LESSON")
            unchanged = all_of(unchanged, greater("lessonCount", 0))
        if changed.state == "DRAFT":
            writes.append((seats.none_taken(course.id), _has_learners("Learners hold seats in this course.")))
    if changed.slug != course.slug:
        writes.append((_slug_taken_by(changed), _slug_taken(changed.slug)))
        writes.append((Delete(COURSES, slug_key(course.slug)), LostRace()))
    if changed.capacity != course.capacity:
        refusal = DomainError(Code.CAPACITY_BELOW_ENROLLED, "More learners hold seats than that.", courseId=course.id)
        writes.append((seats.capacity_set(course.id, changed.capacity), refusal))
    writes += replaced(course.cover_media_id, changed.cover_media_id, Use("COVER", course.id))
    return [(Change(COURSES, key(course.id, META), updates, unchanged), LostRace()), *writes]


def _catalog_place(course: Course) -> Update:
    return Set("catalogShard", catalog_shard(course.id)) if course.state == "PUBLISHED" else Remove("catalogShard")


def _slug_taken_by(course: Course) -> Put:
    return Put(COURSES, {**slug_key(course.slug), "holderId": course.id}, not_exists("courseId"))


def _slug_taken(slug: str) -> DomainError:
    return DomainError(Code.SLUG_TAKEN, "Another course has this slug.", slug=slug)


def _has_learners(message: str) -> DomainError:
    return DomainError(Code.COURSE_HAS_LEARNERS, message)
