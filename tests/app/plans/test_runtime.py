"""How a plan asks: all records of a selection together, different fields at the same time."""

import asyncio
from typing import Any

import pytest

from domain.errors import DomainError, not_found
from resolvers.registry import Resolver
from tests.app.small_school import Chapter, ChapterPage, Course, School, User, ask
from tests.waiting import PATIENCE_SECONDS


@pytest.fixture
def school(monkeypatch: pytest.MonkeyPatch) -> School:
    monkeypatch.setattr(School, "planned", True)
    return School()


async def test_all_records_of_a_selection_are_one_batch_however_they_are_nested(school: School) -> None:
    async def chapters(ctx: Any, course: Course, **_: Any) -> ChapterPage:
        await asyncio.sleep(0.001 * int(course.id[1]))
        return ChapterPage((Chapter(f"{course.id}a"), Chapter(f"{course.id}b")))

    async def courses_of(ctx: Any, chapters: list[Chapter]) -> list[Course | DomainError]:
        school.calls.append([each.id for each in chapters])
        return [Course(f"of {each.id}") if each.id != "c2a" else not_found("course") for each in chapters]

    school.registry["Course.chapters"] = Resolver("Course.chapters", _with_page(chapters))
    school.registry["Chapter.course"] = Resolver("Chapter.course", courses_of, batched=True, most=100)
    answer = await ask(school.executor(), "{ courses { items { chapters { items { course { id } } } } } }")

    assert school.calls == [["c1a", "c1b", "c2a", "c2b", "c3a", "c3b"]]
    ids = [
        [each["course"] and each["course"]["id"] for each in course["chapters"]["items"]]
        for course in answer.payload["data"]["courses"]["items"]
    ]
    assert ids == [["of c1a", "of c1b"], [None, "of c2b"], ["of c3a", "of c3b"]]
    (error,) = answer.payload["errors"]
    assert error["path"] == ["courses", "items", 1, "chapters", "items", 0, "course"]


def _with_page(chapters: Any) -> Any:
    async def paged(ctx: Any, course: Course, *, limit: int | None = None, next_token: str | None = None) -> Any:
        return await chapters(ctx, course)

    return paged


async def test_a_batch_needs_no_task_of_its_own(school: School) -> None:
    tasks = set()

    async def owners(ctx: Any, courses: list[Course]) -> list[User]:
        tasks.add(asyncio.current_task())
        return [User(each.id) for each in courses]

    school.registry["Course.owner"] = Resolver("Course.owner", owners, batched=True, most=100)
    await ask(school.executor(), "{ courses { items { owner { id } } } }")
    assert tasks == {asyncio.current_task()}


async def test_different_fields_are_asked_at_the_same_time(school: School) -> None:
    both = asyncio.Barrier(2)

    async def search(ctx: Any, *, filter: Any = None) -> str:
        await both.wait()
        return "found"

    async def me(ctx: Any) -> User:
        await both.wait()
        return User("ada")

    school.registry["Query.search"] = Resolver("Query.search", search)
    school.registry["Query.me"] = Resolver("Query.me", me)
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await ask(school.executor(), "{ search me { id } }")
    assert answer.payload == {"data": {"search": "found", "me": {"id": "ada"}}}


async def test_nothing_is_asked_below_what_is_already_null(school: School) -> None:
    school.courses["c2"] = Course("c2", title=None)  # type: ignore[arg-type] # what no store should hold
    answer = await ask(school.executor(), "{ courses { items { owner { id } title } } }")
    assert answer.payload["data"] == {"courses": None}
    assert school.calls == []


async def test_an_unusual_value_takes_the_long_way_to_the_same_answer(school: School) -> None:
    school.courses = {"c1": Course("c1", title=7, seats=3.0)}  # type: ignore[arg-type] # as above
    answer = await ask(school.executor(), "{ courses { items { id title seats } } }")
    assert answer.payload == {"data": {"courses": {"items": [{"id": "c1", "title": "7", "seats": 3}]}}}
