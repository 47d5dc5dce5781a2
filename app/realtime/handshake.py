"""The opening of a WebSocket connection (RFC 6455, section 4): what the client says, and what it is answered."""

import logging
from http import HTTPStatus

import msgspec
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

SILENT = logging.getLogger("educonnect.websocket")
SILENT.disabled = True  # every connection's end would be a line
_OFFER = "sec-websocket-protocol"


class Handshake(msgspec.Struct, frozen=True):
    """What the client said to be let in.

    Attributes:
        query: undecoded, without its question mark.
        headers: lower-case names and values, in order.
        ip_address: the client's, after trusted proxies.
    """

    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    ip_address: str | None
    request_id: str

    def values(self, name: str) -> list[str]:
        """Of a header, given its lower-case name."""
        return [value for key, value in self.headers if key == name]

    @property
    def protocols(self) -> list[str]:
        """The sub-protocols offered, in order. Base64 among them need be no token, which `websockets` would refuse."""
        values = (part.strip() for value in self.values(_OFFER) for part in value.split(","))
        return [each for each in values if each]


class Refused(Exception):
    """Nobody is let in. `response` says why to whoever wrote the client."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.reason_phrase)
        self.response = response


def refused(status: HTTPStatus, message: str) -> Refused:
    return Refused(_negotiation().reject(status, f"{message}\n"))


def accepted(handshake: Handshake, protocol: str) -> Response:
    """The answer after which both sides speak this sub-protocol. Raises Refused for what is no valid handshake."""
    kept = [(name, value) for name, value in handshake.headers if name != _OFFER]  # it is read already, see there
    response = _negotiation(protocol).accept(Request(handshake.path, Headers(kept)))
    if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        raise Refused(response)
    return response


def _negotiation(protocol: str | None = None) -> ServerProtocol:
    return ServerProtocol(select_subprotocol=lambda *_: protocol, logger=SILENT)  # type: ignore[arg-type] # plain text
