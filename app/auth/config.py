"""What one deployment accepts as a sign-in. app/settings.py maps the environment to these; nothing else does.

    AuthConfig(
        providers=(cognito("eu-west-1_Ab12", clients=("4f8...",)), oidc("https://id.example.org", clients=("web",))),
        api_keys=ApiKeyConfig(keys=("da2-...",)),
        iam=IamConfig({"AKIA...": IamKey("secret")}),
        lambda_authorizer=AuthorizerConfig(ttl_seconds=300),
    )

A mode whose part is absent is refused. Faulty parts raise ValueError with a text that holds no secret.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from domain.callers import Mode

MAX_AUTHORIZER_TTL_SECONDS = 3_600
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class JwtProvider:
    """One issuer of JWTs whose users may sign in. Made by `cognito`, `oidc` or the local issuer.

    Attributes:
        mode: COGNITO or OIDC; decides which claims are required and which algorithms allowed.
        issuer: `iss`, compared exactly.
        clients: app clients whose tokens are accepted, at least one: Cognito's `client_id` (access token) or
            `aud` (id token); OIDC's `aud` or `azp`.
        jwks_url: where the keys are. None: asked of the issuer's discovery document.
        groups_claim: claim that lists the groups; `a.b` finds b inside a unless a claim has that very name.
    """

    mode: Literal[Mode.COGNITO, Mode.OIDC]
    issuer: str
    clients: tuple[str, ...]
    jwks_url: str | None = None
    groups_claim: str = "cognito:groups"

    def __post_init__(self) -> None:
        if not self.clients or not all(self.clients):
            raise ValueError("A token provider needs at least one client id.")
        for url in (self.issuer, self.jwks_url):
            if url is not None:
                _refuse_plain_http(url)


def cognito(user_pool_id: str, *, clients: tuple[str, ...]) -> JwtProvider:
    """A Cognito user pool; its region is the part of the id before the underscore."""
    region, separator, _ = user_pool_id.partition("_")
    if not separator:
        raise ValueError("A user pool id looks like eu-west-1_AbCdEfGhI.")
    issuer = f"https://cognito-idp.{region}.amazonaws.com/{user_pool_id}"
    return JwtProvider(Mode.COGNITO, issuer, clients, jwks_url=f"{issuer}/.well-known/jwks.json")


def oidc(
    issuer: str, *, clients: tuple[str, ...], jwks_url: str | None = None, groups_claim: str = "groups"
) -> JwtProvider:
    """Any OpenID Connect issuer."""
    return JwtProvider(Mode.OIDC, issuer, clients, jwks_url=jwks_url, groups_claim=groups_claim)


@dataclass(frozen=True, slots=True)
class ApiKeyConfig:
    """API keys are accepted: those in the store, and these, which do not expire."""

    keys: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class IamKey:
    """What a backend signs with. With a session token, each request has to carry that token."""

    secret: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class IamConfig:
    """Backends that may sign requests, by access key id.

    Attributes:
        region: the only region of a credential scope; None accepts any, as the signature covers it anyway.
    """

    keys: Mapping[str, IamKey] = field(repr=False)
    region: str | None = None


@dataclass(frozen=True, slots=True)
class AuthorizerConfig:
    """A Lambda authorizer decides about tokens that no provider issued.

    Attributes:
        ttl_seconds: how long an answer without ttlOverride is kept; 0 asks every time.
        identity_expression: a token that does not match it whole is refused without a call. It is the
            operator's own text and runs on tokens of up to 8 KB: it should be linear.
        user_key, groups_key: where resolverContext holds the user's id and the groups (text with commas, or list).
        api_id, account_id: what the event tells the authorizer about this API.
    """

    ttl_seconds: int = 300
    identity_expression: str | None = None
    user_key: str = "userId"
    groups_key: str = "groups"
    api_id: str = "educonnect"
    account_id: str = "000000000000"

    def __post_init__(self) -> None:
        if not 0 <= self.ttl_seconds <= MAX_AUTHORIZER_TTL_SECONDS:
            raise ValueError("The authorizer's answers are kept for 0 to 3600 seconds.")
        if self.identity_expression is not None:
            try:
                re.compile(self.identity_expression)
            except re.error as error:
                raise ValueError(f"The identity expression is no regular expression: {error.msg}.") from None


@dataclass(frozen=True, slots=True)
class AuthConfig:
    """Which modes are on, and how."""

    providers: tuple[JwtProvider, ...] = ()
    api_keys: ApiKeyConfig | None = None
    iam: IamConfig | None = None
    lambda_authorizer: AuthorizerConfig | None = None

    def __post_init__(self) -> None:
        if len({provider.issuer for provider in self.providers}) < len(self.providers):
            raise ValueError("Two token providers have the same issuer.")

    @property
    def modes(self) -> frozenset[Mode]:
        parts = ((Mode.API_KEY, self.api_keys), (Mode.IAM, self.iam), (Mode.LAMBDA, self.lambda_authorizer))
        return frozenset(
            [provider.mode for provider in self.providers] + [mode for mode, part in parts if part is not None]
        )


def _refuse_plain_http(url: str) -> None:
    """Keys fetched in the clear could be anyone's; only a service on this machine may do that."""
    parts = urlsplit(url)
    if not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
        raise ValueError("A token provider's addresses have to be https (http on this machine only).")
