"""The JWT modes: Cognito user pools and OpenID Connect.

A token is bad until everything holds: its issuer is configured, its signature is by one of that issuer's
keys under an asymmetric algorithm, and its claims say that it is for one of our clients, now.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import jwt
import msgspec

from app.auth.claims import USER_ID, Claims, caller_of, is_for_a_client
from app.auth.config import JwtProvider
from app.auth.errors import BAD_TOKEN, EXPIRED_TOKEN, Unauthenticated
from app.auth.jwks import CURVE_ALGORITHMS, RSA_ALGORITHMS, KeySet
from datasources.recent import ExpiringCache
from domain.callers import Caller, Mode

MAX_TOKEN_CHARACTERS = 8 * 1024
ALGORITHMS = {
    Mode.COGNITO: frozenset({"RS256"}),
    Mode.OIDC: RSA_ALGORITHMS | frozenset(CURVE_ALGORITHMS.values()),
}
LEEWAY_SECONDS = 10
"""How far an issuer's clock may be ahead of ours. The end of a token is its end: `exp` has no leeway."""
REMEMBERED_TOKENS = 10_000
REMEMBERED_SECONDS = 600
"""A verified token is checked anew after this, so that a key that its issuer withdrew stops working."""

_UNPARSABLE = (msgspec.MsgspecError, jwt.PyJWTError, ValueError, RecursionError)


class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class _Issuer(msgspec.Struct, frozen=True):
    iss: str


class TokenVerifier:
    """Tokens of the configured providers.

    Args:
        providers: each with its keys; issuers differ.
        clock: epoch seconds.
    """

    def __init__(self, providers: Mapping[JwtProvider, KeySet], clock: Callable[[], float]) -> None:
        self._providers = {provider.issuer: (provider, keys) for provider, keys in providers.items()}
        self._clock = clock
        self._verified: ExpiringCache[bytes, Caller, float] = ExpiringCache(REMEMBERED_TOKENS)

    async def verify(self, token: str) -> Caller | None:
        """The caller; None when the text is no JWT of a configured issuer.

        Raises:
            Unauthenticated: it names a configured issuer and is bad or expired.
        """
        if len(token) > MAX_TOKEN_CHARACTERS:
            return None
        digest = hashlib.sha256(token.encode()).digest()
        remembered = self._verified.get(digest, self._clock())
        if remembered is not None:
            return remembered
        issuer = _issuer_of(token)
        if issuer not in self._providers:
            return None
        provider, keys = self._providers[issuer]
        payload = await _signed_payload(token, provider, keys)
        try:
            everything = msgspec.json.decode(payload, type=dict[str, Any])
            claims = msgspec.convert(everything, Claims)
        except _UNPARSABLE:
            raise Unauthenticated(BAD_TOKEN) from None
        now = self._clock()
        _check(claims, provider, now)
        caller = caller_of(provider.mode, claims, everything, provider.groups_claim)
        self._verified.put(digest, caller, since=now, until=min(claims.exp, now + REMEMBERED_SECONDS))
        return caller

    def forget(self) -> None:
        self._verified.clear()


def _issuer_of(token: str) -> str | None:
    """Whose token it says it is; only decides who has to verify that."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        return msgspec.json.decode(jwt.utils.base64url_decode(parts[1]), type=_Issuer).iss
    except _UNPARSABLE:
        return None


async def _signed_payload(token: str, provider: JwtProvider, keys: KeySet) -> bytes:
    """The payload, of which the signature says that the provider wrote it."""
    try:
        header = msgspec.json.decode(jwt.utils.base64url_decode(token.partition(".")[0]), type=_Header)
    except _UNPARSABLE:
        raise Unauthenticated(BAD_TOKEN) from None
    # Before the key is asked for: what cannot be verified costs no fetch.
    if header.alg not in ALGORITHMS[provider.mode]:
        raise Unauthenticated(BAD_TOKEN)
    key = await keys.key(header.kid)
    if key is None or header.alg not in key.algorithms:
        raise Unauthenticated(BAD_TOKEN)
    try:
        payload: bytes = jwt.PyJWS(algorithms=[header.alg]).decode(token, key.public_key, algorithms=[header.alg])
    except _UNPARSABLE:
        raise Unauthenticated(BAD_TOKEN) from None
    return payload


def _check(claims: Claims, provider: JwtProvider, now: float) -> None:
    if now >= claims.exp:
        raise Unauthenticated(EXPIRED_TOKEN)
    begun = claims.nbf <= now + LEEWAY_SECONDS and claims.iat <= now + LEEWAY_SECONDS
    meant = claims.iss == provider.issuer and is_for_a_client(claims, provider)
    if not (begun and meant and USER_ID.fullmatch(claims.sub)):
        raise Unauthenticated(BAD_TOKEN)
