"""The composition root: turns settings into the running product. Engines and sign-in have files of their own."""

import asyncio
import logging
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from graphql import GraphQLSchema
from ulid import LaxMonotonicPolicy, ULIDGenerator

from app import key_file, scalars, sdl, sources
from app.attendance_steps import attendance_steps
from app.auth.authenticator import Authenticator
from app.auth.credentials import Credentials, ReadOperation
from app.auth.local_issuer import LocalIssuer
from app.binding import bind
from app.call_engine import CallEngine, open_call_engine
from app.change_route import followers, open_change_route
from app.clock import now
from app.engines import open_engines
from app.execution import Answer, Executor, GraphQLRequest
from app.export_steps import export_steps
from app.gate import Gate
from app.inbox import Inbox, InboxReader
from app.limits import Limits
from app.malware_scans import open_scans
from app.media_engines import PROCESSED, MediaEngines, open_media_engines
from app.media_steps import media_steps
from app.meeting_steps import meeting_steps
from app.notification_steps import notification_steps
from app.plans.cache import Plans
from app.presence_steps import heard, presence_steps, tell
from app.processing_steps import processing_steps
from app.realtime.presence_keeper import PresenceKeeper
from app.realtime.realtime import RealTime
from app.repairs import MARKS, repair_steps
from app.scope import RequestScope
from app.second_tries import second_tries
from app.settings import Settings
from app.sign_in import open_authenticator, open_issuer
from app.version import VERSION
from app.ways_out import open_senders
from app.worker_steps import Step, all_steps
from app.workers import Workers
from datasources.accounts import Accounts
from datasources.blobs import BlobStore
from datasources.connections import Connections
from datasources.cursors import Cursors
from datasources.malware import ScanResults
from datasources.playback import Playback
from datasources.ports import RecordStore
from datasources.senders import Senders
from domain.callers import Caller, Mode
from domain.chat_limits import ChatLimits
from domain.server import ADAPTIVE_PLAYBACK, FEATURES, MALWARE_SCAN, ServerFacts
from domain.upload_rules import UploadLimits
from resolvers import registry
from resolvers.context import Context, Sources
from resolvers.records import BY_TYPE

CURSOR_SECRET_FILE = "cursor-secret"  # noqa: S105 - a file's name, no secret

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class App:
    """What a runtime needs to serve operations. It is the HTTP endpoint's `Service`."""

    store: RecordStore
    sources: Sources
    workers: Workers
    inbox: InboxReader | None
    issuer: LocalIssuer | None
    authenticator: Authenticator
    accounts: Accounts
    executor: Executor
    context: Callable[[Caller], Context]
    realtime: RealTime
    blobs: BlobStore
    presence: PresenceKeeper

    async def identify(self, credentials: Credentials, operation: ReadOperation) -> Caller:
        return await self.authenticator.authenticate(credentials, operation=operation)

    async def admit(self, caller: Caller) -> Caller:
        return await self.accounts.admit(caller)

    async def execute(self, request: GraphQLRequest, caller: Caller, request_id: str) -> Answer:
        return await self.executor.execute(request, RequestScope(self.context(caller), request_id))


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[App]:
    """The whole product over its engines, until the context ends; its workers do not run yet.

    Raises:
        SettingsFault: a setting turns out to be wrong when it is used.
        OSError: DATA_DIR cannot be written.
        BindingError: the schema and its resolvers do not fit.
    """
    issuer = await open_issuer(settings)
    async with (
        open_engines(settings) as engines,
        open_authenticator(settings, engines.store, issuer) as authenticator,
        open_senders(settings, engines.store, now) as senders,
        open_scans(settings) as scans,
        open_change_route(settings) as route,
        open_call_engine(settings, engines.store, now) as calls,
        open_media_engines(settings, engines.blobs) as media_engines,
    ):
        playback = Playback(engines.blobs, _secret(settings), settings.base_url, time.time)
        built, accounts = sources.build(
            engines.store,
            engines.search,
            engines.blobs,
            playback,
            engines.faces,
            now,
            _chat_limits(settings),
            _file_rules(settings),
            calls,
            face_attendance=bool(settings.face_attendance),
        )
        schema = bound_schema(authenticator.user_modes)
        realtime = RealTime(schema, authenticator.user_modes, settings.redis_url or "memory://", MARKS)
        executor = _executor(settings, schema, realtime)
        of_engines = {*calls.engine.features, *built.face_abilities.features}
        context = _contexts(settings, built, realtime, _features(settings, of_engines, media_engines))
        realtime.connect(executor, context, Gate(authenticator, accounts), now)
        steps = _steps(settings, engines.store, built, realtime, senders, scans, calls, media_engines)
        following = followers(steps)
        led = [*route.led(steps), second_tries(engines.store, following, now)]
        inbox = Inbox(engines.store, following, now)
        yield App(
            store=engines.store,
            sources=built,
            workers=Workers(engines.store, led, now, _holder()),
            inbox=None if route.queue is None else InboxReader(engines.store, route.queue, inbox),
            issuer=issuer,
            authenticator=authenticator,
            accounts=accounts,
            executor=executor,
            context=context,
            realtime=realtime,
            blobs=engines.blobs,
            presence=_presence_keeper(engines.store, built, realtime),
        )


