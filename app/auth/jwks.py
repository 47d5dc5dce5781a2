"""An issuer's public keys: where they come from, and which of them may verify what.

A token names its key by `kid` and nothing else about the key is taken from a token, ever.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from app.auth.shared_call import SharedCall
from domain.errors import DomainError, dependency_failed

RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
CURVE_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
RSA_BITS = range(2048, 8193)

MAX_KEYS = 100
FRESH_SECONDS = 600
PAUSE_SECONDS = 10
"""Least time between two fetches. It is the penalty of unknown kids: a flood of them costs one fetch in it."""


class VerificationKey(msgspec.Struct, frozen=True):
    """A public key and the algorithms that it may verify."""

    public_key: RSAPublicKey | EllipticCurvePublicKey
    algorithms: frozenset[str]


class KeySet(Protocol):
    """An issuer's keys by their id."""

    async def key(self, kid: str) -> VerificationKey | None: ...


class FixedKeys:
    """Keys that are known from the start, as the local issuer's."""

    def __init__(self, keys: dict[str, VerificationKey]) -> None:
        self._keys = keys

    async def key(self, kid: str) -> VerificationKey | None:
        return self._keys.get(kid)


class RemoteKeys:
    """Keys fetched from an issuer, kept for 10 minutes, and used for longer while it does not answer.

    A kid that is known never waits: old keys are renewed behind its back. One that is not known waits for
    a fetch (3 seconds at most, shared by all who need it) unless there was one within 10 seconds.

    Args:
        fetch: gives the key set document, or raises DomainError DEPENDENCY_FAILED.
        clock: epoch seconds.
    """

    def __init__(self, fetch: Callable[[], Awaitable[bytes]], clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, VerificationKey] = {}
        self._stale_at = self._next_fetch_at = float("-inf")
        self._refreshing = SharedCall(self._refresh)

    async def key(self, kid: str) -> VerificationKey | None:
        now = self._clock()
        known = self._keys.get(kid)
        if known is not None:
            if now >= self._stale_at and now >= self._next_fetch_at:
                self._refreshing.start()
            return known
        if self._refreshing.running or now >= self._next_fetch_at:
            await self._refreshing.result()
        return self._keys.get(kid)

    async def _refresh(self) -> None:
        self._next_fetch_at = self._clock() + PAUSE_SECONDS
        try:
            keys = parse_key_set(await self._fetch())
        except DomainError:
            return
        if keys:
            self._keys = keys
            self._stale_at = self._clock() + FRESH_SECONDS


class _Jwk(msgspec.Struct, frozen=True):
    kty: str
    kid: str
    use: str = "sig"
    key_ops: tuple[str, ...] = ("verify",)
    alg: str | None = None
    n: str | None = None
    e: str | None = None
    crv: str | None = None
    x: str | None = None
    y: str | None = None


class _KeySetDocument(msgspec.Struct, frozen=True):
    keys: list[Any]


def parse_key_set(document: bytes) -> dict[str, VerificationKey]:
    """The usable public keys of a JWKS by kid; what is not for verifying signatures is left out.

    Raises:
        DomainError: DEPENDENCY_FAILED when it is no JWKS.
    """
    try:
        entries = msgspec.json.decode(document, type=_KeySetDocument).keys
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise dependency_failed("The token issuer") from None
    keys: dict[str, VerificationKey] = {}
    for entry in entries[:MAX_KEYS]:
        try:
            jwk = msgspec.convert(entry, _Jwk)
        except msgspec.ValidationError:
            continue
        key = _verification_key(jwk)
        if key is not None:
            keys.setdefault(jwk.kid, key)
    return keys


def _verification_key(jwk: _Jwk) -> VerificationKey | None:
    if jwk.use != "sig" or "verify" not in jwk.key_ops:
        return None
    # Only the public members are read, whatever else an issuer publishes by mistake.
    if jwk.kty == "RSA":
        members, possible = {"n": jwk.n, "e": jwk.e}, RSA_ALGORITHMS
    elif jwk.kty == "EC" and jwk.crv in CURVE_ALGORITHMS:
        members, possible = {"crv": jwk.crv, "x": jwk.x, "y": jwk.y}, frozenset({CURVE_ALGORITHMS[jwk.crv]})
    else:
        return None
    algorithms = possible if jwk.alg is None else possible & {jwk.alg}
    if not algorithms or None in members.values():
        return None
    try:
        public_key = jwt.PyJWK({"kty": jwk.kty, **members}, algorithm=min(algorithms)).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if isinstance(public_key, RSAPublicKey):
        return VerificationKey(public_key, algorithms) if public_key.key_size in RSA_BITS else None
    return VerificationKey(public_key, algorithms) if isinstance(public_key, EllipticCurvePublicKey) else None
