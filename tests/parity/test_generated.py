"""Generated operations of all kinds of callers get the same answer from both runtimes, over the same demo school."""

from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, parse
from hypothesis import given, settings
from hypothesis import strategies as st

from app import sdl
from app.auth.local_issuer import user_id
from domain.callers import Caller, Mode
from domain.times import Timestamp
from tests.parity.generated import Known, operations
from tests.parity.twins import Twins, twins
from tests.school import Clock

pytestmark = pytest.mark.timeout(3_600)

PEOPLE = {
    "ada": "Mentors",
    "otto": "Mentors",
    "root": "Admins",
    "mo": "Moderators",
    "ben": "Students",
    "eve": "Students",
}
NOW: Timestamp = Clock().now()

SCHEMA = sdl.build(parse(sdl.appsync_sdl(sdl.load(), descriptions=False)))
QUERIES = list(SCHEMA.type_map["Query"].fields)
MUTATIONS = list(SCHEMA.type_map["Mutation"].fields)


def person(mode: Mode, name: str) -> Caller:
    return Caller(
        mode,
        user_id(name),
        frozenset({PEOPLE[name]}),
        issued_at=NOW if mode is not Mode.LAMBDA else None,
        username=name,
    )


callers: st.SearchStrategy[Caller] = st.one_of(
    st.builds(person, st.just(Mode.COGNITO), st.sampled_from(list(PEOPLE))),
    st.builds(person, st.sampled_from([Mode.OIDC, Mode.LAMBDA]), st.sampled_from(list(PEOPLE))),
    st.sampled_from([Caller(Mode.API_KEY), Caller(Mode.IAM)]),
)


@settings(max_examples=settings.default.max_examples // 2)
@given(data=st.data())
async def test_queries(alike: Twins, known: Known, data: Any) -> None:
    query, caller = data.draw(operations(SCHEMA, "Query", QUERIES, known)), data.draw(callers)
    server, appsync = await alike.both(query, caller)
    assert appsync == server


@settings(max_examples=settings.default.max_examples // 10)
@given(data=st.data())
async def test_mutations(known: Known, planted: Path, tmp_path: Path, bound_schema: GraphQLSchema, data: Any) -> None:
    query, caller = data.draw(operations(SCHEMA, "Mutation", MUTATIONS, known)), data.draw(callers)
    async with twins(planted, tmp_path / "changed", bound_schema) as both:
        server, appsync = await both.both(query, caller)
    assert appsync == server
