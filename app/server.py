"""The process: one event loop, uvicorn around the ASGI application, and an orderly end."""

import asyncio
import functools
import gc
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from app.garbage import collect_seldom
from app.http.bounds import Bounds
from app.http.connection import Connection
from app.http.deadlines import Deadlines
from app.http.health import Health
from app.local_tls import LocalTls
from app.realtime.doorman import Doorman
from app.realtime.sockets import Sockets
from app.settings import Settings

DEAD_MILLISECONDS = 60_000
"""Without an answer from the client's machine to what was sent to it, it is gone."""


class Server(uvicorn.Server):
    """uvicorn's server, which on SIGTERM first says that it is not ready, and then ends with status 0.

    Args:
        notice_seconds: how long load balancers have to see that before connections are refused.
        started: called once connections are accepted.
        sockets: are told to come again elsewhere; None when there are none.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        health: Health,
        notice_seconds: float,
        started: Callable[[], None],
        sockets: Sockets | None,
    ) -> None:
        super().__init__(config)
        self._health = health
        self._sockets = sockets
        self._notice_seconds = notice_seconds
        self._when_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What was made at start lives as long as the process: the collector need not look at it again.
        gc.freeze()
        collect_seldom()
        self._when_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """As uvicorn's, but the signal is not raised again at the end, which would be a failed exit."""
        self._health.drain()
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        else:
            self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.sleep(self._notice_seconds)
        async with asyncio.TaskGroup() as ends:
            if self._sockets is not None:
                ends.create_task(self._sockets.drain(self.config.timeout_graceful_shutdown or 0))
            ends.create_task(super().shutdown(sockets))


def bound_socket(host: str, port: int) -> socket.socket:
    """Has its port, but refuses connections until the server is ready. Raises OSError when the port is taken."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux's, and every connection has it from the socket that listens
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_MILLISECONDS)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def server(
    application: ASGIApp,
    health: Health,
    settings: Settings,
    started: Callable[[], None] = lambda: None,
    doorman: Doorman | None = None,
    tls: LocalTls | None = None,
) -> Server:
    """uvicorn set up for us; `await server(...).serve(sockets=[bound_socket(...)])` runs it to the end.

    Args:
        doorman: takes those who ask for a WebSocket; None when nobody is to.
        tls: None for plain HTTP, as behind a load balancer.
    """
    bounds = Bounds(
        header_seconds=settings.header_seconds,
        body_seconds=settings.body_seconds,
        keep_alive_seconds=settings.keep_alive_seconds,
        header_bytes=settings.max_header_bytes,
        connections=settings.max_connections,
    )
    config = uvicorn.Config(
        application,
        http=functools.partial(  # type: ignore[arg-type] # any factory will do
            Connection,
            bounds=bounds,
            deadlines=Deadlines(bounds.shortest_seconds),
            upgrade=doorman.upgrade if doorman else None,
        ),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        ssl_certfile=None if tls is None else tls.server,
        timeout_graceful_shutdown=settings.drain_seconds,
    )
    return Server(config, health, settings.drain_notice_seconds, started, doorman.sockets if doorman else None)


def new_event_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # does not exist on Windows

    return uvloop.new_event_loop()
