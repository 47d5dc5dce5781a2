"""What a client shows to sign in, as it came over the wire, and what it asks for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

MAX_USER_AGENT_CHARACTERS = 256


class Credentials:
    """One request, or a socket's claim of being one. Its repr shows no header and no body.

    Attributes:
        method, path, query: of the request line, undecoded; `query` without its question mark.
        body: the bytes as sent.
        ip_address: the client's, after trusted proxies.
        request_id: for the Lambda authorizer's event.
        wire: the headers of an HTTP request as they came; empty for a socket's claim.
    """

    __slots__ = ("_headers", "body", "ip_address", "method", "path", "query", "request_id", "wire")

    def __init__(
        self,
        method: str,
        path: str,
        query: str = "",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        ip_address: str | None = None,
        request_id: str = "",
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.body = body
        self.ip_address = ip_address
        self.request_id = request_id
        self._headers: tuple[tuple[str, str], ...] | None = tuple(headers)
        self.wire: Sequence[tuple[bytes, bytes]] = ()

    @classmethod
    def of_request(
        cls,
        method: str,
        path: bytes,
        query: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        *,
        ip_address: str | None,
        request_id: str,
    ) -> "Credentials":
        """From what an ASGI server gives: `raw_path`, `query_string`, and `headers`, names in lower case."""
        shown = cls(method, path.decode("latin-1"), query.decode("latin-1"), (), body, ip_address, request_id)
        shown._headers, shown.wire = None, headers
        return shown

    def __repr__(self) -> str:
        return f"Credentials({self.method} {self.path}, {self.request_id or 'without id'})"

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Lower-case names and values in order, repeated ones kept; latin-1 decoded, so that encoding them as latin-1
        gives the bytes of the wire.
        """
        if self._headers is None:
            self._headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in self.wire)
        return self._headers

    def values(self, name: str) -> list[str]:
        """All values of a header, given its lower-case name, in order."""
        return [value for key, value in self.headers if key == name]

    def value(self, name: str) -> str | None:
        """A header's one value; None when it is absent, empty, or sent with different values.

        Clients repeat a credential in two spellings of the header's name; two credentials are a doubt
        that is resolved against the sender.
        """
        values = self.values(name)
        if len(set(values)) != 1:
            return None
        return values[0].strip() or None

    @property
    def user_agent(self) -> str | None:
        agent = next(iter(self.values("user-agent")), "")
        return agent[:MAX_USER_AGENT_CHARACTERS] or None


class Operation(msgspec.Struct, frozen=True):
    """What the credentials are shown for, as a Lambda authorizer is told."""

    query: str = ""
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None


ReadOperation = Callable[[], Operation]
"""Gives the operation when a Lambda authorizer has to be asked; may raise what the body deserves."""
