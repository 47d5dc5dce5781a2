"""Two schools that are alike to the byte, one behind each runtime."""

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from graphql import GraphQLSchema
from ulid import ULID

from app.execution import Executor
from app.limits import Limits
from app.seed import seed
from datasources.local.files import FileStore
from datasources.local.search import SQLiteSearch
from datasources.local.sqlite import SQLiteStore
from domain.callers import Caller
from domain.errors import DomainError
from resolvers.context import Context
from tests.blob_stores import MIN_PART_BYTES, SECRET, Site
from tests.parity.answers import compared, of_refusal
from tests.parity.recording import recorded
from tests.resolvers.meeting import new_meeting
from tests.runtimes import BehindAppSync, Runtime, Server
from tests.school import Client, Clock, School

ANYTHING = Limits(tokens=100_000, depth=30, aliases=1_000, cost=1_000_000)
"""AppSync has its own limits for documents, so ours must not be what is compared."""


class Twin(School):
    """Its ids are counted, so that twins which do the same make the same."""

    def context(self, caller: Caller) -> Context:
        return msgspec.structs.replace(super().context(caller), new_id=self._next_id)

    def _next_id(self) -> str:
        return str(ULID.from_bytes(next(self._numbers).to_bytes(16, "big")))

    def __post_init__(self) -> None:
        super().__post_init__()
        self._numbers = count(int.from_bytes(ULID().bytes[:6], "big") << 80)


@dataclass(frozen=True)
class Twins:
    server: School
    appsync: School

    async def both(self, query: str, caller: Caller) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the server and AppSync answer, as it is compared."""
        return await _answer(self.server, query, caller), await _answer(self.appsync, query, caller)


async def plant(folder: Path, schema: GraphQLSchema) -> None:
    """The demo school and a meeting, with all that follows from it done."""
    async with _opened(folder, schema) as school:
        await seed(school, school.clock.now())
        await new_meeting(school, school.as_("ada", "Mentors"), school.as_("ben"))
        await school.drain()


@asynccontextmanager
async def twins(planted: Path, folder: Path, schema: GraphQLSchema) -> AsyncIterator[Twins]:
    """Two schools as the planted one; what is done to them is done to copies in `folder`."""
    for name in ("server", "appsync"):
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(planted, folder / name)
    async with _opened(folder / "server", schema) as one, _opened(folder / "appsync", schema) as other:
        executor = Executor(schema, limits=ANYTHING)
        server: Runtime = Server(schema, one.accounts.admit, one.context, executor)
        one.runtime = recorded(server, "server")
        other.runtime = recorded(BehindAppSync(schema, other.accounts.admit, other.context), "appsync")
        yield Twins(one, other)


@asynccontextmanager
async def _opened(folder: Path, schema: GraphQLSchema) -> AsyncIterator[Twin]:
    clock = Clock()
    files = FileStore.open(
        folder / "files",
        secret=SECRET,
        base_url="http://files.school.example",
        now=clock.seconds,
        min_part_bytes=MIN_PART_BYTES,
        reserve_bytes=0,
    )
    async with SQLiteStore.open(folder / "records.db") as store, files as blobs:
        site = Site(blobs, None)  # type: ignore[arg-type] # nobody sends what it signs
        yield Twin(store, await SQLiteSearch.over(store), schema, clock, files=site)


async def _answer(school: School, query: str, caller: Caller) -> Mapping[str, Any] | Any:
    try:
        return compared(await Client(school, caller).run(query))
    except DomainError as error:
        return of_refusal(error)
