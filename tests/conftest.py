"""Stores for every test: SQLite's in a file of its own, DynamoDB's on an emulator behind real HTTP."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from graphql import GraphQLSchema
from hypothesis import HealthCheck, settings

from app import scalars, sdl
from app.binding import bind
from datasources.aws.dynamodb import DynamoDBStore
from datasources.aws.search import TermSearch
from datasources.blobs import BlobStore
from datasources.local.search import SQLiteSearch
from datasources.local.sqlite import SQLiteStore
from datasources.ports import RecordStore, SearchIndex
from domain.callers import USER_MODES
from resolvers import registry
from resolvers.records import BY_TYPE
from tests.blob_stores import FilesSite, Site, served_files
from tests.dynamodb_emulator import Emulator, emulated_store, running_emulator
from tests.moto_services import running_services
from tests.school import Clock, School

if TYPE_CHECKING:  # moto's S3 takes a second to import, which most runs would waste
    from tests.s3_emulator import S3Emulator

# The same examples in every run, however busy the machine is; HYPOTHESIS_PROFILE=long hunts for others.
_SHARED_FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
settings.register_profile("ci", derandomize=True, deadline=None, database=None, suppress_health_check=_SHARED_FIXTURES)
settings.register_profile("long", max_examples=2_000, deadline=None, suppress_health_check=_SHARED_FIXTURES)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_configure() -> None:
    """The collector need not look after each 700 objects that modules and tests are made of."""
    gc.set_threshold(10_000, 10, 10)


def pytest_collection_finish() -> None:
    """Nor at what was imported, which stays."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test logged travels between processes as UTF-8, which a hostile text in it need not be."""
    report = yield
    report.sections = [(title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer() -> Generator[None, object, object]:
    """A test that hangs tells what each task waits for: the traceback alone ends in the event loop."""
    result = yield
    fail = signal.getsignal(signal.SIGALRM)

    def tell_and_fail(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(RuntimeError):  # no loop was running
            for task in asyncio.all_tasks(asyncio.get_running_loop()):
                task.print_stack(file=sys.stderr)
        if callable(fail):
            fail(number, frame)

    signal.signal(signal.SIGALRM, tell_and_fail)
    return result


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """One server for the whole run; nothing is started unless a test asks for it.

    Whatever the tests did, nothing may have read a whole table.
    """
    with running_emulator() as running:
        yield running
        assert running.ever.isdisjoint({"Scan", "ExecuteStatement"})


@pytest.fixture(scope="session")
def running_aws() -> Iterator[str]:
    with running_services() as url:
        yield url


@pytest.fixture
def aws(running_aws: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of SNS, SQS and SES on this machine, with keys for them in the environment."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "emulated")
    return running_aws


@pytest.fixture
async def sqlite_store(tmp_path: Path) -> AsyncIterator[SQLiteStore]:
    async with SQLiteStore.open(tmp_path / "records.db") as store:
        yield store


@pytest.fixture
async def dynamodb_store(emulator: Emulator) -> AsyncIterator[DynamoDBStore]:
    async with emulated_store(emulator) as store:
        yield store


@pytest.fixture(params=["sqlite", "dynamodb"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[RecordStore]:
    """A fresh, empty store with all tables, once on each engine."""
    if request.param == "sqlite":
        async with SQLiteStore.open(request.getfixturevalue("tmp_path") / "records.db") as opened:
            yield opened
    else:
        async with emulated_store(request.getfixturevalue("emulator")) as opened:
            yield opened


@pytest.fixture
async def search(store: RecordStore) -> SearchIndex:
    """The search engine that goes with the store."""
    return await SQLiteSearch.over(store) if isinstance(store, SQLiteStore) else TermSearch(store)


@pytest.fixture(scope="session")
def s3_emulator() -> "Iterator[S3Emulator]":
    """One server for the whole run; nothing is started unless a test asks for it."""
    from tests.s3_emulator import running_s3

    with running_s3() as running:
        yield running


@pytest.fixture
async def files_site(tmp_path: Path) -> AsyncIterator[FilesSite]:
    """The embedded store of files behind our own server."""
    async with served_files(tmp_path / "files") as site:
        yield site


@pytest.fixture(params=["files", "s3"])
async def blob_site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    """An empty store of files and where its signed requests go, once on each engine."""
    if request.param == "files":
        async with served_files(request.getfixturevalue("tmp_path") / "files") as site:
            yield site
    else:
        from tests.s3_emulator import s3_site

        async with s3_site(request.getfixturevalue("s3_emulator")) as emulated:
            yield emulated


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _files_of_module(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with served_files(tmp_path_factory.mktemp("files") / "files") as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _s3_of_module(s3_emulator: "S3Emulator") -> AsyncIterator[Site]:
    from tests.s3_emulator import s3_site

    async with s3_site(s3_emulator) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def shared_files_site(_files_of_module: FilesSite) -> FilesSite:
    """As `files_site`, but one server for all tests of a module, emptied before each: starting takes longer."""
    await _files_of_module.empty()
    return _files_of_module


@pytest.fixture(params=["files", "s3"])
def _site_of_module(request: pytest.FixtureRequest) -> Site:
    site: Site = request.getfixturevalue(f"_{request.param}_of_module")
    return site


@pytest_asyncio.fixture(loop_scope="module")
async def shared_blob_site(_site_of_module: Site) -> Site:
    """As `blob_site`, but one server of each engine for all tests of a module, emptied before each."""
    await _site_of_module.empty()
    return _site_of_module


@pytest.fixture
def blobs(blob_site: Site) -> BlobStore:
    """An empty store of files, once on each engine."""
    return blob_site.store


@pytest.fixture(scope="session")
def bound_schema() -> GraphQLSchema:
    """The product's schema, bound as the server binds it, with every user mode on."""
    schema = sdl.build(sdl.load())
    scalars.install(schema)
    return bind(schema, registry, BY_TYPE, USER_MODES)


@pytest.fixture
def school(store: RecordStore, search: SearchIndex, bound_schema: GraphQLSchema) -> School:
    """An empty school, once on each engine."""
    return School(store, search, bound_schema, Clock())


@pytest.fixture
async def files(request: pytest.FixtureRequest, store: RecordStore) -> AsyncIterator[Site]:
    """The store of files that goes with the store of records, and where its signed requests go."""
    if isinstance(store, SQLiteStore):
        async with served_files(request.getfixturevalue("tmp_path") / "files") as site:
            yield site
        return
    from tests.s3_emulator import s3_site

    async with s3_site(request.getfixturevalue("s3_emulator")) as emulated:
        yield emulated


@pytest.fixture
def school_with_files(store: RecordStore, search: SearchIndex, bound_schema: GraphQLSchema, files: Site) -> School:
    """A school whose users may upload, once on each engine."""
    return School(store, search, bound_schema, Clock(), files=files)
