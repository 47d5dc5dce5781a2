"""Which mode a request speaks, and that one bad credential is the end of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as AwsCredentials
from cryptography.hazmat.primitives.asymmetric import rsa

from app.auth.authenticator import Authenticator
from app.auth.config import ApiKeyConfig, AuthConfig, AuthorizerConfig, IamConfig, IamKey, JwtProvider, cognito, oidc
from app.auth.credentials import Credentials, Operation
from app.auth.errors import BAD_SIGNATURE, BAD_TOKEN, EXPIRED_TOKEN, MISSING, REFUSED, Unauthenticated
from app.auth.jwks import FixedKeys, parse_key_set
from app.auth.local_issuer import LocalIssuer
from datasources.api_keys import ApiKey, key_hash
from domain.callers import Mode
from domain.times import Timestamp, from_epoch
from tests.app.auth.signing import (
    CLIENT,
    NOW,
    POOL,
    SUB,
    Clock,
    access_claims,
    jwk,
    key_set,
    oidc_claims,
    operation,
    post,
    signed,
)

OIDC = "https://id.example.org"
KEY = "da2-abcdefghijklmnopqrstuvwxyz"
OLD_KEY = "da2-oldoldoldoldoldoldoldoldol"
EVERY_MODE = AuthConfig(
    providers=(cognito("eu-west-1_Pool", clients=(CLIENT,)), oidc(OIDC, clients=(CLIENT,))),
    api_keys=ApiKeyConfig((KEY,)),
    iam=IamConfig({"AKIDEXAMPLE": IamKey("secret")}),
    lambda_authorizer=AuthorizerConfig(),
)


class Stored:
    async def list(self, now: Timestamp) -> tuple[ApiKey, ...]:
        return (ApiKey(key_hash(OLD_KEY), "", from_epoch(NOW - 9), from_epoch(NOW - 1)),)


class Authorizer:
    """Knows one ticket."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    async def authorize(self, event: Mapping[str, Any]) -> Any:
        self.tokens.append(event["authorizationToken"])
        known = event["authorizationToken"] in ("ticket-7", "Bearer ticket-7")
        return {"isAuthorized": known, "resolverContext": {"userId": "u7"}}


@pytest.fixture
def authorizer() -> Authorizer:
    return Authorizer()


@pytest.fixture
def build(pool_key: rsa.RSAPrivateKey, clock: Clock, authorizer: Authorizer) -> Any:
    keys = FixedKeys(parse_key_set(key_set(jwk(pool_key, "k1"))))

    def build(config: AuthConfig = EVERY_MODE) -> Authenticator:
        return Authenticator(
            config,
            stored_keys=Stored(),  # type: ignore[arg-type]
            lambda_authorizer=authorizer,
            key_sets={POOL: keys, OIDC: keys},
            clock=clock,
        )

    return build


@pytest.fixture
def everything(build: Any) -> Authenticator:
    authenticator: Authenticator = build()
    return authenticator


async def refusal(authenticator: Authenticator, headers: Mapping[str, str]) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await authenticator.authenticate(post(headers), operation=operation)
    return caught.value.message


async def mode(authenticator: Authenticator, headers: Mapping[str, str]) -> Mode:
    return (await authenticator.authenticate(post(headers), operation=operation)).mode


def iam_headers(key: str = "secret") -> dict[str, str]:
    request = AWSRequest(method="POST", url="http://localhost/graphql", data=post({}).body)
    SigV4Auth(AwsCredentials("AKIDEXAMPLE", key), "appsync", "us-east-1").add_auth(request)
    return {"host": "localhost", **dict(request.headers.items())}


@pytest.fixture(autouse=True)
def signers_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_: datetime.fromtimestamp(NOW, UTC))


async def test_every_mode_has_its_credential(everything: Authenticator, pool_key: rsa.RSAPrivateKey) -> None:
    assert await mode(everything, {"X-Api-Key": KEY}) is Mode.API_KEY
    assert await mode(everything, {"Authorization": signed(access_claims(), pool_key)}) is Mode.COGNITO
    assert await mode(everything, {"Authorization": signed(oidc_claims(OIDC), pool_key)}) is Mode.OIDC
    assert await mode(everything, {"Authorization": "ticket-7"}) is Mode.LAMBDA
    assert await mode(everything, iam_headers()) is Mode.IAM
    assert everything.modes == set(Mode)
    assert everything.user_modes == {Mode.COGNITO, Mode.OIDC, Mode.LAMBDA}


