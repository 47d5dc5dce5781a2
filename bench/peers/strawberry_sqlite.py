"""The stored school as one would write it with Strawberry: aiosqlite, DataLoaders, its parser and validation caches.

Its own view on uvicorn. `PORT` and `DATABASE`, made by `school_tables.fill`, from the environment.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiosqlite
import strawberry
import uvicorn
from starlette.applications import Starlette
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache

COURSE = "SELECT id, slug, title, summary, level, language, category, owner_id, version FROM courses"


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
    title: str
    rank: str

    @strawberry.field
    async def lessons(self, info: strawberry.Info, limit: int) -> LessonConnection:
        return LessonConnection(items=(await info.context["lessons"].load(self.id))[:limit])


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
    owner_id: strawberry.Private[str]
    version: int

    @strawberry.field
    async def owner(self, info: strawberry.Info) -> UserSummary | None:
        return await info.context["users"].load(self.owner_id)

    @strawberry.field
    async def modules(self, info: strawberry.Info, limit: int) -> ModuleConnection:
        rows = await info.context["database"].execute_fetchall(
            "SELECT id, title, rank FROM modules WHERE course_id = ? ORDER BY rank LIMIT ?", (self.id, limit)
        )
        return ModuleConnection(items=[Module(**row) for row in rows])


@strawberry.type
class CourseConnection:
    items: list[Course]


@strawberry.type
class Query:
    @strawberry.field
    async def get_course(self, info: strawberry.Info, id: strawberry.ID) -> Course | None:
        rows = await info.context["database"].execute_fetchall(f"{COURSE} WHERE id = ? AND state = 'PUBLISHED'", (id,))
        return next((Course(**row) for row in rows), None)

    @strawberry.field
    async def list_courses(self, info: strawberry.Info, limit: int) -> CourseConnection:
        rows = await info.context["database"].execute_fetchall(
            f"{COURSE} WHERE state = 'PUBLISHED' ORDER BY published_at DESC, id DESC LIMIT ?", (limit,)
        )
        return CourseConnection(items=[Course(**row) for row in rows])


class View(GraphQL):
    database: aiosqlite.Connection

    async def get_context(self, request: object, response: object) -> dict[str, object]:
        return {"database": self.database, "users": DataLoader(self._users), "lessons": DataLoader(self._lessons)}

    async def _users(self, user_ids: list[str]) -> list[UserSummary | None]:
        rows = await self.database.execute_fetchall(
            "SELECT id, display_name FROM users WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(user_ids),)
        )
        found = {row["id"]: UserSummary(**row) for row in rows}
        return [found.get(user_id) for user_id in user_ids]

    async def _lessons(self, module_ids: list[str]) -> list[list[Lesson]]:
        rows = await self.database.execute_fetchall(
            "SELECT module_id, id, title, kind, rank, duration_seconds, is_preview FROM lessons"
            " WHERE module_id IN (SELECT value FROM json_each(?)) AND state = 'PUBLISHED' ORDER BY module_id, rank",
            (json.dumps(module_ids),),
        )
        found: dict[str, list[Lesson]] = {module_id: [] for module_id in module_ids}
        for row in rows:
            shown = dict(row)
            found[shown.pop("module_id")].append(Lesson(**shown))
        return [found[module_id] for module_id in module_ids]


def main() -> None:
    extensions = [lambda: ParserCache(maxsize=100), lambda: ValidationCache(maxsize=100)]
    view = View(strawberry.Schema(query=Query, extensions=extensions))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with aiosqlite.connect(os.environ["DATABASE"]) as view.database:
            view.database.row_factory = aiosqlite.Row
            yield

    app = Starlette(lifespan=lifespan)
    app.add_route("/graphql", view)
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
