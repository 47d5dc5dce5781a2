"""`serve`: the HTTP server, embedded or over AWS, until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import ipaddress
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import msgspec

from app import logs
from app.binding import BindingError
from app.cli.faults import Fault
from app.http.application import application
from app.http.dashboard import Dashboard
from app.http.graphiql import GraphiQL, Token
from app.http.health import Health
from app.http.requests import RequestReader
from app.local_tls import LocalTls, local_tls
from app.open_files import allow_many_files
from app.persisted import known_documents
from app.realtime.doorman import Doorman
from app.realtime.services import Services, socket_services
from app.seed import DEMO_GROUPS, DEMO_USER, seed
from app.server import bound_socket, new_event_loop, server
from app.settings import Settings
from app.telemetry.emf import written_lines
from app.telemetry.prometheus import served_metrics
from app.wiring import App, open_app, running
from datasources.local.files import FileStore

DEMO_TOKEN_SECONDS = 12 * 3600


def serve(chosen: argparse.Namespace) -> int:
    given = {name.upper(): value for name in ("host", "port", "tls") if (value := getattr(chosen, name))}
    settings = Settings.load({**os.environ, **given})
    access_log = logs.configure(settings.log_level, hold_seconds=logs.HOLD_SECONDS)
    allow_many_files()
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        try:
            runner.run(_serve(settings, access_log))
        except BindingError as error:
            raise Fault(str(error)) from error
        finally:
            access_log.flush()
    return 0


async def _serve(settings: Settings, access_log: logs.AccessLines) -> None:
    try:
        listener = bound_socket(settings.host, settings.port)
    except OSError as error:
        where = f"port {settings.port} of {settings.host}"
        raise Fault(f"Cannot listen on {where}: {error.strerror}. Choose another with PORT and HOST.") from error
    # Links to files name the port, which may have been chosen just now.
    settings = msgspec.structs.replace(settings, port=listener.getsockname()[1])
    with listener:
        async with open_app(settings) as app:
            if settings.seed_demo:
                await seed(app)
            health = Health(partial(_ready, app))
            graphiql = GraphiQL(_demo_token(settings, app)) if settings.graphiql else None
            requests = RequestReader(known_documents(settings))
            services = socket_services(app, settings, requests)
            dashboard = Dashboard(app.instruments) if settings.dashboard and _is_loopback(settings.host) else None
            counted = _watched(app, services, access_log)
            front = application(
                app,
                settings,
                health,
                issuer=app.issuer,
                graphiql=graphiql,
                access_log=counted,
                sockets=services,
                dashboard=dashboard,
                requests=requests,
                files=app.blobs if isinstance(app.blobs, FileStore) else None,
                playback=app.sources.playback,
            )
            doorman = Doorman(services, settings.cors_origins, settings.trusted_proxies, counted)
            tls = _tls(settings)
            async with (
                _metrics(settings, app) as metrics_port,
                written_lines(app.instruments, on=settings.metrics_emf),
                running(app, works=settings.workers),
            ):
                greet = partial(_greet, settings, tls, metrics_port)
                traced = front if app.tracing is None else app.tracing.front(front)
                await server(traced, health, settings, greet, doorman, tls).serve(sockets=[listener])
                access_log.flush()  # its lines are counted in the last metrics


def _watched(app: App, services: Services, access_log: logs.AccessLines) -> logs.AccessLog:
    """The access log, counted; what is only looked at now and then is made known to the instruments."""
    live, hub, sockets = app.realtime.live, app.realtime.hub, services.sockets
    app.instruments.watch(
        sockets=lambda: len(sockets),
        subscriptions=lambda: len(live),
        events_waiting=lambda: hub.waiting,
        messages_in=lambda: sockets.received,
    )
    return app.instruments.counted(access_log)


@asynccontextmanager
async def _metrics(settings: Settings, app: App) -> AsyncIterator[int | None]:
    async with AsyncExitStack() as stack:
        opened = served_metrics(app.instruments, settings.metrics_host, settings.metrics_port)
        try:
            port = await stack.enter_async_context(opened)
        except OSError as error:
            where = f"port {settings.metrics_port} of {settings.metrics_host}"
            raise Fault(f"Cannot listen on {where}: {error.strerror}. Choose another with METRICS_PORT.") from error
        yield port


async def _ready(app: App) -> None:
    """Returns when this process may be sent clients. Raises when the store or the other processes are out of reach."""
    await app.store.ready()
    await app.blobs.ready()
    if not app.realtime.hub.connected:
        raise RuntimeError("not connected to other processes")


def _demo_token(settings: Settings, app: App) -> Token | None:
    """Makes tokens for the demo user, for pages on this machine only; None when others can reach us."""
    issuer = app.issuer
    if issuer is None or not settings.seed_demo or not _is_loopback(settings.host):
        return None
    return lambda: issuer.token(DEMO_USER, DEMO_GROUPS, ttl=DEMO_TOKEN_SECONDS)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tls(settings: Settings) -> LocalTls | None:
    return local_tls(settings.data_dir / "tls", settings.host, datetime.now(UTC)) if settings.tls else None


def _greet(settings: Settings, tls: LocalTls | None, metrics_port: int | None) -> None:
    """Where to begin, for whoever started us."""
    site = settings.local_url
    where = site.partition("://")[2]
    lines = ["EduConnect is ready.", ""]
    if settings.graphiql:
        lines.append(f"  GraphiQL   {site}/graphiql")
    if settings.dashboard and _is_loopback(settings.host):
        lines.append(f"  Dashboard  {site}/dashboard")
    lines.append(f"  Endpoint   {site}/graphql")
    if metrics_port is not None:
        lines.append(f"  Metrics    http://{settings.metrics_host}:{metrics_port}/metrics")
    if tls is None:
        # In lower case its subscriptions, and those alone, would dial wss:// and find nobody.
        lines.append(f"  Amplify    HTTP://{where}/graphql, in capitals: so its subscriptions work without TLS")
    else:
        lines += [
            f"  Authority  {tls.authority.resolve()}",
            "             Node: NODE_EXTRA_CA_CERTS=<that file>; browsers: import it as a trusted authority",
        ]
    if settings.local_issuer:
        lines.append("  Token      ./dev app token ada --group Mentors")
    lines += ["  API key    ./dev app api-key", "", "Ctrl-C ends it.", ""]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
