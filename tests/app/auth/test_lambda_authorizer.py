"""The Lambda mode: the event that the authorizer gets, and what each of its answers means."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from app.auth import lambda_authorizer
from app.auth.config import AuthorizerConfig
from app.auth.credentials import Operation
from app.auth.lambda_authorizer import AuthorizerVerifier
from domain.callers import Caller, Mode
from domain.errors import dependency_failed
from tests.app.auth.signing import Clock, operation, post

ALLOWED = {"isAuthorized": True, "resolverContext": {"userId": "u1", "groups": "Mentors, Students"}}
CREDENTIALS = post({"Authorization": "ticket-7", "Cookie": "session=1", "X-Many": "a"})


class Authorizer:
    """Answers as told, and keeps the events."""

    def __init__(self, answer: Any = ALLOWED) -> None:
        self.answer = answer
        self.events: list[Mapping[str, Any]] = []

    async def authorize(self, event: Mapping[str, Any]) -> Any:
        self.events.append(event)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def verifier(authorizer: Authorizer, clock: Clock, **config: Any) -> AuthorizerVerifier:
    return AuthorizerVerifier(AuthorizerConfig(**config), authorizer, clock)


async def verified(answer: Any, **config: Any) -> Caller | None:
    return await verifier(Authorizer(answer), Clock(), **config).verify("ticket-7", CREDENTIALS, operation)


async def test_the_authorizer_names_the_user() -> None:
    assert await verified(ALLOWED) == Caller(Mode.LAMBDA, user_id="u1", groups=frozenset({"Mentors", "Students"}))


async def test_the_event_is_appsyncs() -> None:
    authorizer = Authorizer()
    config = {"api_id": "api1", "account_id": "123456789012"}
    await verifier(authorizer, Clock(), **config).verify("ticket-7", CREDENTIALS, operation)

    assert authorizer.events == [
        {
            "authorizationToken": "ticket-7",
            "requestContext": {
                "apiId": "api1",
                "accountId": "123456789012",
                "requestId": "r1",
                "queryString": "query Me { getMe { id } }",
                "operationName": "Me",
                "variables": {"a": 1},
            },
            "requestHeaders": {"authorization": "ticket-7", "x-many": "a"},
        }
    ]


async def test_an_operation_without_variables_has_none() -> None:
    authorizer = Authorizer()
    await verifier(authorizer, Clock()).verify("t", CREDENTIALS, lambda: Operation("{ a }"))

    context = authorizer.events[0]["requestContext"]
    assert (context["operationName"], context["variables"]) == (None, {})


async def test_keys_of_resolver_context_are_configured() -> None:
    answer = {
        "isAuthorized": True,
        "resolverContext": {
            "sub": "u2",
            "roles": ["Admins"],
            "username": "ada",
            "email": "a@b.example",
            "email_verified": True,
        },
    }

    caller = await verified(answer, user_key="sub", groups_key="roles")
    assert caller == Caller(
        Mode.LAMBDA, user_id="u2", groups=frozenset({"Admins"}), username="ada", email="a@b.example"
    )


@pytest.mark.parametrize("groups", ["admins", "Admins;Students", "", " , ", 7, True, None])
async def test_what_does_not_name_admins_makes_no_admin(groups: Any) -> None:
    caller = await verified({"isAuthorized": True, "resolverContext": {"userId": "u1", "groups": groups}})

    assert caller is not None
    assert not caller.is_admin


async def test_denied_fields_are_short_names_or_arns() -> None:
    arn = "arn:aws:appsync:us-east-1:111122223333:apis/other/types/User/fields/email"
    caller = await verified(ALLOWED | {"deniedFields": ["Mutation.createCourse", arn]})

    assert caller is not None
    assert caller.denied_fields == {"Mutation.createCourse", "User.email"}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        None,
        [],
        "yes",
        True,
        {"isAuthorized": False},
        ALLOWED | {"isAuthorized": False},
        ALLOWED | {"isAuthorized": "true"},
        ALLOWED | {"isAuthorized": 1},
        ALLOWED | {"resolverContext": "u1"},
        ALLOWED | {"resolverContext": ["u1"]},
        ALLOWED | {"resolverContext": {"userId": "u1", "nested": {"a": 1}}},
        ALLOWED | {"deniedFields": "Mutation.createCourse"},
        ALLOWED | {"deniedFields": [7]},
        ALLOWED | {"deniedFields": ["createCourse"]},
        ALLOWED | {"deniedFields": ["Mutation.*"]},
        ALLOWED | {"deniedFields": ["Mutation.createCourse\n"]},
        ALLOWED | {"deniedFields": ["arn:aws:appsync:us-east-1:111122223333:apis/other"]},
        ALLOWED | {"ttlOverride": -1},
        ALLOWED | {"ttlOverride": "60"},
        dependency_failed("The Lambda authorizer"),
    ],
)
async def test_anything_but_a_clear_yes_is_a_refusal(answer: Any) -> None:
    assert await verified(answer) is None


@pytest.mark.parametrize("user_id", [None, "", 7, True, ["u1"], "u 1", "u#1", "u" * 129])
async def test_a_yes_without_the_users_id_is_a_refusal(user_id: Any) -> None:
    assert await verified({"isAuthorized": True, "resolverContext": {"userId": user_id}}) is None


async def test_a_yes_without_resolver_context_is_a_refusal() -> None:
    assert await verified({"isAuthorized": True}) is None


@pytest.mark.parametrize("answer", [ALLOWED, {"isAuthorized": False}])
async def test_an_answer_is_kept_for_its_time(answer: Any, clock: Clock) -> None:
    authorizer = Authorizer(answer | {"ttlOverride": 60})
    checked = verifier(authorizer, clock)
    first = await checked.verify("t", CREDENTIALS, operation)
    clock.time += 59.9
    assert await checked.verify("t", CREDENTIALS, operation) == first
    assert len(authorizer.events) == 1

    clock.time += 0.1
    await checked.verify("t", CREDENTIALS, operation)
    assert len(authorizer.events) == 2


async def test_an_answer_is_kept_for_its_token_alone(clock: Clock) -> None:
    authorizer = Authorizer()
    checked = verifier(authorizer, clock)
    for token in ("a", "b", "a"):
        await checked.verify(token, CREDENTIALS, operation)

    assert [event["authorizationToken"] for event in authorizer.events] == ["a", "b"]


@pytest.mark.parametrize(("default", "override", "calls"), [(0, None, 2), (300, 0, 2), (0, 10, 1), (300, None, 1)])
async def test_zero_seconds_is_never(default: int, override: int | None, calls: int, clock: Clock) -> None:
    authorizer = Authorizer(ALLOWED | ({} if override is None else {"ttlOverride": override}))
    checked = verifier(authorizer, clock, ttl_seconds=default)
    for _ in range(2):
        await checked.verify("t", CREDENTIALS, operation)

    assert len(authorizer.events) == calls


async def test_no_answer_is_kept_longer_than_an_hour(clock: Clock) -> None:
    authorizer = Authorizer(ALLOWED | {"ttlOverride": 1e12})
    checked = verifier(authorizer, clock)
    await checked.verify("t", CREDENTIALS, operation)
    clock.time += 3600
    await checked.verify("t", CREDENTIALS, operation)

    assert len(authorizer.events) == 2


async def test_an_answer_of_a_mebibyte_is_not_kept(clock: Clock) -> None:
    authorizer = Authorizer({"isAuthorized": True, "resolverContext": {"userId": "u1", "pad": "x" * 1024 * 1024}})
    checked = verifier(authorizer, clock)
    for _ in range(2):
        assert await checked.verify("t", CREDENTIALS, operation) is not None

    assert len(authorizer.events) == 2


async def test_a_failed_call_is_not_kept(clock: Clock) -> None:
    authorizer = Authorizer(dependency_failed("The Lambda authorizer"))
    checked = verifier(authorizer, clock)
    assert await checked.verify("t", CREDENTIALS, operation) is None
    authorizer.answer = ALLOWED

    assert await checked.verify("t", CREDENTIALS, operation) is not None


async def test_forgetting_asks_anew(clock: Clock) -> None:
    authorizer = Authorizer()
    checked = verifier(authorizer, clock)
    await checked.verify("t", CREDENTIALS, operation)
    authorizer.answer = {"isAuthorized": False}
    checked.forget()

    assert await checked.verify("t", CREDENTIALS, operation) is None


@pytest.mark.parametrize(
    ("token", "asked"),
    [("ticket-12", True), ("ticket-12x", False), ("ticket-", False), ("xticket-1x", False), ("", False)],
)
async def test_a_token_that_does_not_match_the_expression_is_refused_unasked(
    token: str, asked: bool, clock: Clock
) -> None:
    authorizer = Authorizer()
    caller = await verifier(authorizer, clock, identity_expression=r"ticket-\d+").verify(token, CREDENTIALS, operation)

    assert (caller is not None) is asked
    assert bool(authorizer.events) is asked


async def test_a_silent_authorizer_is_a_refusal(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    class Silent(Authorizer):
        async def authorize(self, event: Mapping[str, Any]) -> Any:
            await asyncio.Event().wait()

    monkeypatch.setattr(lambda_authorizer, "CALL_SECONDS", 0.01)
    assert await verifier(Silent(), clock).verify("t", CREDENTIALS, operation) is None


async def test_calls_at_once_are_bounded(clock: Clock) -> None:
    running = most = 0

    class Busy(Authorizer):
        async def authorize(self, event: Mapping[str, Any]) -> Any:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            return ALLOWED

    checked = verifier(Busy(), clock)
    callers = await asyncio.gather(*(checked.verify(f"t{n}", CREDENTIALS, operation) for n in range(200)))

    assert all(callers)
    assert most <= lambda_authorizer.MAX_CALLS


@pytest.mark.parametrize("config", [{"ttl_seconds": -1}, {"ttl_seconds": 3601}, {"identity_expression": "("}])
def test_a_faulty_configuration_is_refused_at_start(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"authorizer|regular expression"):
        AuthorizerConfig(**config)
