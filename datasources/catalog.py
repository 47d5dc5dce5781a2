"""The published catalog: newest first by index, or by relevance through the search index."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from datasources.conditions import Condition, all_of, contains, equals
from datasources.course_items import CATALOG_SHARDS, META, course_of
from datasources.courses import Courses
from datasources.ports import FeedEvent, RecordStore, SearchHit, SearchIndex
from datasources.tables import COURSES
from datasources.together import together
from domain.courses import Course, CourseFilter

SCOPE = "COURSE"
MAX_PAGES = 5
"""Pages read of one shard, or of the search index, in one call: a narrow filter gives short pages."""

_FILTERED_PAGE = 100
_ENDED = "ended"

Position = list[Any]
"""Where a list goes on: of each shard, None for its start, "ended", or [publishedAt, courseId] of the last item read;
of a search, [rank, courseId] of the last hit."""


class Catalog:
    def __init__(self, store: RecordStore, search: SearchIndex) -> None:
        self._store = store
        self._search = search
        self._courses = Courses(store)

    async def newest(
        self, narrowed: CourseFilter, position: Position | None, size: int
    ) -> tuple[list[Course], Position | None]:
        """Published courses, the last published first, and where to go on (None: nowhere)."""
        where = _condition(narrowed)
        page_size = size // 2 + 1 if where is None else _FILTERED_PAGE
        shards = [
            _Shard(self._store, name, at, where, page_size)
            for name, at in zip(CATALOG_SHARDS, position or [None] * len(CATALOG_SHARDS), strict=True)
        ]
        found: list[Course] = []
        while len(found) < size:
            if short := [shard for shard in shards if shard.is_unsure]:
                await together(shard.fill() for shard in short)
            if any(shard.is_unsure for shard in shards):
                break  # what follows there might come before everything at hand
            newest = _taken(shards, size - len(found))
            if not newest:
                break
            found += newest
        positions = [shard.position for shard in shards]
        return found, None if all(at == _ENDED for at in positions) else positions

    async def search(
        self, text: str, narrowed: CourseFilter, position: Position | None, size: int
    ) -> tuple[list[Course], Position | None]:
        """Published courses with all the words of `text`, best first, and where to go on (None: nowhere)."""
        last = None if position is None else SearchHit(rank=position[0], document_id=position[1])
        found: list[Course] = []
        for _ in range(MAX_PAGES):
            hits = await self._search.search(SCOPE, text, limit=size + 1, after=last)
            courses = await self._courses.get_many([hit.document_id for hit in hits])
            for hit, course in zip(hits, courses, strict=True):
                if len(found) == size:
                    return found, _search_position(last)
                last = hit
                # The index follows the courses a moment later: only META says what is published.
                if course is not None and course.state == "PUBLISHED" and narrowed.admits(course):
                    found.append(course)
            if len(hits) <= size:
                return found, None
        return found, _search_position(last)

    async def follow(self, event: FeedEvent) -> None:
        """Feed step: the search index holds what is published. Harmless when repeated or out of order."""
        if event.table != COURSES.name or event.key["sk"] != META:
            return
        if event.new is None:
            if event.old is not None:
                course = course_of(event.old)
                await self._search.remove(SCOPE, course.id, version=course.version + 1)
            return
        course = course_of(event.new)
        if event.old is not None and course_of(event.old).version == course.version:
            return  # a count changed, and counts are not searched
        if course.state != "PUBLISHED":
            await self._search.remove(SCOPE, course.id, version=course.version)
            return
        fields = {
            "title": course.title,
            "tags": " ".join((*course.tags, course.category)),
            "summary": course.summary or "",
            "body": course.description or "",
        }
        await self._search.put(SCOPE, course.id, fields, version=course.version)


class _Shard:
    """One partition of CatalogIndex, read as far as a merge needs it."""

    def __init__(self, store: RecordStore, name: str, position: Any, where: Condition | None, page_size: int) -> None:
        self.at_hand: deque[Course] = deque()
        self._store = store
        self._name = name
        self._where = where
        self._page_size = page_size
        self._pages_left = MAX_PAGES
        self._before_page = position
        self._behind_page = position
        self._last: Course | None = None
        """Taken of the page at hand."""

    @property
    def is_unsure(self) -> bool:
        """Nothing at hand, although the shard goes on."""
        return not self.at_hand and self._behind_page != _ENDED

    @property
    def position(self) -> Any:
        """Behind what was taken."""
        if not self.at_hand:
            return self._behind_page
        return self._before_page if self._last is None else [self._last.published_at, self._last.id]

    async def fill(self) -> None:
        while self.is_unsure and self._pages_left:
            self._pages_left -= 1
            page = await self._store.query(
                COURSES,
                self._name,
                index="CatalogIndex",
                limit=self._page_size,
                after=self._key(self._behind_page),
                descending=True,
                where=self._where,
            )
            self.at_hand.extend(page.records(Course))
            self._before_page, self._last = self._behind_page, None
            last = page.last_key
            self._behind_page = _ENDED if last is None else [last["publishedAt"], last["courseId"]]

    def take(self) -> Course:
        self._last = self.at_hand.popleft()
        return self._last

    def _key(self, position: Any) -> dict[str, Any] | None:
        if position is None:
            return None
        published_at, course_id = position
        return {"catalogShard": self._name, "publishedAt": published_at, "courseId": course_id, "sk": META}


def _taken(shards: Sequence[_Shard], most: int) -> list[Course]:
    """What comes next, the newest first, as far as that is sure: until a shard that goes on has nothing at hand."""
    order = sorted(
        ((course.published_at, course.id, shard) for shard in shards for course in shard.at_hand), reverse=True
    )
    taken: list[Course] = []
    for _, _, shard in order[:most]:
        taken.append(shard.take())
        if shard.is_unsure:
            break
    return taken


def _search_position(last: SearchHit | None) -> Position | None:
    return None if last is None else [last.rank, last.document_id]


def _condition(narrowed: CourseFilter) -> Condition | None:
    """`CourseFilter.admits`, for the store."""
    wanted: Sequence[tuple[str, Any]] = (
        ("categoryKey", narrowed.category),
        ("languageKey", narrowed.language),
        ("level", narrowed.level),
        ("accessModel", narrowed.access_model),
        ("ownerId", narrowed.owner_id),
    )
    conditions: list[Condition] = [equals(name, value) for name, value in wanted if value is not None]
    if narrowed.tag is not None:
        conditions.append(contains("tagKeys", narrowed.tag))
    return all_of(*conditions) if conditions else None