@asynccontextmanager
async def running(app: App) -> AsyncIterator[None]:
    """The workers at work and events delivered until the context ends."""
    async with app.realtime.running(), app.presence.running():
        tasks = [asyncio.create_task(app.workers.run(), name="workers")]
        if app.inbox is not None:
            tasks.append(asyncio.create_task(app.inbox.run(), name="inbox"))
        for task in tasks:
            task.add_done_callback(_tell_of_end)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _steps(
    settings: Settings,
    store: RecordStore,
    built: Sources,
    realtime: RealTime,
    senders: Senders,
    scans: ScanResults | None,
    calls: CallEngine,
    media: MediaEngines,
) -> list[Step]:
    """What workers do."""
    publish = realtime.publish_and_wait  # a step goes on only when it has told of what it did
    return [
        *all_steps(store, built, now, publish),
        *attendance_steps(store, built, now, publish),
        *meeting_steps(built, calls, now, publish, realtime.recheck),
        *presence_steps(store, built, now, publish, partial(heard, realtime.ledger)),
        *repair_steps(publish, realtime.ledger, now),
        *notification_steps(
            store,
            now,
            publish,
            senders,
            site=settings.clients_url,
            announced_per_second=settings.announced_per_second,
        ),
        *media_steps(store, built, now, publish, scans),
        *export_steps(built, publish),
        *processing_steps(store, built.media, media, now),
    ]


def bound_schema(user_modes: frozenset[Mode]) -> GraphQLSchema:
    """The contract with a resolver for every field."""
    schema = sdl.build(sdl.load())
    scalars.install(schema)
    return bind(schema, registry, BY_TYPE, user_modes)


def _chat_limits(settings: Settings) -> ChatLimits:
    return ChatLimits(
        room_changes_per_second=settings.room_changes_per_second,
        room_burst=settings.room_changes_burst,
        user_changes_per_second=settings.user_changes_per_second,
        user_burst=settings.user_changes_burst,
        message_days=settings.message_days,
    )


def _file_rules(settings: Settings) -> sources.FileRules:
    limits = UploadLimits(
        video_bytes=settings.max_video_bytes,
        audio_bytes=settings.max_audio_bytes,
        image_bytes=settings.max_image_bytes,
        document_bytes=settings.max_document_bytes,
        recording_bytes=settings.max_recording_bytes,
        user_bytes=settings.storage_per_user_bytes,
    )
    scanned = settings.malware_scan_queue_url is not None
    return sources.FileRules(limits, ("CHECK", "SCAN") if scanned else ("CHECK",), PROCESSED)


def _executor(settings: Settings, schema: GraphQLSchema, realtime: RealTime) -> Executor:
    limits = Limits(
        tokens=settings.max_tokens,
        depth=settings.max_depth,
        root_fields=settings.max_root_fields,
        aliases=settings.max_aliases,
        cost=settings.max_cost,
    )
    return Executor(
        schema,
        limits=limits,
        introspection=bool(settings.introspection),
        seconds=settings.request_seconds,
        mutated=realtime.mutated,
        plans=Plans(schema) if settings.execution == "plans" else None,
    )


def _contexts(
    settings: Settings, built: Sources, realtime: RealTime, features: tuple[str, ...]
) -> Callable[[Caller], Context]:
    cursors = Cursors(_secret(settings), now)
    facts = ServerFacts(VERSION, settings.minimum_client_version, features)
    ids = ULIDGenerator(policy=LaxMonotonicPolicy())  # rising within the process

    def new_id() -> str:
        return str(ids.generate())

    def context(caller: Caller) -> Context:
        return Context(caller, built, now, new_id, cursors, facts, realtime.publish, realtime.recheck)

    return context


def _secret(settings: Settings) -> bytes:
    """What seals positions of lists and links to playlists: the same in every process of a deployment."""
    if settings.cursor_secret is not None:
        return settings.cursor_secret.encode()
    return key_file.secret(settings.data_dir / CURSOR_SECRET_FILE)


def _features(settings: Settings, of_engines: Set[str], media: MediaEngines) -> tuple[str, ...]:
    scans = () if settings.malware_scan_queue_url is None else (MALWARE_SCAN,)
    playlists = (ADAPTIVE_PLAYBACK,) if media.makes_playlists else ()
    return tuple(sorted({*FEATURES, *of_engines, *scans, *playlists}))


def _presence_keeper(store: RecordStore, built: Sources, realtime: RealTime) -> PresenceKeeper:
    keeper = PresenceKeeper(
        Connections(store), built.presence, partial(tell, built.settings, realtime.publish), now, _holder
    )
    realtime.connected.came, realtime.connected.went = keeper.opened, keeper.closed
    return keeper


def _holder() -> str:
    """A name for this process that no other has."""
    return f"{socket.gethostname()}-{secrets.token_hex(8)}"


def _tell_of_end(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("the workers have ended", exc_info=task.exception())
