"""The stored school on Strawberry: its own view on uvicorn, over the same datasource classes as ours.

Owners and lessons come through DataLoaders. `PORT` and `DATA_DIR` from the environment. With CACHES=1 it has
Strawberry's parser and validation caches.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import strawberry
import uvicorn
from starlette.applications import Starlette
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache

from app.engines import open_engines
from bench import stored_school
from domain import lessons, users
from domain.courses import course_filter
from resolvers.context import Sources


class View(GraphQL):
    sources: Sources

    async def get_context(self, request: object, response: object) -> dict[str, object]:
        async def outlines(course_ids: list[str]) -> list[list[lessons.Lesson]]:
            return await asyncio.gather(*map(self.sources.lessons.of_course, course_ids))

        async def owners(user_ids: list[str]) -> list[users.UserSummary | None]:
            return await self.sources.users.summaries(user_ids)

        return {"sources": self.sources, "outlines": DataLoader(outlines), "owners": DataLoader(owners)}


@strawberry.type
class UserSummary:
    id: strawberry.ID
    display_name: str


@strawberry.type
class Lesson:
    id: strawberry.ID
    title: str
    kind: str
    rank: str
    duration_seconds: int
    is_preview: bool


@strawberry.type
class LessonConnection:
    items: list[Lesson]


@strawberry.type
class Module:
    id: strawberry.ID
    course_id: strawberry.ID
    title: str
    rank: str

    @strawberry.field
    @staticmethod
    async def lessons(root: strawberry.Parent[lessons.Module], info: strawberry.Info, limit: int) -> LessonConnection:
        outline = await info.context["outlines"].load(root.course_id)
        shown = [each for each in outline if each.module_id == root.id and each.state == "PUBLISHED"]
        return LessonConnection(items=shown[:limit])


@strawberry.type
class ModuleConnection:
    items: list[Module]


@strawberry.type
class Course:
    id: strawberry.ID
    slug: str
    title: str
    summary: str | None
    level: str
    language: str
    category: str
    owner_id: strawberry.ID
    version: int

    @strawberry.field
    @staticmethod
    async def owner(root: strawberry.Parent["Course"], info: strawberry.Info) -> UserSummary | None:
        return await info.context["owners"].load(root.owner_id)

    @strawberry.field
    @staticmethod
    async def modules(root: strawberry.Parent["Course"], info: strawberry.Info, limit: int) -> ModuleConnection:
        return ModuleConnection(items=(await info.context["sources"].modules.of_course(root.id))[:limit])


@strawberry.type
class CourseConnection:
    items: list[Course]


@strawberry.type
class Query:
    @strawberry.field
    async def get_course(self, info: strawberry.Info, id: strawberry.ID) -> Course | None:
        course = await info.context["sources"].courses.get(id)
        return course if course is not None and course.state == "PUBLISHED" else None

    @strawberry.field
    async def list_courses(self, info: strawberry.Info, limit: int) -> CourseConnection:
        found, _ = await info.context["sources"].catalog.newest(course_filter(None), None, limit)
        return CourseConnection(items=found)


def main() -> None:
    extensions = [lambda: ParserCache(maxsize=100), lambda: ValidationCache(maxsize=100)]
    schema = strawberry.Schema(query=Query, extensions=extensions if os.environ.get("CACHES") == "1" else [])
    view = View(schema)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with open_engines(stored_school.settings(os.environ["DATA_DIR"])) as engines:
            view.sources = stored_school.domains(engines)
            yield

    app = Starlette(lifespan=lifespan)
    app.add_route("/graphql", view)
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")


if __name__ == "__main__":
    main()
