"""The composition root: turns settings into the running product. Engines and sign-in have files of their own."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from functools import partial

import msgspec
from graphql import GraphQLSchema

from app.auth.authenticator import Authenticator
from app.auth.credentials import Credentials, ReadOperation
from app.auth.local_issuer import LocalIssuer
from app.auth.recent_callers import Sender
from app.change_route import followers, open_change_route
from app.clock import now
from app.documents import Operation
from app.execution import Answer, Executor, GraphQLRequest, Observe
from app.gate import Gate
from app.inbox import Inbox, InboxReader
from app.malware_scans import open_scans
from app.media_engines import open_media_engines
from app.plans.cache import Plans
from app.presence_steps import heard, tell
from app.process_name import holder
from app.product import bound_schema, open_product, operation_limits
from app.realtime.presence_keeper import PresenceKeeper
from app.realtime.realtime import RealTime
from app.repairs import MARKS, repair_steps
from app.second_tries import second_tries
from app.settings import Settings
from app.sign_in import open_authenticator, open_issuer
from app.steps import product_steps
from app.telemetry.instruments import Instruments
from app.telemetry.observed_store import ObservedStore
from app.telemetry.tracing import Tracing, open_tracing
from app.ways_out import open_senders
from app.workers import Workers
from datasources.accounts import Accounts
from datasources.blobs import BlobStore
from datasources.connections import Connections
from datasources.ports import RecordStore
from domain.callers import Caller
from resolvers import registry
from resolvers.context import Context, Sources

CURSOR_SECRET_FILE = "cursor-secret"  # noqa: S105 - a file's name, no secret

log = logging.getLogger(__name__)


class App(msgspec.Struct, frozen=True):
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
    instruments: Instruments
    tracing: Tracing | None

    # Awaitables of others are handed on as they are: every request passes here.

    def recognize(self, sender: Sender, ip_address: str | None) -> Caller | None:
        return self.authenticator.recognize(sender, ip_address)

    def identify(self, credentials: Credentials, operation: ReadOperation) -> Awaitable[Caller]:
        return self.authenticator.authenticate(credentials, operation=operation)

    def admit(self, caller: Caller) -> Awaitable[Caller]:
        return self.accounts.admit(caller)

    def execute(self, request: GraphQLRequest, caller: Caller, request_id: str) -> Awaitable[Answer]:
        return self.executor.execute(request, self.context(caller), request_id)


@asynccontextmanager
async def open_app(settings: Settings, tracing: Tracing | None = None) -> AsyncIterator[App]:
    """The whole product over its engines, until the context ends; its workers do not run yet.

    Args:
        tracing: makes spans; None: the settings say whether there are any.

    Raises:
        SettingsFault: a setting turns out to be wrong when it is used.
        OSError: DATA_DIR cannot be written.
        BindingError: the schema and its resolvers do not fit.
    """
    issuer = await open_issuer(settings)
    instruments = Instruments()
    async with (
        open_tracing(settings) if tracing is None else nullcontext(tracing) as tracing,
        open_product(settings, _observed(instruments, tracing), instruments) as product,
        open_authenticator(settings, product.store, issuer) as authenticator,
        open_senders(settings, product.store, now) as senders,
        open_scans(settings) as scans,
        open_change_route(settings) as route,
        open_media_engines(settings, product.blobs) as media_engines,
    ):
        store, accounts = product.store, product.accounts
        resolvers = registry if tracing is None else tracing.resolvers(registry)
        schema = bound_schema(authenticator.user_modes, resolvers)
        plans = Plans(schema) if settings.execution == "plans" else None
        bus_url = settings.redis_url or "memory://"
        realtime = RealTime(schema, authenticator.user_modes, bus_url, MARKS, plans, instruments.handed_out)
        executor = _executor(settings, schema, realtime, plans, _observer(instruments, tracing))
        context = product.contexts(realtime.publish, realtime.recheck)
        realtime.connect(executor, context, Gate(authenticator, accounts), now)
        publish = realtime.publish_and_wait
        steps = [
            *product_steps(
                product,
                senders,
                scans,
                media_engines,
                publish=publish,
                recheck=realtime.recheck,
                heard=partial(heard, realtime.ledger),
            ),
            *repair_steps(publish, realtime.ledger, now),
        ]
        if tracing is not None:
            steps = [tracing.step(step) for step in steps]
        following = followers(steps)
        led = [*route.led(steps, tracing.step if tracing else None), second_tries(store, following, now)]
        inbox = Inbox(store, following, now)
        yield App(
            store=product.engine,
            sources=product.sources,
            workers=Workers(store, led, now, holder(), watcher=instruments),
            inbox=None if route.queue is None else InboxReader(store, route.queue, inbox),
            issuer=issuer,
            authenticator=authenticator,
            accounts=accounts,
            executor=executor,
            context=context,
            realtime=realtime,
            blobs=product.blobs,
            presence=_presence_keeper(store, product.sources, realtime),
            instruments=instruments,
            tracing=tracing,
        )


@asynccontextmanager
async def running(app: App, *, works: bool = True) -> AsyncIterator[None]:
    """Events delivered, and the workers at work unless others are to do that, until the context ends."""
    async with app.realtime.running(), app.presence.running():
        tasks = [asyncio.create_task(app.workers.run(), name="workers")] if works else []
        if works and app.inbox is not None:
            tasks.append(asyncio.create_task(app.inbox.run(), name="inbox"))
        for task in tasks:
            task.add_done_callback(_tell_of_end)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _observed(instruments: Instruments, tracing: Tracing | None) -> Callable[[RecordStore], RecordStore]:
    span = None if tracing is None else tracing.store_call
    return lambda store: ObservedStore(store, instruments.store_call, span)


def _observer(instruments: Instruments, tracing: Tracing | None) -> Observe:
    if tracing is None:
        return instruments.operation
    traces = tracing

    def observe(operation: Operation | None, answer: Answer, seconds: float) -> None:
        instruments.operation(operation, answer, seconds)
        traces.operation(operation, answer, seconds)

    return observe


def _executor(
    settings: Settings, schema: GraphQLSchema, realtime: RealTime, plans: Plans | None, observe: Observe
) -> Executor:
    return Executor(
        schema,
        limits=operation_limits(settings),
        introspection=bool(settings.introspection),
        seconds=settings.request_seconds,
        mutated=realtime.mutated,
        plans=plans,
        observe=observe,
    )


def _presence_keeper(store: RecordStore, built: Sources, realtime: RealTime) -> PresenceKeeper:
    keeper = PresenceKeeper(
        Connections(store), built.presence, partial(tell, built.settings, realtime.publish), now, holder
    )
    realtime.connected.came, realtime.connected.went = keeper.opened, keeper.closed
    return keeper


def _tell_of_end(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("the workers have ended", exc_info=task.exception())
