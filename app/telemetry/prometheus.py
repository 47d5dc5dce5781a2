"""`/metrics` in Prometheus' words, at an address of its own, which is never the API's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import start_http_server

from app.telemetry.instruments import Instruments


@asynccontextmanager
async def served_metrics(instruments: Instruments, host: str, port: int | None) -> AsyncIterator[int | None]:
    """Served by a thread until the context ends; at which port, None where nobody asked for it.

    Args:
        port: 0 takes a free one; None serves nothing.

    Raises:
        OSError: the port is taken.
    """
    if port is None:
        yield None
        return
    server, thread = start_http_server(port, host, registry=instruments.registry)
    try:
        yield server.server_port
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        await asyncio.to_thread(thread.join)
