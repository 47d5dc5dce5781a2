"""Whom the headers of a request named a moment ago."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import msgspec

from app.auth.credentials import MAX_USER_AGENT_CHARACTERS
from datasources.recent import ExpiringCache
from domain.callers import Caller

SIZE = 10_000
SECONDS = 30

_CREDENTIALS = frozenset({b"authorization", b"x-api-key"})


class RecentCallers:
    """Spares the next requests with a token or an API key of being decoded and verified.

    Only for a credential that stands in one header alone and means the same wherever it is sent. What is kept is its
    digest. Headers are `named`.

    Args:
        clock: epoch seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._callers: ExpiringCache[bytes, tuple[Caller, bytes], float] = ExpiringCache(SIZE)

    def find(self, headers: Mapping[bytes, bytes], ip_address: str | None) -> Caller | None:
        """The caller, as of a request with these headers from this address; None: the credential has to be checked."""
        digest = _digest(headers)
        found = None if digest is None else self._callers.get(digest, self._clock())
        if found is None:
            return None
        caller, known_agent = found
        agent = headers.get(b"user-agent", b"")
        if agent == known_agent and ip_address == caller.ip_address:
            return caller
        user_agent = agent.decode("latin-1")[:MAX_USER_AGENT_CHARACTERS] or None
        return msgspec.structs.replace(caller, ip_address=ip_address, user_agent=user_agent)

    def remember(self, headers: Mapping[bytes, bytes], caller: Caller, until: float) -> None:
        """
        Args:
            caller: as of a request with these headers.
            until: when the credential has to be checked again, at the latest; epoch seconds.
        """
        digest, now = _digest(headers), self._clock()
        if digest is not None:
            known = caller, headers.get(b"user-agent", b"")
            self._callers.put(digest, known, since=now, until=min(until, now + SECONDS))

    def forget(self) -> None:
        self._callers.clear()


def named(headers: Sequence[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    """Headers by name, the first of each; nothing at all where more than one is a credential."""
    if sum(name in _CREDENTIALS for name, _ in headers) > 1:
        return {}
    return dict(reversed(headers))


def _digest(headers: Mapping[bytes, bytes]) -> bytes | None:
    """Of the only credential; None where there is not just one."""
    key, token = headers.get(b"x-api-key"), headers.get(b"authorization")
    if token is None and key is not None:
        shown = b"x-api-key" + key
    elif key is None and token is not None:
        shown = b"authorization" + token
    else:
        return None
    return hashlib.sha256(shown).digest()
