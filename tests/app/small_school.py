"""A schema of every shape that binding knows, small enough to read, with its records and resolvers."""

import asyncio
from types import SimpleNamespace
from typing import Any

from app import scalars, sdl
from app.binding import bind
from app.execution import Answer, Executor, GraphQLRequest
from app.plans.cache import Plans
from domain.callers import USER_MODES, Caller, Mode
from domain.errors import DomainError, not_found
from domain.records import Record
from resolvers.registry import Registry

SDL = """
schema { query: Query mutation: Mutation }

type Query {
  course(id: ID!): Course @aws_api_key @aws_cognito_user_pools
  courses(limit: Int, nextToken: String): CoursePage @aws_api_key @aws_cognito_user_pools
  me: User
  staffOnly: String @aws_cognito_user_pools(cognito_groups: ["Admins", "Moderators"])
  search(filter: FilterInput): String @aws_api_key @aws_cognito_user_pools
  things: [Thing!]
  nodes: [Node!]
  slow: String
  broken: String
}

type Mutation {
  rename(id: ID!, title: String): Course
  publish(id: ID!): Course @aws_iam
}

input FilterInput { courseLevel: Level, minimumSeats: Int, tags: [String!], inner: FilterInput }

enum Level { EASY HARD }

interface Node { id: ID! }

type Course implements Node @aws_api_key @aws_cognito_user_pools @aws_iam {
  id: ID!
  title: String!
  level: Level
  seats: Int
  createdAt: AWSDateTime
  owner: User @aws_cognito_user_pools
  reviews(stars: Int): [String]
  chapters(limit: Int, nextToken: String): ChapterPage!
  next: Course
}

type CoursePage @aws_api_key @aws_cognito_user_pools { items: [Course!]! nextToken: String }
type Chapter @aws_api_key @aws_cognito_user_pools @aws_iam { id: ID! course: Course }
type ChapterPage @aws_api_key @aws_cognito_user_pools @aws_iam { items: [Chapter!]! nextToken: String }
type User implements Node { id: ID! name: String! secret: String @aws_iam }
union Thing = Course | User
"""


class Course(Record, frozen=True):
    id: str
    title: str = "Algebra"
    level: str | None = "EASY"
    seats: int | None = 3
    created_at: str | None = "2026-11-21T12:00:00.000Z"


class CoursePage(Record, frozen=True):
    items: tuple[Course, ...]
    next_token: str | None = None


class Chapter(Record, frozen=True):
    id: str


class ChapterPage(Record, frozen=True):
    items: tuple[Chapter, ...]
    next_token: str | None = None


class User(Record, frozen=True):
    id: str
    secret: str | None = "hidden"

    @property
    def name(self) -> str:
        return "Ada"


RECORDS: dict[str, type[Record]] = {
    "Course": Course,
    "CoursePage": CoursePage,
    "Chapter": Chapter,
    "ChapterPage": ChapterPage,
    "User": User,
}

STUDENT = Caller(Mode.COGNITO, user_id="ada", groups=frozenset({"Students"}))
ADMIN = Caller(Mode.COGNITO, user_id="root", groups=frozenset({"Admins"}))
API_KEY = Caller(Mode.API_KEY)
IAM = Caller(Mode.IAM)


class School:
    """The resolvers, and what they saw.

    Attributes:
        planned: operations have plans from the first time on.
    """

    planned = False

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.courses: dict[str, Any] = {name: Course(name) for name in ("c1", "c2", "c3")}
        self.registry = Registry()
        add = self.registry
        add.field("Query.course")(self.course)
        add.field("Query.courses")(self.page)
        add.field("Query.me", suspended_too=True)(self.me)
        add.field("Query.staffOnly")(self.staff_only)
        add.field("Query.search")(self.search)
        add.field("Query.things")(self.things)
        add.field("Query.nodes")(self.things)
        add.field("Query.slow")(self.slow)
        add.field("Query.broken")(self.broken)
        add.field("Mutation.rename")(self.rename)
        add.field("Mutation.publish")(self.course)
        add.batch("Course.owner", most=2)(self.owners)
        add.batch("Course.reviews")(self.reviews)
        add.field("Course.chapters")(self.chapters)
        add.field("Course.next")(self.next_course)
        add.field("Chapter.course")(self.next_course)

    async def course(self, ctx: Any, *, id: str) -> Any:
        return self.courses.get(id)

    async def page(self, ctx: Any, *, limit: int | None = None, next_token: str | None = None) -> CoursePage:
        return CoursePage(tuple(self.courses.values())[:limit])

    async def me(self, ctx: Any) -> User:
        return User(ctx.caller.id)

    async def staff_only(self, ctx: Any) -> str:
        return "for staff"

    async def search(self, ctx: Any, *, filter: dict[str, Any] | None = None) -> str:
        self.calls.append(filter)
        return "searched"

    async def things(self, ctx: Any) -> list[Any]:
        return [self.courses["c1"], User("u1")]

    async def slow(self, ctx: Any) -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.calls.append("cancelled")
            raise
        return "never"

    async def broken(self, ctx: Any) -> str:
        raise RuntimeError("password=hunter2 in table arn:aws:dynamodb:eu:1:table/users")

    async def rename(self, ctx: Any, *, id: str, title: str | None = None) -> Course:
        self.calls.append(("start", id))
        await asyncio.sleep(0)
        self.calls.append(("end", id))
        if id not in self.courses:
            raise not_found("course")
        return Course(id, title or "Algebra")

    async def owners(self, ctx: Any, courses: list[Course]) -> list[User | DomainError | None]:
        self.calls.append([course.id for course in courses])
        return [User(f"owner of {course.id}") for course in courses]

    async def reviews(self, ctx: Any, courses: list[Course], *, stars: int | None = None) -> list[list[str]]:
        self.calls.append((stars, [course.id for course in courses]))
        return [[f"{course.id} {stars}"] for course in courses]

    async def chapters(
        self, ctx: Any, course: Course, *, limit: int | None = None, next_token: str | None = None
    ) -> ChapterPage:
        return ChapterPage((Chapter("h1"),))

    async def next_course(self, ctx: Any, source: Any) -> Course:
        return Course("next")

    def schema(self, user_modes: frozenset[Mode] = USER_MODES) -> Any:
        schema = sdl.build(sdl.merge({"school.graphql": SDL}))
        scalars.install(schema)
        return bind(schema, self.registry, RECORDS, user_modes)

    def executor(self, **options: Any) -> Executor:
        schema = self.schema()
        return Executor(schema, plans=Plans(schema, at_once=True) if self.planned else None, **options)


async def ask(
    executor: Executor,
    query: str,
    variables: dict[str, Any] | None = None,
    *,
    caller: Caller = STUDENT,
    operation_name: str | None = None,
    queries_only: bool = False,
) -> Answer:
    request = GraphQLRequest(query, variables, operation_name, queries_only)
    ctx: Any = SimpleNamespace(caller=caller)
    return await executor.execute(request, ctx, "request-1")
