"""The demo school, planted once, and twins of it. What makes it ready is not part of the comparison."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from graphql import GraphQLSchema

from tests.parity.generated import Known, known_ids
from tests.parity.recording import FOLDER
from tests.parity.twins import Twins, plant, twins


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory, bound_schema: GraphQLSchema) -> Path:
    """A folder to copy from."""
    folder = tmp_path_factory.mktemp("planted")
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv(FOLDER, raising=False)
        asyncio.run(plant(folder, bound_schema))
    return folder


@pytest.fixture(scope="session")
def known(planted: Path, tmp_path_factory: pytest.TempPathFactory, bound_schema: GraphQLSchema) -> Known:
    async def read() -> Known:
        async with twins(planted, tmp_path_factory.mktemp("read"), bound_schema) as both:
            return await known_ids(both.server)

    with pytest.MonkeyPatch.context() as environment:
        environment.delenv(FOLDER, raising=False)
        return asyncio.run(read())


@pytest.fixture
async def alike(planted: Path, tmp_path: Path, bound_schema: GraphQLSchema) -> AsyncIterator[Twins]:
    async with twins(planted, tmp_path, bound_schema) as both:
        yield both
