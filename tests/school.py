"""A school under test: one store, a clock that the test moves, and clients that speak GraphQL.

Domain behaviour is tested as clients see it: operations in, payloads out, over every engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
from graphql import GraphQLSchema
from ulid import ULID

from app import sources
from app.attendance_steps import attendance_steps
from app.auth.local_issuer import user_id
from app.call_engine import CallEngine, local_calls
from app.export_steps import export_steps
from app.media_steps import media_steps
from app.meeting_steps import meeting_steps
from app.notification_steps import notification_steps
from app.presence_steps import presence_steps
from app.sources import FileRules
from app.worker_steps import FeedStep, Step, all_steps
from app.workers import Workers
from datasources.accounts import Accounts
from datasources.aws.dynamodb import DynamoDBStore
from datasources.blobs import BlobStore
from datasources.cursors import Cursors
from datasources.face_engine import FaceEngine
from datasources.malware import ScanResults
from datasources.outbox import Outbox
from datasources.playback import Playback
from datasources.ports import RecordStore, SearchIndex
from datasources.senders import Senders
from datasources.tables import Table
from domain.callers import Caller, Mode
from domain.chat_limits import DEFAULT, ChatLimits
from domain.server import ServerFacts
from domain.times import Timestamp, timestamp
from domain.upload_rules import UploadLimits
from resolvers.context import Context, Sources
from tests.blob_stores import MIN_PART_BYTES, Site
from tests.faces_in_memory import FacesInMemory
from tests.parity.recording import recorded
from tests.runtimes import RUNTIMES, Runtime, chosen

FACTS = ServerFacts(api_version="test", minimum_client_version="1.0.0", features=("COURSES",))
FILE_RULES = FileRules(UploadLimits(least_part_bytes=MIN_PART_BYTES))


class Clock:
    """The school's time; it stands still until a test moves it.

    It is far ahead, for the stores tell by their own clock whether an item's ttl has passed.
    """

    def __init__(self) -> None:
        self._moment = datetime(2036, 9, 1, 8, tzinfo=UTC)

    def now(self) -> Timestamp:
        return timestamp(self._moment)

    def seconds(self) -> float:
        return self._moment.timestamp()

    def advance(self, *, seconds: float = 0, days: float = 0) -> None:
        self._moment += timedelta(seconds=seconds, days=days)


class NoFiles:
    """Stands where a store of files would be; whoever asks it for anything is at fault."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name}: this school has no files")


