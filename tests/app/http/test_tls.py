"""HTTP over TLS, where a connection cannot be half closed and both sides say goodbye."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from app.local_tls import LocalTls, local_tls
from tests.app.http.conftest import Serve
from tests.app.http.test_connection import GOOD, statuses
from tests.waiting import PATIENCE_SECONDS


def certificate(folder: Path) -> LocalTls:
    return local_tls(folder / "tls", "127.0.0.1", datetime.now(UTC))


@contextlib.contextmanager
def client(port: int, tls: LocalTls) -> Iterator[ssl.SSLSocket]:
    """A connection on which nothing is read, and so nothing answered, unless it is asked for."""
    trust = ssl.create_default_context(cafile=tls.authority)
    with (
        socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as bare,
        trust.wrap_socket(bare, server_hostname="127.0.0.1") as secured,
    ):
        yield secured


def said_to(port: int, tls: LocalTls, request: bytes) -> bytes:
    with client(port, tls) as connection:
        connection.sendall(request)
        said = b""
        with contextlib.suppress(ssl.SSLEOFError):
            while part := connection.recv(65_536):
                said += part
        return said


async def test_a_refused_request_is_answered(serve: Serve, tmp_path: Path) -> None:
    tls = certificate(tmp_path)
    async with serve(certificate=tls) as site:
        assert statuses(await asyncio.to_thread(said_to, site.port, tls, b"nonsense\r\n\r\n")) == [400]
        assert [line for line in site.lines if line["level"] == "ERROR"] == []


async def test_a_client_that_does_not_say_goodbye_does_not_hold_up_the_end(serve: Serve, tmp_path: Path) -> None:
    tls = certificate(tmp_path)
    async with serve(certificate=tls, drain_seconds=300) as site:
        with contextlib.ExitStack() as stack:
            connection = await asyncio.to_thread(stack.enter_context, client(site.port, tls))
            await asyncio.to_thread(connection.sendall, GOOD)
            assert statuses(await asyncio.to_thread(connection.recv, 65_536)) == [200]
            site.terminate()
            await asyncio.wait_for(site.stopped, 20)
