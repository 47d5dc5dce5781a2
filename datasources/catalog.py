"""The published catalog: newest first by index, or by relevance through the search index."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

from datasources.conditions import Condition, all_of, contains, equals
from datasources.course_items import CATALOG_SHARDS, META, course_of
from datasources.courses import Courses
from datasources.ports import FeedEvent, Page, RecordStore, SearchHit, SearchIndex
from datasources.tables import COURSES
from domain.courses import Course, CourseFilter

SCOPE = "COURSE"
MAX_PAGES = 5
"""Pages read of one shard, or of the search index, in one call: a narrow filter gives short pages."""

_FILTERED_PAGE = 100
_ENDED = "ended"
_newness = attrgetter("published_at", "id")

Position = list[Any]
"""Where a list goes on: of each shard, None for its start, "ended", or [publishedAt, courseId] of the last item read;
of a search, [rank, courseId] of the last hit."""

_START: Position = [None] * len(CATALOG_SHARDS)


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
        shards = [_Shard(name, at) for name, at in zip(CATALOG_SHARDS, position or _START, strict=True)]
        found: list[Course] = []
        while len(found) < size:
            await self._fill(shards, where, page_size)
            newest = _taken(shards, size - len(found))
            if not newest:
                break
            found += newest
        positions = [shard.position for shard in shards]
        return found, None if all(at == _ENDED for at in positions) else positions

    async def _fill(self, shards: Sequence["_Shard"], where: Condition | None, page_size: int) -> None:
        """Until each shard has something at hand or has ended, or enough was read in vain."""
        while short := [shard for shard in shards if shard.is_unsure and shard.pages_left]:
            pages = await self._store.query_each(
                COURSES,
                {shard.name: shard.last_key for shard in short},
                index="CatalogIndex",
                limit=page_size,
                descending=True,
                where=where,
            )
            for shard, page in zip(short, pages, strict=True):
                shard.add(page)

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

    def __init__(self, name: str, position: Any) -> None:
        self.name = name
        self.at_hand: list[Course] = []
        """The newest last."""
        self.pages_left = MAX_PAGES
        self.position = position
        """Behind what was taken."""
        self._behind_page = position

    @property
    def goes_on(self) -> bool:
        """Behind what is at hand."""
        return bool(self._behind_page != _ENDED)

    @property
    def is_unsure(self) -> bool:
        """Nothing at hand, although the shard goes on."""
        return not self.at_hand and self.goes_on

    @property
    def last_key(self) -> Mapping[str, Any] | None:
        """Where the next page begins."""
        if self._behind_page is None:
            return None
        published_at, course_id = self._behind_page
        return {"catalogShard": self.name, "publishedAt": published_at, "courseId": course_id, "sk": META}

    def add(self, page: Page) -> None:
        self.pages_left -= 1
        self.at_hand = page.records(Course)[::-1]
        last = page.last_key
        self._behind_page = _ENDED if last is None else [last["publishedAt"], last["courseId"]]
        if not self.at_hand:
            self.position = self._behind_page

    def take(self, last: tuple[str, str]) -> None:
        """Whatever is not older than that."""
        left = bisect_left(self.at_hand, last, key=_newness)
        if left == 0:
            self.position = self._behind_page
        elif left < len(self.at_hand):
            self.position = list(_newness(self.at_hand[left]))
        del self.at_hand[left:]


def _taken(shards: Sequence[_Shard], most: int) -> list[Course]:
    """What comes next, the newest first, as far as that is sure: no newer one can follow in a shard that goes on."""
    if any(shard.is_unsure for shard in shards):
        return []
    at_hand = chain.from_iterable(shard.at_hand for shard in shards)
    taken = sorted(at_hand, key=_newness, reverse=True)[:most]
    sure = max((_newness(shard.at_hand[0]) for shard in shards if shard.goes_on), default=None)
    while sure is not None and taken and _newness(taken[-1]) < sure:
        taken.pop()
    if taken:
        last = _newness(taken[-1])
        for shard in shards:
            shard.take(last)
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
