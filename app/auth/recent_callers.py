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
        digest, agent = _read(headers)
        caller = None if digest is None else self._callers.get(digest, self._clock())
        if caller is None:
            return None
        user_agent = agent.decode("latin-1")[:MAX_USER_AGENT_CHARACTERS] or None
        return msgspec.structs.replace(caller, ip_address=ip_address, user_agent=user_agent)

    def remember(self, headers: Headers, caller: Caller, until: float) -> None:
        """Args: until: when the credential has to be checked again, at the latest; epoch seconds."""
        digest, _ = _read(headers)
        now = self._clock()
        if digest is not None:
            self._callers.put(digest, caller, since=now, until=min(until, now + SECONDS))

    def forget(self) -> None:
        self._callers.clear()


def _read(headers: Headers) -> tuple[bytes | None, bytes]:
    """The digest of the only credential, or None, and the first user agent."""
    by_name = dict(reversed(headers))
    key, token = by_name.get(b"x-api-key"), by_name.get(b"authorization")
    if len(by_name) < len(headers) and sum(name in _CREDENTIALS for name, _ in headers) > 1:
        return None, b""
    if token is None and key is not None:
        shown = b"x-api-key" + key
    elif token is not None and key is None:
        shown = b"authorization" + token
    else:
        return None, b""
    return hashlib.sha256(shown).digest(), by_name.get(b"user-agent", b"")
