"""A credential that was good a moment ago is not looked at again; any doubt is, and so is what may have ended."""

from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from app.auth.authenticator import Authenticator
from app.auth.config import ApiKeyConfig, AuthConfig, AuthorizerConfig, cognito
from app.auth.credentials import Credentials
from app.auth.jwks import FixedKeys, parse_key_set
from app.auth.recent_callers import SECONDS, sender_of
from datasources.api_keys import ApiKey, key_hash
from domain.callers import Caller
from domain.times import Timestamp, from_epoch
from tests.app.auth.signing import CLIENT, NOW, POOL, Clock, access_claims, jwk, key_set, operation, signed

FIXED = "da2-abcdefghijklmnopqrstuvwxyz"
STORED = "da2-storedstoredstoredstoredst"

Headers = list[tuple[bytes, bytes]]


class Stored:
    def __init__(self) -> None:
        self.keys = (ApiKey(key_hash(STORED), "", from_epoch(NOW - 9), from_epoch(NOW + 900)),)

    async def list(self, now: Timestamp) -> tuple[ApiKey, ...]:
        return self.keys


class Authorizer:
    async def authorize(self, event: Any) -> Any:
        return {"isAuthorized": True, "resolverContext": {"userId": "u7"}}


@pytest.fixture
def stored() -> Stored:
    return Stored()


@pytest.fixture
def authenticator(pool_key: rsa.RSAPrivateKey, clock: Clock, stored: Stored) -> Authenticator:
    config = AuthConfig(
        providers=(cognito("eu-west-1_Pool", clients=(CLIENT,)),),
        api_keys=ApiKeyConfig((FIXED,)),
        lambda_authorizer=AuthorizerConfig(),
    )
    keys = FixedKeys(parse_key_set(key_set(jwk(pool_key, "k1"))))
    return Authenticator(config, stored_keys=stored, lambda_authorizer=Authorizer(), key_sets={POOL: keys}, clock=clock)  # type: ignore[arg-type]


async def shown(authenticator: Authenticator, headers: Headers) -> Caller:
    credentials = Credentials.of_request(
        "POST", b"/graphql", b"", headers, b"{}", ip_address="192.0.2.7", request_id="r"
    )
    return await authenticator.authenticate(credentials, operation=operation)


def bearer(key: rsa.RSAPrivateKey, **changes: Any) -> Headers:
    return [(b"host", b"x"), (b"authorization", f"Bearer {signed(access_claims(**changes), key)}".encode())]


async def test_a_token_and_keys_are_recognized_with_the_address_and_agent_of_the_request(
    authenticator: Authenticator, pool_key: rsa.RSAPrivateKey
) -> None:
    for headers in (bearer(pool_key), [(b"x-api-key", FIXED.encode())], [(b"x-api-key", STORED.encode())]):
        assert authenticator.recognize(sender_of(headers), "192.0.2.7") is None, "before it was verified"
        caller = await shown(authenticator, headers)
        assert authenticator.recognize(sender_of(headers), "192.0.2.7") == caller
        other = [*headers, (b"user-agent", b"a" * 300), (b"user-agent", b"b")]
        expected = msgspec.structs.replace(caller, ip_address="192.0.2.9", user_agent="a" * 256)
        assert authenticator.recognize(sender_of(other), "192.0.2.9") == expected


async def test_another_credential_or_a_second_one_is_looked_at(
    authenticator: Authenticator, pool_key: rsa.RSAPrivateKey
) -> None:
    headers = bearer(pool_key)
    await shown(authenticator, headers)
    name, value = headers[1]
    for doubtful in (
        [],
        [(name, value + b"x")],
        [(name, value), (b"x-api-key", b"da2-wrong")],
        [(name, value), (name, value)],
        [(b"x-api-key", value)],
    ):
        assert authenticator.recognize(sender_of(doubtful), None) is None


async def test_what_a_lambda_authorizer_said_is_not_remembered_here(authenticator: Authenticator) -> None:
    headers = [(b"authorization", b"ticket-7")]
    assert (await shown(authenticator, headers)).user_id == "u7"
    assert authenticator.recognize(sender_of(headers), None) is None


async def test_it_ends_with_the_token_and_after_a_while_and_when_all_is_forgotten(
    authenticator: Authenticator, pool_key: rsa.RSAPrivateKey, clock: Clock
) -> None:
    brief, lasting = bearer(pool_key, exp=NOW + 5), bearer(pool_key, exp=NOW + 3600)
    for headers in (brief, lasting):
        await shown(authenticator, headers)
    clock.time = NOW + 5
    assert authenticator.recognize(sender_of(brief), None) is None
    assert authenticator.recognize(sender_of(lasting), None) is not None
    clock.time = NOW + SECONDS
    assert authenticator.recognize(sender_of(lasting), None) is None
    await shown(authenticator, lasting)
    authenticator.forget()
    assert authenticator.recognize(sender_of(lasting), None) is None


async def test_a_stored_key_is_looked_up_as_often_as_keys_are_read(
    authenticator: Authenticator, stored: Stored, clock: Clock
) -> None:
    headers = [(b"x-api-key", STORED.encode())]
    await shown(authenticator, headers)
    clock.time = NOW + 20
    await shown(authenticator, headers)
    stored.keys = ()
    clock.time = NOW + 30
    assert authenticator.recognize(sender_of(headers), None) is None, "30 seconds after the keys were read"
