"""The same school on plain Strawberry: its own view, uvicorn, nothing tuned. `PORT` from the environment.

With CACHES=1 it has Strawberry's parser and validation caches.
"""

import os

import strawberry
import uvicorn
from starlette.applications import Starlette
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

from bench.shapes import school


@strawberry.type
class Lesson:
    id: strawberry.ID
    title: str
    kind: str
    rank: str
    is_preview: bool
    duration_seconds: int
    version: int
    summary: str | None


@strawberry.type
class Module:
    id: strawberry.ID
    title: str
    rank: str
    lessons: list[Lesson]


@strawberry.type
class Course:
    id: strawberry.ID
    title: str
    summary: str | None
    level: str
    language: str
    version: int
    modules: list[Module]


def _lesson(data: dict) -> Lesson:
    return Lesson(
        id=data["id"],
        title=data["title"],
        kind=data["kind"],
        rank=data["rank"],
        is_preview=data["isPreview"],
        duration_seconds=data["durationSeconds"],
        version=data["version"],
        summary=data["summary"],
    )


DATA = school()
LESSONS = [_lesson(data) for data in DATA["lessons"]]
COURSE = Course(
    **{name: DATA["course"][name] for name in ("id", "title", "summary", "level", "language", "version")},
    modules=[
        Module(id=m["id"], title=m["title"], rank=m["rank"], lessons=[_lesson(data) for data in m["lessons"]])
        for m in DATA["course"]["modules"]
    ],
)


@strawberry.type
class Query:
    @strawberry.field
    async def course(self) -> Course | None:
        return COURSE

    @strawberry.field
    async def lessons(self) -> list[Lesson]:
        return LESSONS


def main() -> None:
    extensions = [lambda: ParserCache(maxsize=100), lambda: ValidationCache(maxsize=100)]
    schema = strawberry.Schema(query=Query, extensions=extensions if os.environ.get("CACHES") == "1" else [])
    app = Starlette()
    app.add_route("/graphql", GraphQL(schema))
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")


if __name__ == "__main__":
    main()
