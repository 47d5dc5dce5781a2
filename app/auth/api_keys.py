"""The API key mode: is this text a live key?"""

import math
from collections.abc import Callable, Iterable

from app.auth.shared_call import SharedCall
from datasources.api_keys import ApiKeys, key_hash, key_id
from domain.callers import Caller, Mode
from domain.rate import RateLimiter
from domain.times import from_epoch, moment

CACHE_SECONDS = 30
FRESH_SECONDS = 3
UNKNOWN_KEY_SECONDS = 1
UNKNOWN_KEY_BURST = 10
"""Keys that were just made work at once, and a flood of wrong keys costs one read a second."""


class ApiKeyVerifier:
    """Keys of the settings and of the store; the latter are read at least every 30 seconds.

    An unknown key makes them be read anew, ten times in a row, then once a second.

    Args:
        fixed: keys that do not expire.
        clock: epoch seconds.
    """

    def __init__(self, fixed: Iterable[str], stored: ApiKeys, clock: Callable[[], float]) -> None:
        self._fixed = {digest: Caller(Mode.API_KEY, key_id=key_id(digest)) for digest in map(key_hash, fixed)}
        self._stored = stored
        self._clock = clock
        self._keys: dict[str, tuple[Caller, float]] = {}
        self._read_at = float("-inf")
        self._reading = SharedCall(self._read)
        self._looks = RateLimiter(1 / UNKNOWN_KEY_SECONDS, UNKNOWN_KEY_BURST, clock)

    async def verify(self, key: str) -> Caller | None:
        """None when it is no live key.

        Raises:
            DomainError: the store cannot be read, and what was read is too old to trust.
        """
        digest = key_hash(key)
        if digest in self._fixed:
            return self._fixed[digest]
        if self._clock() - self._read_at >= CACHE_SECONDS or (digest not in self._keys and self._may_look()):
            await self._reading.result()
        caller, expiry = self._keys.get(digest, (None, 0.0))
        return caller if self._clock() < expiry else None

    async def accepts(self, id: str) -> bool:
        """Whether the key of this id is live, by what was read at most 3 seconds ago. Raises DomainError."""
        if id in map(key_id, self._fixed):
            return True
        if self._clock() - self._read_at >= FRESH_SECONDS:
            await self._reading.result()
        return any(key_id(digest) == id and self._clock() < expiry for digest, (_, expiry) in self._keys.items())

    def good_until(self, caller: Caller) -> float:
        """When the key of this caller, which is live now, has to be looked at again."""
        if caller.expires_at is None:
            return math.inf
        return min(moment(caller.expires_at).timestamp(), self._read_at + CACHE_SECONDS)

    def _may_look(self) -> bool:
        return self._reading.running or not self._looks.wait("an unknown key")

    def forget(self) -> None:
        self._keys = {}
        self._read_at = float("-inf")

    async def _read(self) -> None:
        begun = self._clock()
        keys = await self._stored.list(from_epoch(begun))
        self._keys = {
            key.hash: (
                Caller(Mode.API_KEY, key_id=key.id, expires_at=key.expires_at),
                moment(key.expires_at).timestamp(),
            )
            for key in keys
        }
        self._read_at = begun
