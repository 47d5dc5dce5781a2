"""Connections to servers behind a proxy: HTTP's CONNECT, and TLS through what it opens."""

import asyncio
import base64
import ssl
from typing import Any
from urllib.parse import unquote, urlsplit

_MOST_BYTES = 16 * 1024


async def open_tunnel(protocol: asyncio.Protocol, proxy: str, host: str, port: int, trust: ssl.SSLContext) -> None:
    """Connects the protocol to the server, as `create_connection` does. The caller bounds the time.

    Args:
        proxy: its URL; the user and password in it are shown to it.

    Raises:
        OSError: proxy or server cannot be reached, or the proxy refuses.
    """
    parts = urlsplit(proxy)
    loop = asyncio.get_running_loop()
    asking = _Asking(_question(f"{host}:{port}", parts.username, parts.password))
    transport, _ = await loop.create_connection(lambda: asking, parts.hostname or "", parts.port or 80)
    try:
        await asking.granted
        secured = await loop.start_tls(transport, protocol, trust, server_hostname=host)
    except BaseException:
        transport.abort()
        raise
    if secured is None:
        raise ConnectionAbortedError("the tunnel was closed")
    protocol.connection_made(secured)


def _question(server: str, user: str | None, password: str | None) -> bytes:
    shown = ""
    if user is not None:
        secret = f"{unquote(user)}:{unquote(password or '')}".encode()
        shown = f"Proxy-Authorization: Basic {base64.b64encode(secret).decode()}\r\n"
    return f"CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n{shown}\r\n".encode()


class _Asking(asyncio.Protocol):
    """Asks the proxy. `granted` ends when it opens the tunnel."""

    def __init__(self, question: bytes) -> None:
        self._question = question
        self._answer = b""
        self.granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        transport.write(self._question)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, more = self._answer.partition(b"\r\n\r\n")
        if self.granted.done() or not (end or len(self._answer) > _MOST_BYTES):
            return
        _, status, *_ = [*head.split(b" ", 2), b""]
        if status == b"200" and not more:
            self.granted.set_result(None)
        else:
            self.granted.set_exception(ConnectionRefusedError("the proxy refuses"))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.granted.done():
            self.granted.set_exception(ConnectionAbortedError("the proxy does not answer"))
