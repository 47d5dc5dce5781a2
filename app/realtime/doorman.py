"""Who may open a socket, and which protocol will be spoken on it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.logs import AccessLine, AccessLog
from app.realtime.appsync_socket import AppSyncSession
from app.realtime.handshake import Handshake
from app.realtime.services import Services
from app.realtime.session import Session
from app.realtime.transport_ws import TransportSession
from app.realtime.websocket import PATHS, WebSocket

PROTOCOLS: Mapping[str, type[Session]] = {"graphql-ws": AppSyncSession, "graphql-transport-ws": TransportSession}


class Doorman:
    """One a process.

    Args:
        origins: `("*",)` for any, else exact web origins. Who sends none is no browser, and may come in.
        proxies: addresses and networks whose word counts for a client's address.
    """

    def __init__(
        self, services: Services, origins: Sequence[str], proxies: Sequence[str], access_log: AccessLog
    ) -> None:
        self.sockets = services.sockets
        self._services = services
        self._origins = frozenset(origins)
        # As for HTTP, where uvicorn calls it; here only its knowledge of addresses is needed.
        self._proxies = ProxyHeadersMiddleware(_nothing, list(proxies)).trusted_hosts if proxies else ()
        self._access_log = access_log

    def upgrade(
        self, transport: asyncio.Transport, target: bytes, headers: Sequence[tuple[bytes, bytes]]
    ) -> asyncio.Protocol:
        """Takes over a connection: answers the handshake and returns the protocol that goes on with it."""
        path, _, query = target.decode("latin-1").partition("?")
        said = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers)
        peer = transport.get_extra_info("peername")
        address = self._address_of(peer[0] if isinstance(peer, tuple) else None, said)
        socket = WebSocket(self, transport, Handshake(path, query, said, address, str(uuid4())))
        transport.set_protocol(socket)
        socket.open()
        return socket

    def allows_origin(self, origin: str | None) -> bool:
        return origin is None or "*" in self._origins or origin in self._origins

    def protocol_of(self, offered: Sequence[str]) -> str | None:
        return next((each for each in offered if each in PROTOCOLS), None)

    def session(self, protocol: str, socket: WebSocket) -> Session:
        return PROTOCOLS[protocol](socket, self._services)

    def tell(self, handshake: Handshake, status: int) -> None:
        line = _line(handshake)
        line.status = status
        self._access_log(line)

    def tell_of_end(self, handshake: Handshake, code: int | None, seconds: float) -> None:
        line = _line(handshake)
        line.closed, line.seconds = code, round(seconds, 1)
        self._access_log(line)

    def _address_of(self, peer: str | None, headers: tuple[tuple[str, str], ...]) -> str | None:
        forwarded = ", ".join(value for name, value in headers if name == "x-forwarded-for")
        if isinstance(self._proxies, tuple) or peer not in self._proxies or not forwarded:
            return peer
        return self._proxies.get_trusted_client_address(forwarded)[0] or peer


def _line(handshake: Handshake) -> AccessLine:
    path = handshake.path if handshake.path in PATHS else "elsewhere"
    return AccessLine(request_id=handshake.request_id, method="GET", path=path, socket=True)


async def _nothing(*_: Any) -> None:
    """The application of a middleware that is never called."""