@pytest.mark.parametrize("scheme", ["", "Bearer ", "bearer ", "BEARER   "])
async def test_a_jwt_may_come_as_a_bearer(everything: Authenticator, pool_key: rsa.RSAPrivateKey, scheme: str) -> None:
    assert await mode(everything, {"authorization": scheme + signed(access_claims(), pool_key)}) is Mode.COGNITO


async def test_the_caller_comes_from_an_address_with_a_client(
    everything: Authenticator, pool_key: rsa.RSAPrivateKey
) -> None:
    token = signed(access_claims(), pool_key)
    for agent in ("one", "two"):
        caller = await everything.authenticate(post({"authorization": token, "user-agent": agent}), operation=operation)
        assert (caller.user_id, caller.ip_address, caller.user_agent) == (SUB, "192.0.2.7", agent)


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": ""}, {"authorization": "  "}, {"x-api-key": ""}, {"cookie": f"x-api-key={KEY}"}],
)
async def test_no_credential_is_missing(everything: Authenticator, headers: dict[str, str]) -> None:
    assert await refusal(everything, headers) == MISSING


@pytest.mark.parametrize("key", [OLD_KEY, "da2-unknownunknownunknownunknow", "x", KEY.upper()])
async def test_a_bad_or_expired_key_is_refused(everything: Authenticator, key: str) -> None:
    assert await refusal(everything, {"x-api-key": key}) == REFUSED


async def test_a_bad_signature_is_refused(everything: Authenticator) -> None:
    assert await refusal(everything, iam_headers("other")) == BAD_SIGNATURE
    assert await refusal(everything, {"authorization": "AWS4-HMAC-SHA256"}) == BAD_SIGNATURE


async def test_a_ticket_that_the_authorizer_does_not_know_is_refused(everything: Authenticator) -> None:
    assert await refusal(everything, {"authorization": "ticket-8"}) == REFUSED


async def test_the_authorizer_gets_the_header_as_it_came(everything: Authenticator, authorizer: Authorizer) -> None:
    await mode(everything, {"authorization": "Bearer ticket-7"})

    assert authorizer.tokens == ["Bearer ticket-7"]


async def test_the_authorizer_is_not_asked_about_what_is_not_its_own(
    everything: Authenticator, authorizer: Authorizer, pool_key: rsa.RSAPrivateKey, strange_key: rsa.RSAPrivateKey
) -> None:
    assert await refusal(everything, {"authorization": signed(access_claims(), strange_key)}) == BAD_TOKEN
    assert await refusal(everything, {"authorization": signed(access_claims(exp=1), pool_key)}) == EXPIRED_TOKEN
    assert await refusal(everything, iam_headers("other")) == BAD_SIGNATURE
    assert await refusal(everything, {"authorization": "x" * 9_000}) == BAD_TOKEN
    assert authorizer.tokens == []


async def test_the_operation_is_read_only_for_the_authorizer(
    everything: Authenticator, pool_key: rsa.RSAPrivateKey
) -> None:
    def unreadable() -> Operation:
        raise LookupError

    for headers in ({"x-api-key": KEY}, {"authorization": signed(access_claims(), pool_key)}, iam_headers()):
        await everything.authenticate(post(headers), operation=unreadable)
    with pytest.raises(LookupError):
        await everything.authenticate(post({"authorization": "ticket-7"}), operation=unreadable)


async def test_of_two_credentials_the_signature_then_the_key_counts(
    everything: Authenticator, pool_key: rsa.RSAPrivateKey
) -> None:
    token = signed(access_claims(), pool_key)

    assert await mode(everything, {**iam_headers(), "x-api-key": "bad"}) is Mode.IAM
    assert await refusal(everything, {**iam_headers("other"), "x-api-key": KEY}) == BAD_SIGNATURE
    assert await mode(everything, {"authorization": token, "x-api-key": KEY}) is Mode.API_KEY
    assert await refusal(everything, {"authorization": token, "x-api-key": "bad"}) == REFUSED


