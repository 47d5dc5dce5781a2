"""Schools that meet, over each engine of calls, and one that knows faces."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from graphql import GraphQLSchema

from datasources.aws.search import TermSearch
from datasources.local.sqlite import SQLiteStore
from datasources.ports import RecordStore, SearchIndex
from tests.blob_stores import Site
from tests.calling import Hall, chime, chime_calls
from tests.dynamodb_emulator import emulated_store
from tests.school import Clock, School


@pytest.fixture
def school_with_faces(store: RecordStore, search: SearchIndex, bound_schema: GraphQLSchema, files: Site) -> School:
    """One in which faces are compared, though nobody can tell life from a picture."""
    return School(store, search, bound_schema, Clock(), files=files, face_attendance=True)


@pytest.fixture(params=["local, sqlite", "chime, sqlite"])
async def hall(request: pytest.FixtureRequest, tmp_path: Path, bound_schema: GraphQLSchema) -> AsyncIterator[Hall]:
    """Over both engines."""
    async with _hall(request, tmp_path, bound_schema) as opened:
        yield opened


@pytest.fixture(params=["local, sqlite", "chime, sqlite", "local, dynamodb"])
async def every_hall(
    request: pytest.FixtureRequest, tmp_path: Path, bound_schema: GraphQLSchema
) -> AsyncIterator[Hall]:
    """Over both engines and both stores, for what rests on conditions in the store."""
    async with _hall(request, tmp_path, bound_schema) as opened:
        yield opened


@pytest.fixture
async def chime_hall(tmp_path: Path, bound_schema: GraphQLSchema) -> AsyncIterator[Hall]:
    """Over Chime only, for what our own engine cannot do or suffer."""
    async with _sqlite(tmp_path) as records, _over_chime(records, bound_schema) as hall:
        yield hall


@asynccontextmanager
async def _hall(request: pytest.FixtureRequest, folder: Path, schema: GraphQLSchema) -> AsyncIterator[Hall]:
    engine, _, store = request.param.partition(", ")
    opened = _sqlite(folder) if store == "sqlite" else emulated_store(request.getfixturevalue("emulator"))
    async with opened as records:
        if engine == "local":
            yield Hall(School(records, TermSearch(records), schema, Clock()), None)
        else:
            async with _over_chime(records, schema) as hall:
                yield hall


@asynccontextmanager
async def _over_chime(store: RecordStore, schema: GraphQLSchema) -> AsyncIterator[Hall]:
    clock = Clock()
    async with chime(clock) as (engine, service):
        school = School(store, TermSearch(store), schema, clock, calls=chime_calls(engine, service))
        yield Hall(school, service)


def _sqlite(folder: Path) -> AbstractAsyncContextManager[RecordStore]:
    return SQLiteStore.open(folder / "records.db")
