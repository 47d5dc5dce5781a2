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


class Sender(msgspec.Struct, frozen=True):
    """What a request's headers show of whoever sends it.

    Attributes:
        digest: of the only credential; None where there is not just one.
        user_agent: the first; empty where there is none, or no digest.
    """

    digest: bytes | None
    user_agent: bytes


def sender_of(headers: Sequence[tuple[bytes, bytes]]) -> Sender:
    """Args: headers: with names in lower case."""
    by_name = dict(headers)
    if len(by_name) < len(headers):
        if sum(name in _CREDENTIALS for name, _ in headers) > 1:
            return Sender(None, b"")
        by_name = dict(reversed(headers))
    key, token = by_name.get(b"x-api-key"), by_name.get(b"authorization")
    digest = None
    if token is None and key is not None:
        digest = hashlib.sha256(b"x-api-key" + key).digest()
    elif key is None and token is not None:
        digest = hashlib.sha256(b"authorization" + token).digest()
    return Sender(digest, by_name.get(b"user-agent", b""))


class RecentCallers:
    """Spares the next requests with a token or an API key of being decoded and verified.

    Only for a credential that stands in one header alone and means the same wherever it is sent. What is kept is its
    digest.

    Args:
        clock: epoch seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._callers: ExpiringCache[bytes, tuple[Caller, bytes], float] = ExpiringCache(SIZE)

    def find(self, sender: Sender, ip_address: str | None) -> Caller | None:
        """The caller, as of a request of this sender from this address; None: the credential has to be checked."""
        found = None if sender.digest is None else self._callers.get(sender.digest, self._clock())
        if found is None:
            return None
        caller, known_agent = found
        if sender.user_agent == known_agent and ip_address == caller.ip_address:
            return caller
        user_agent = sender.user_agent.decode("latin-1")[:MAX_USER_AGENT_CHARACTERS] or None
        return msgspec.structs.replace(caller, ip_address=ip_address, user_agent=user_agent)

    def remember(self, sender: Sender, caller: Caller, until: float) -> None:
        """
        Args:
            caller: as of a request of this sender.
            until: when the credential has to be checked again, at the latest; epoch seconds.
        """
        now = self._clock()
        if sender.digest is not None:
            known = caller, sender.user_agent
            self._callers.put(sender.digest, known, since=now, until=min(until, now + SECONDS))

    def forget(self) -> None:
        self._callers.clear()
