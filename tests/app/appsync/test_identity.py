"""Whoever AppSync says is asking is the caller whom the server would find in the same credential."""

from typing import Any

import msgspec
import pytest

from app.appsync.event import read_event
from app.appsync.identity import Identities
from app.auth.config import AuthConfig, AuthorizerConfig, JwtProvider, cognito, oidc
from domain.callers import Caller, Mode
from domain.errors import Code, DomainError
from domain.times import Timestamp
from tests.appsync.identities import CLIENT_ID, ISSUERS, headers, identity

PROVIDERS: tuple[JwtProvider, ...] = (
    cognito("eu-central-1_EXAMPLE01", clients=(CLIENT_ID,)),
    oidc(ISSUERS[Mode.OIDC], clients=(CLIENT_ID,)),
)
IDENTITIES = Identities(AuthConfig(providers=PROVIDERS, lambda_authorizer=AuthorizerConfig()))
INFO = {"fieldName": "getMe", "parentTypeName": "Query"}

PERSON = Caller(
    Mode.COGNITO,
    user_id="082770f2-6be0-5122-84d6-70edec8874c6",
    groups=frozenset({"Mentors", "Admins"}),
    session_id="6e3c5a0e-0d5c-4f7e-8f4e-3c6f4f8a0a11",
    issued_at=Timestamp("2036-09-01T08:00:00.000Z"),
    authenticated_at=Timestamp("2036-09-01T07:00:00.000Z"),
    expires_at=Timestamp("2036-09-01T09:00:00.000Z"),
    username="ada",
    name="Ada",
    email="ada@school.example",
    ip_address="203.0.113.7",
    user_agent="aws-amplify/6",
)
SAID_BY_AUTHORIZER = Caller(
    Mode.LAMBDA, user_id="ada", groups=frozenset({"Mentors"}), username="ada", name="Ada", email="ada@school.example"
)


def caller(identity: Any, headers: dict[str, str] | None = None) -> Caller:
    return IDENTITIES.caller(read_event({"info": INFO, "identity": identity, "request": {"headers": headers or {}}}))


@pytest.mark.parametrize(
    "known",
    [
        PERSON,
        msgspec.structs.replace(PERSON, mode=Mode.OIDC),
        SAID_BY_AUTHORIZER,
        Caller(Mode.IAM, ip_address="203.0.113.7"),
        Caller(Mode.API_KEY, ip_address="203.0.113.7", user_agent="curl/8"),
    ],
    ids=lambda known: known.mode.name,
)
def test_each_mode_names_the_same_caller_as_on_the_server(known: Caller) -> None:
    assert caller(identity(known), headers(known)) == known


def test_an_access_token_names_the_same_person() -> None:
    told = identity(PERSON)
    assert told is not None
    claims = {**told["claims"], "token_use": "access", "client_id": CLIENT_ID, "username": "ada"}
    del claims["aud"], claims["cognito:username"]

    assert caller({**told, "claims": claims}).username == "ada"


def test_numbers_may_come_as_text() -> None:
    told = identity(PERSON)
    assert told is not None
    claims = {name: str(value) if isinstance(value, int) else value for name, value in told["claims"].items()}

    assert caller({**told, "claims": {**claims, "email_verified": True}}).expires_at == PERSON.expires_at


def test_texts_of_an_authorizer_count_like_its_values() -> None:
    context = {"userId": "ada", "groups": "Mentors, Students", "email": "ada@school.example", "email_verified": "true"}
    found = caller({"resolverContext": context})

    assert found.groups == {"Mentors", "Students"}
    assert found.email == "ada@school.example"


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"claims": None},
        {"claims": {"iss": "https://elsewhere.example", "sub": "ada", "iat": 1, "exp": 2}},
        {"claims": {"iss": ISSUERS[Mode.OIDC], "sub": "ada", "iat": 1, "exp": 2, "aud": "another app"}},
        {"claims": {"iss": ISSUERS[Mode.OIDC], "sub": "a user#with a hash", "iat": 1, "exp": 2, "aud": CLIENT_ID}},
        {"resolverContext": {}},
        {"resolverContext": {"userId": 7}},
        {"resolverContext": "ada"},
        {"userArn": "arn:aws:sts::123456789012:assumed-role/backend/backend"},
        {"userArn": "arn", "accountId": "123456789012", "cognitoIdentityId": "eu-central-1:guest"},
    ],
)
def test_an_identity_that_the_deployment_does_not_know_is_refused(strange: dict[str, Any]) -> None:
    with pytest.raises(DomainError) as refused:
        caller(strange)
    assert refused.value.code is Code.UNAUTHORIZED_REQUEST


def test_an_authorizer_says_nothing_where_the_mode_is_off() -> None:
    event = read_event({"info": INFO, "identity": {"resolverContext": {"userId": "ada"}}})

    with pytest.raises(DomainError):
        Identities(AuthConfig(providers=PROVIDERS)).caller(event)


def test_an_address_that_a_client_writes_itself_does_not_count() -> None:
    found = caller(None, {"X-Forwarded-For": "10.0.0.1, 203.0.113.7, 64.252.0.1"})

    assert found.ip_address == "203.0.113.7"
