"""The outline of a course: modules and lessons by rank, and the one way to change their order.

ORDER counts the changes of an outline. A change reads ORDER, then the outline, and commits on condition
that ORDER did not move, so a rank is always computed against the order that it enters.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar

from datasources.conditions import equals
from datasources.contention import LostRace, settle
from datasources.course_items import LESSON, MODULE, ORDER, key, lesson_key, module_key
from datasources.ports import Change, Item, Page, RecordStore, SortRange
from datasources.tables import COURSES
from datasources.transactions import Guarded, commit
from datasources.updates import Add, Set
from domain.errors import bad_request, not_found
from domain.lessons import Lesson, Module
from domain.rank import LONGEST, behind, between

T = TypeVar("T")
Entry = TypeVar("Entry", Module, Lesson)

_RANKED_AT_ONCE = 90  # with ORDER, well inside one transaction
_PAGE = 1_000


class RankTooLong(Exception):
    """So many entries were put into one place that the list has to be ranked anew first."""

    def __init__(self, siblings: Sequence[Module | Lesson]) -> None:
        super().__init__("rank too long")
        self.siblings = siblings


async def modules_of(store: RecordStore, course_id: str) -> list[Module]:
    """In rank order."""
    [modules] = await modules_of_each(store, [course_id])
    return modules


async def modules_of_each(store: RecordStore, course_ids: Sequence[str]) -> list[list[Module]]:
    """The modules of at most 100 different courses, in rank order."""
    return await _ranked(store, course_ids, MODULE, Module)


async def lessons_of(store: RecordStore, course_id: str) -> list[Lesson]:
    """Lessons of all modules in rank order, without their bodies."""
    [lessons] = await lessons_of_each(store, [course_id])
    return lessons


async def lessons_of_each(store: RecordStore, course_ids: Sequence[str]) -> list[list[Lesson]]:
    """As `lessons_of`, of at most 100 different courses."""
    return await _ranked(store, course_ids, LESSON, Lesson)


async def children(store: RecordStore, course_id: str, prefix: str) -> list[Item]:
    """All items of a course under a prefix of the sort key; the contract's limits bound them."""
    [pages] = await _pages(store, [course_id], prefix)
    return [item for page in pages for item in page.items]


async def _ranked(store: RecordStore, course_ids: Sequence[str], prefix: str, kind: type[Entry]) -> list[list[Entry]]:
    rank = attrgetter("rank")
    outlines = await _pages(store, course_ids, prefix)
    return [sorted(chain.from_iterable(page.records(kind) for page in pages), key=rank) for pages in outlines]


async def _pages(store: RecordStore, course_ids: Sequence[str], prefix: str) -> list[list[Page]]:
    """All pages of each course."""
    found: dict[str, list[Page]] = {course_id: [] for course_id in course_ids}
    starts: dict[str, Mapping[str, Any] | None] = dict.fromkeys(course_ids)
    while starts:
        pages = await store.query_each(COURSES, starts, sort=SortRange(prefix=prefix), limit=_PAGE)
        read = dict(zip(starts, pages, strict=True))
        for course_id, page in read.items():
            found[course_id].append(page)
        starts = {course_id: page.last_key for course_id, page in read.items() if page.last_key is not None}
    return list(found.values())


Plan = Callable[[], Awaitable[tuple[T, list[Guarded]]]]
"""Reads the outline and decides: the result, and the writes that make it so. Called anew after a lost race.

No writes: there is nothing to do."""


async def change_outline(store: RecordStore, course_id: str, plan: Plan[T]) -> T:
    """The result of `plan`, committed against a settled order.

    Raises:
        DomainError: NOT_FOUND when there is no such course, THROTTLED, and what the plan raises.
    """

    async def attempt() -> T:
        order = await store.get(COURSES, key(course_id, ORDER))
        if order is None:
            raise not_found("course")
        try:
            result, writes = await plan()
        except RankTooLong as crowded:
            await _rank_anew(store, course_id, order["n"], crowded.siblings)
            raise LostRace from None
        if writes:
            await commit(store, [_step(course_id, order["n"]), *writes])
        return result

    return await settle(attempt, "The course's outline")


def rank_at_end(siblings: Sequence[Entry]) -> str:
    return _short_enough(between(siblings[-1].rank if siblings else None, None), siblings)


def rank_behind(siblings: Sequence[Entry], after_id: str | None, moved_id: str) -> str:
    """A rank behind the entry `after_id`, or first for None.

    Args:
        siblings: the list that the entry goes into, in rank order; the moved one may be among them.

    Raises:
        DomainError: NOT_FOUND when `after_id` is not one of them; BAD_REQUEST when it is the moved one.
    """
    if after_id == moved_id:
        raise bad_request("afterId", "SELF", "afterId names another entry than the one to move.")
    others = [entry for entry in siblings if entry.id != moved_id]
    place = 0
    if after_id is not None:
        place = next((index + 1 for index, entry in enumerate(others) if entry.id == after_id), 0)
        if place == 0:
            raise not_found("entry to put this one behind")
    before = others[place - 1].rank if place else None
    following = others[place].rank if place < len(others) else None
    return _short_enough(between(before, following), siblings)


async def _rank_anew(store: RecordStore, course_id: str, order: int, siblings: Sequence[Module | Lesson]) -> None:
    """Give all siblings short ranks behind their present ones, from the last to the first.

    The order is the same after each transaction, so stopping half-way harms nothing.
    """
    ranked = list(zip(siblings, behind([entry.rank for entry in siblings]), strict=True))
    while ranked:
        batch = ranked[-_RANKED_AT_ONCE:]
        del ranked[-_RANKED_AT_ONCE:]
        await commit(store, [_step(course_id, order), *(_ranked_anew(entry, rank) for entry, rank in batch)])
        order += 1


def _ranked_anew(entry: Module | Lesson, rank: str) -> Guarded:
    entry_key = module_key(entry.id) if isinstance(entry, Module) else lesson_key(entry.id)
    return Change(COURSES, entry_key, [Set("rank", rank), Add("version", 1)], equals("rank", entry.rank)), LostRace()


def _step(course_id: str, order: int) -> Guarded:
    return Change(COURSES, key(course_id, ORDER), [Set("n", order + 1)], equals("n", order)), LostRace()


def _short_enough(rank: str, siblings: Sequence[Module | Lesson]) -> str:
    if len(rank) > LONGEST:
        raise RankTooLong(siblings)
    return rank
