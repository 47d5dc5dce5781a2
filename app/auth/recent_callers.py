"""Whom the headers of a request named a moment ago."""

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from app.auth.credentials import MAX_USER_AGENT_CHARACTERS
from datasources.recent import ExpiringCache
from domain.callers import Caller

SIZE = 10_000
SECONDS = 30

_CREDENTIALS = frozenset({b"authorization", b"x-api-key"})

Headers = Sequence[tuple[bytes, bytes]]


class RecentCallers:
    """Spares the next requests with a token or an API key of being decoded and verified.

    Only for a credential that stands in one header alone and means the same wherever it is sent. What is kept is its
    digest.

    Args:
        clock: epoch seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._callers: ExpiringCache[bytes, Caller, float] = ExpiringCache(SIZE)

    def find(self, headers: Headers, ip_address: str | None) -> Caller | None:
        """The caller, as of a request with these headers from this address; None: the credential has to be checked."""
        digest = _digest(headers)
        caller = None if digest is None else self._callers.get(digest, self._clock())
        if caller is None:
            return None
        agent = None
        for name, value in headers:
            if name == b"user-agent":
                agent = value.decode("latin-1")[:MAX_USER_AGENT_CHARACTERS] or None
                break
        return msgspec.structs.replace(caller, ip_address=ip_address, user_agent=agent)

    def remember(self, headers: Headers, caller: Caller, until: float) -> None:
        """Args: until: when the credential has to be checked again, at the latest; epoch seconds."""
        digest, now = _digest(headers), self._clock()
        if digest is not None:
            self._callers.put(digest, caller, since=now, until=min(until, now + SECONDS))

    def forget(self) -> None:
        self._callers.clear()


def _digest(headers: Headers) -> bytes | None:
    shown = [header for header in headers if header[0] in _CREDENTIALS]
    if len(shown) != 1:
        return None
    [(name, value)] = shown
    return hashlib.sha256(name + value).digest()
