"""Strawberry's own engine over the bound schema answers as ours does: an independent check of execution."""

import pytest
import strawberry
from graphql import GraphQLSchema

from app.auth.local_issuer import user_id
from app.scope import RequestScope
from app.seed import DEMO_USER, seed
from datasources.local.search import SQLiteSearch
from datasources.local.sqlite import SQLiteStore
from tests.blob_stores import FilesSite
from tests.school import Clock, School

OPERATIONS = {
    "a catalog with outlines": """{ listCourses(limit: 8) { nextToken items { ...Card owner { displayName }
        modules(limit: 3) { items { title lessons { items { title kind durationSeconds body } } } } } } }
        fragment Card on Course { id slug title: title level tags price { amountMinor currency } enrolledCount }""",
    "the caller's own records": """{ getMe { id displayName email roles settings { locale timeZone } }
        listMyEnrollments { items { status waitlistPosition course { title myProgress { percent } } } } }""",
    "refused fields beside allowed ones": """{ listUsers { items { id } } getMe { displayName }
        getUser(id: "nobody") { email } }""",
    "nothing found, and what a directive leaves out": """{ getCourse(id: "none") { title }
        getMe { id @skip(if: true) roles @include(if: true) __typename } }""",
    "an argument that is refused": "{ listCourses(limit: 0) { items { id } } getMe { id } }",
}


@strawberry.type
class _Unused:
    """Strawberry insists on a query of its own; it is never executed."""

    unused: bool = True


class StrawberrySchema(strawberry.Schema):
    """Serves a schema that Strawberry did not build."""

    def __init__(self, built: GraphQLSchema) -> None:
        super().__init__(query=_Unused)
        self._schema = built
        built._strawberry_schema = self  # type: ignore[attr-defined]


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
async def test_both_engines_give_the_same_data_and_the_same_errors(
    sqlite_store: SQLiteStore, bound_schema: GraphQLSchema, files_site: FilesSite, operation: str
) -> None:
    school = School(sqlite_store, await SQLiteSearch.over(sqlite_store), bound_schema, Clock(), files=files_site)
    await seed(school, school.clock.now())
    caller = school.as_(DEMO_USER, "Mentors").caller

    ours = await school.as_(DEMO_USER, "Mentors").run(operation)
    scope = RequestScope(school.context(caller), "request-of-a-test")
    theirs = await StrawberrySchema(bound_schema).execute(operation, context_value=scope)

    assert caller.id == user_id(DEMO_USER)
    assert _without_tokens(ours["data"]) == _without_tokens(theirs.data)
    assert sorted(str(error["path"]) for error in ours.get("errors", [])) == sorted(
        str(error.path) for error in theirs.errors or []
    )


def _without_tokens(data: object) -> object:
    """Sealed anew each time, so never equal."""
    if isinstance(data, dict):
        return {key: bool(value) if key == "nextToken" else _without_tokens(value) for key, value in data.items()}
    return [_without_tokens(each) for each in data] if isinstance(data, list) else data