@dataclass
class School:
    """Everything a test needs to act as anybody."""

    store: RecordStore
    search: SearchIndex
    schema: GraphQLSchema
    clock: Clock
    chat: ChatLimits = DEFAULT
    files: Site | None = None
    """Where files are and signed requests go; None: nothing in this school has to do with files."""
    file_rules: FileRules = FILE_RULES
    calls: CallEngine | None = None
    """What carries meetings; None is our own engine."""
    faces: FaceEngine = field(default_factory=FacesInMemory)
    face_attendance: bool = False
    published: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """What resolvers and workers sent to subscribers: the publishing mutation and its key, in order."""
    rechecked: list[str] = field(default_factory=list)
    """Users whose subscriptions were looked at again, in order."""
    scans: ScanResults | None = None
    """What a scanner for malware says; None: there is none."""
    senders: Senders = field(init=False)
    """The ways out of the house: mail goes to an outbox, all else nowhere, until a test sets others."""
    sources: Sources = field(init=False)
    accounts: Accounts = field(init=False)
    runtime: Runtime = field(init=False)
    """What answers operations."""

    def __post_init__(self) -> None:
        self.carrier = self.calls or local_calls(self.store, self.clock.now)
        self.sources, self.accounts = sources.build(
            self.store,
            self.search,
            self.blobs,
            Playback(self.blobs, b"a secret of the tests", "https://school.example", self.clock.seconds),
            self.faces,
            self.clock.now,
            self.chat,
            self.file_rules,
            self.carrier,
            face_attendance=self.face_attendance,
        )
        self.senders = Senders(mailer=Outbox(self.store, self.clock.now))
        self.cursors = Cursors(b"a secret of the tests", self.clock.now)
        name = chosen(on_aws=isinstance(self.store, DynamoDBStore) or self.calls is not None)
        self.runtime = recorded(RUNTIMES[name](self.schema, self.accounts.admit, self.context), name)

    @property
    def blobs(self) -> BlobStore:
        return cast(BlobStore, NoFiles()) if self.files is None else self.files.store

    @staticmethod
    def id(username: str) -> str:
        return user_id(username)

    def as_(self, username: str, *groups: str, **claims: Any) -> "Client":
        """A signed-in user; Students when no group is named. `claims` are further fields of Caller."""
        caller = Caller(
            mode=Mode.COGNITO,
            user_id=user_id(username),
            groups=frozenset(groups or ("Students",)),
            username=username,
            name=username.capitalize(),
            issued_at=self.clock.now(),
            authenticated_at=self.clock.now(),
        )
        return Client(self, _with(caller, claims))

    @property
    def visitor(self) -> "Client":
        return Client(self, Caller(mode=Mode.API_KEY))

    @property
    def backend(self) -> "Client":
        return Client(self, Caller(mode=Mode.IAM))

    async def drain(self, *beginnings: str) -> None:
        """Let the workers finish everything that follows from what was done.

        Args:
            beginnings: of the steps' names, where only some matter; none is all.
        """
        steps = [
            *all_steps(self.store, self.sources, self.clock.now, self.publish),
            *meeting_steps(self.sources, self.carrier, self.clock.now, self.publish, self.recheck),
            *presence_steps(self.store, self.sources, self.clock.now, self.publish, self.heard),
            *notification_steps(self.store, self.clock.now, self.publish, self.senders),
            *attendance_steps(self.store, self.sources, self.clock.now, self.publish),
        ]
        if self.files is not None:
            steps += media_steps(self.store, self.sources, self.clock.now, self.publish, self.scans)
            steps += export_steps(self.sources, self.publish)
        left = [step for step in steps if step.name.startswith(beginnings or ("",))]
        at_work: list[Step] = []
        while awake := [step for step in left if not isinstance(step, FeedStep) or await self._has_changes(step.table)]:
            # Most steps of most tests follow tables in which nothing has ever happened, and asking takes time.
            at_work += awake
            left = [step for step in left if step not in awake]
            await Workers(self.store, at_work, self.clock.now, "a worker of the tests").drain()

    async def _has_changes(self, table: Table) -> bool:
        return bool((await self.store.changes(table, None, limit=1)).events)

    def context(self, caller: Caller) -> Context:
        return Context(
            caller,
            self.sources,
            self.clock.now,
            lambda: str(ULID()),
            self.cursors,
            FACTS,
            self.publish,
            self.recheck,
        )

    async def publish(self, mutation: str, /, **key: Any) -> None:
        self.published.append((mutation, key))

    def heard(self, user_id: str, status: str) -> bool:
        """Nothing that is published gets lost."""
        return True

    async def recheck(self, user_id: str, *, after_seconds: float = 0) -> None:
        self.rechecked.append(user_id)


@dataclass(frozen=True)
class Client:
    """Runs operations as one caller, admitted anew each time as a server does it."""

    school: School
    caller: Caller

    @property
    def id(self) -> str:
        return self.caller.id

    async def run(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole payload, data and errors."""
        return await self.school.runtime.answer(query, variables, self.caller)

    async def data(self, query: str, **variables: Any) -> Any:
        """The data of an operation that must succeed."""
        payload = await self.run(query, **variables)
        assert "errors" not in payload, payload["errors"]
        return payload["data"]

    async def refusal(self, query: str, **variables: Any) -> dict[str, Any]:
        """The one error of an operation that must be refused, with its errorType."""
        payload = await self.run(query, **variables)
        errors = payload.get("errors", [])
        assert len(errors) == 1, payload
        error: dict[str, Any] = errors[0]
        assert error.get("errorType"), error
        return error


def _with(caller: Caller, claims: Mapping[str, Any]) -> Caller:
    return msgspec.structs.replace(caller, **claims)
