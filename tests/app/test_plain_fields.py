"""Plain fields, read the short way, answer what graphql-core answers."""

from typing import Any

import graphql
import pytest

from app import scalars, sdl
from app.binding import bind
from app.plain_fields import PlainFieldsExecutor
from app.scope import RequestScope
from domain.callers import Caller, Mode
from domain.records import Record
from resolvers.registry import Registry

SDL = """
schema { query: Query }
"Roots."
type Query @aws_api_key {
  "One."
  shelf: Shelf @aws_api_key
  "One that waits."
  slowShelf: Shelf @aws_api_key
}
"Shelves."
type Shelf @aws_api_key {
  id: ID!
  label: String
  full: Boolean!
  kind: Kind!
  width: Int
  openedAt: AWSDateTime
  tags: [String!]!
  books: [Book!]!
  best: Book
  count: Int!
}
"Kinds."
enum Kind { OPEN CLOSED }
"Books."
type Book @aws_api_key {
  title: String!
  pages: Int
}
"""


class Book(Record, frozen=True):
    title: Any
    pages: int | None = None


class Shelf(Record, frozen=True):
    id: str = "s1"
    label: str | None = None
    full: bool = False
    kind: str = "OPEN"
    width: Any = 3
    opened_at: str | None = "2026-01-01T00:00:00.000Z"
    tags: tuple[str, ...] = ("a", "b")
    books: tuple[Book, ...] = (Book("One", 1), Book("Two"))

    @property
    def best(self) -> Book | None:
        return self.books[0] if self.books else None


SHELVES = {
    "whole": Shelf(),
    "a required title that is missing": Shelf(books=(Book("One"), Book(None))),
    "a kind that is none": Shelf(kind="AJAR"),
    "a number that is none": Shelf(width="wide"),
    "a number that is too large": Shelf(width=2**40),
    "nothing inside": Shelf(books=(), tags=()),
}
QUERIES = (
    "{ shelf { id label full kind width openedAt tags } }",
    "{ shelf { width id: label books { title } label: id kind } }",
    "{ shelf { __typename best { title __typename pages } tags id } }",
    "{ shelf { ...A best { pages } } slowShelf { id kind } } fragment A on Shelf { id best { title } id }",
    "{ slowShelf { id count books { pages title } kind } shelf { count width } }",
    "query ($no: Boolean = false) { shelf { id @skip(if: true) kind @include(if: $no) full width } }",
)


def bound(shelf: Shelf) -> graphql.GraphQLSchema:
    registry = Registry()

    @registry.field("Query.shelf")
    @registry.field("Query.slowShelf")
    async def _(_: Any) -> Shelf:
        return shelf

    @registry.field("Shelf.count")
    async def _(_: Any, source: Shelf) -> int:
        return len(source.books)

    schema = sdl.build(graphql.parse(SDL))
    scalars.install(schema)
    return bind(schema, registry, {"Shelf": Shelf, "Book": Book}, frozenset({Mode.COGNITO}))


async def answer(executor: type[graphql.Executor[Any]], schema: graphql.GraphQLSchema, query: str) -> Any:
    class Ctx:
        caller = Caller(Mode.API_KEY)

    execution = executor.build(schema, graphql.parse(query), context_value=RequestScope(Ctx(), "r"))  # type: ignore[arg-type] # all that is asked of it here
    assert not isinstance(execution, list)
    result = execution.execute_operation()
    return (result if isinstance(result, graphql.ExecutionResult) else await result).formatted  # type: ignore[misc,union-attr] # without incremental delivery


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("name", SHELVES)
async def test_the_short_way_answers_as_the_long_one(name: str, query: str) -> None:
    schema = bound(SHELVES[name])
    expected = await answer(graphql.Executor, schema, query)

    given = await answer(PlainFieldsExecutor, schema, query)

    assert given == expected
    assert list(_keys(given.get("data"))) == list(_keys(expected.get("data"))), "in the order that was asked for"


def _keys(value: Any) -> Any:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _keys(inner)
    elif isinstance(value, list):
        for each in value:
            yield from _keys(each)
