"""What every runtime serves: engines, the domains over them, and contexts for resolvers. No server, no real time."""

import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
from graphql import GraphQLSchema

from app import key_file, scalars, sdl, sources
from app.aws_session import AwsSession
from app.binding import bind
from app.call_engine import CallEngine, open_call_engine
from app.clock import now
from app.engines import open_engines
from app.limits import Limits
from app.settings import Settings
from app.version import VERSION
from datasources.accounts import Accounts
from datasources.blobs import BlobStore
from datasources.cursors import Cursors
from datasources.playback import Playback
from datasources.ports import RecordStore
from datasources.scratch import Scratch
from datasources.upload_tally import NO_TALLY, Tally
from domain.callers import Caller, Mode
from domain.chat_limits import ChatLimits
from domain.server import ADAPTIVE_PLAYBACK, FEATURES, MALWARE_SCAN, ServerFacts
from domain.ulids import rising_ulids
from domain.upload_rules import UploadLimits
from domain.uploads import MediaKind
from resolvers import registry
from resolvers.context import Context, Publish, Recheck, Sources
from resolvers.records import BY_TYPE
from resolvers.registry import Registry

CURSOR_SECRET_FILE = "cursor-secret"  # noqa: S105 - a file's name, no secret
PROCESSED: frozenset[MediaKind] = frozenset({"IMAGE", "VIDEO", "AUDIO", "RECORDING"})
"""Documents are given as they are."""
SCRATCH_FOLDER = "scratch"


class Product(msgspec.Struct, frozen=True):
    """Open engines and what is built over them.

    Attributes:
        engine: of records, as it is; `store` is the same, observed.
    """

    settings: Settings
    engine: RecordStore
    store: RecordStore
    blobs: BlobStore
    calls: CallEngine
    sources: Sources
    accounts: Accounts
    aws: AwsSession

    def contexts(self, publish: Publish, recheck: Recheck) -> Callable[[Caller], Context]:
        """Makes a resolvers' context for a caller."""
        cursors = Cursors(_secret(self.settings), now)
        facts = ServerFacts(VERSION, self.settings.minimum_client_version, self._features())
        ids = rising_ulids()

        def new_id() -> str:
            return next(ids)

        def context(caller: Caller) -> Context:
            return Context(caller, self.sources, now, new_id, cursors, facts, publish, recheck)

        return context

    def _features(self) -> tuple[str, ...]:
        engines = (*self.calls.engine.features, *self.sources.face_abilities.features)
        scans = () if self.settings.malware_scan_queue_url is None else (MALWARE_SCAN,)
        playlists = (ADAPTIVE_PLAYBACK,) if makes_playlists(self.settings) else ()
        return tuple(sorted({*FEATURES, *engines, *scans, *playlists}))


@asynccontextmanager
async def open_product(
    settings: Settings,
    observed: Callable[[RecordStore], RecordStore] = lambda store: store,
    tally: Tally = NO_TALLY,
) -> AsyncIterator[Product]:
    """Open until the context ends.

    Args:
        observed: puts something around the record store that is told of its calls.
        tally: of uploads.

    Raises:
        SettingsFault: a setting turns out to be wrong when it is used.
        OSError: DATA_DIR cannot be written.
    """
    async with open_engines(settings) as engines, open_call_engine(settings, engines.store, now, engines.aws) as calls:
        playback = Playback(engines.blobs, _secret(settings), settings.base_url, time.time)
        store = observed(engines.store)
        built, accounts = sources.build(
            store,
            engines.search,
            engines.blobs,
            playback,
            engines.faces,
            now,
            _chat_limits(settings),
            _file_rules(settings),
            calls,
            face_attendance=bool(settings.face_attendance),
            tally=tally,
        )
        yield Product(settings, engines.store, store, engines.blobs, calls, built, accounts, engines.aws)


def bound_schema(user_modes: frozenset[Mode], resolvers: Registry = registry) -> GraphQLSchema:
    """The contract with a resolver for every field. Raises BindingError: they do not fit."""
    schema = sdl.build(sdl.load(), checked=False)
    scalars.install(schema)
    return bind(schema, resolvers, BY_TYPE, user_modes)


def makes_playlists(settings: Settings) -> bool:
    """Whether what plays gets a playlist."""
    return settings.media_convert_role is not None or shutil.which(settings.ffmpeg) is not None


def operation_limits(settings: Settings) -> Limits:
    return Limits(
        tokens=settings.max_tokens,
        depth=settings.max_depth,
        root_fields=settings.max_root_fields,
        aliases=settings.max_aliases,
        cost=settings.max_cost,
    )


def _chat_limits(settings: Settings) -> ChatLimits:
    return ChatLimits(
        room_changes_per_second=settings.room_changes_per_second,
        room_burst=settings.room_changes_burst,
        user_changes_per_second=settings.user_changes_per_second,
        user_burst=settings.user_changes_burst,
        message_days=settings.message_days,
    )


def scratch(settings: Settings) -> Scratch:
    """For files while they are made."""
    return Scratch(settings.data_dir / SCRATCH_FOLDER)


def _file_rules(settings: Settings) -> sources.FileRules:
    limits = UploadLimits(
        video_bytes=settings.max_video_bytes,
        audio_bytes=settings.max_audio_bytes,
        image_bytes=settings.max_image_bytes,
        document_bytes=settings.max_document_bytes,
        recording_bytes=settings.max_recording_bytes,
        user_bytes=settings.storage_per_user_bytes,
        user_open=settings.open_uploads_per_user,
    )
    scanned = settings.malware_scan_queue_url is not None
    return sources.FileRules(limits, ("CHECK", "SCAN") if scanned else ("CHECK",), PROCESSED, scratch(settings))


def _secret(settings: Settings) -> bytes:
    """What seals positions of lists and links to playlists: the same in every process of a deployment."""
    if settings.cursor_secret is not None:
        return settings.cursor_secret.encode()
    return key_file.secret(settings.data_dir / CURSOR_SECRET_FILE)