async def test_a_header_sent_twice_alike_is_one_and_otherwise_none(everything: Authenticator) -> None:
    def sent(*keys: str) -> Credentials:
        return Credentials("POST", "/graphql", headers=tuple(("x-api-key", key) for key in keys))

    assert (await everything.authenticate(sent(KEY, KEY), operation=operation)).mode is Mode.API_KEY
    with pytest.raises(Unauthenticated):
        await everything.authenticate(sent(KEY, "other"), operation=operation)


async def test_a_mode_that_is_off_refuses(build: Any, pool_key: rsa.RSAPrivateKey) -> None:
    off = build(AuthConfig())

    assert off.modes == off.user_modes == frozenset()
    assert await refusal(off, {"x-api-key": KEY}) == REFUSED
    assert await refusal(off, iam_headers()) == BAD_SIGNATURE
    assert await refusal(off, {"authorization": signed(access_claims(), pool_key)}) == REFUSED
    assert await refusal(off, {"authorization": "ticket-7"}) == REFUSED


async def test_without_an_authorizer_any_other_token_is_bad(build: Any, pool_key: rsa.RSAPrivateKey) -> None:
    only = build(AuthConfig(providers=(cognito("eu-west-1_Pool", clients=(CLIENT,)),)))

    assert only.modes == {Mode.COGNITO}
    assert await refusal(only, {"authorization": "ticket-7"}) == BAD_TOKEN
    assert await refusal(only, {"authorization": "Bearer"}) == BAD_TOKEN
    assert await refusal(only, {"authorization": signed(oidc_claims(OIDC), pool_key)}) == BAD_TOKEN


async def test_a_token_of_another_provider_is_checked_by_that_providers_rules(
    everything: Authenticator, pool_key: rsa.RSAPrivateKey
) -> None:
    # RS512 is fine for OIDC; Cognito never signs with it.
    assert await mode(everything, {"authorization": signed(oidc_claims(OIDC), pool_key, alg="RS512")}) is Mode.OIDC
    assert await refusal(everything, {"authorization": signed(access_claims(), pool_key, alg="RS512")}) == BAD_TOKEN
    assert await refusal(everything, {"authorization": signed(oidc_claims(POOL), pool_key)}) == BAD_TOKEN


async def test_forgetting_asks_everybody_anew(everything: Authenticator, authorizer: Authorizer) -> None:
    await mode(everything, {"authorization": "ticket-7"})
    everything.forget()
    await mode(everything, {"authorization": "ticket-7"})

    assert len(authorizer.tokens) == 2


async def test_the_local_issuers_tokens_are_checked_in_process(issuer: LocalIssuer, clock: Clock) -> None:
    authenticator = Authenticator(
        AuthConfig(providers=(issuer.provider,)),
        stored_keys=Stored(),  # type: ignore[arg-type]
        lambda_authorizer=None,
        key_sets={issuer.provider.issuer: issuer.keys},
        clock=clock,
    )

    assert await mode(authenticator, {"authorization": issuer.token("ada")}) is Mode.COGNITO


def test_a_lambda_mode_without_an_authorizer_does_not_start(clock: Clock) -> None:
    with pytest.raises(ValueError, match="authorizer"):
        Authenticator(
            EVERY_MODE,
            stored_keys=Stored(),  # type: ignore[arg-type]
            lambda_authorizer=None,
            key_sets={},
            clock=clock,
        )


def test_keys_are_not_fetched_in_the_clear() -> None:
    with pytest.raises(ValueError, match="https"):
        oidc("http://id.example.org", clients=(CLIENT,))
    with pytest.raises(ValueError, match="https"):
        oidc(OIDC, clients=(CLIENT,), jwks_url="http://169.254.169.254/keys")
    assert oidc("http://127.0.0.1:9000", clients=(CLIENT,)).jwks_url is None


def test_a_provider_needs_clients_and_an_issuer_of_its_own() -> None:
    provider = cognito("eu-west-1_Pool", clients=(CLIENT,))
    with pytest.raises(ValueError, match="client"):
        cognito("eu-west-1_Pool", clients=())
    with pytest.raises(ValueError, match="same issuer"):
        AuthConfig(providers=(provider, JwtProvider(Mode.OIDC, provider.issuer, (CLIENT,))))
