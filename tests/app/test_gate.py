"""The gate that callers pass again while they are connected: a credential may have been taken back."""

import time

import pytest

from app.auth.authenticator import Authenticator
from app.auth.config import ApiKeyConfig, AuthConfig
from app.auth.credentials import Credentials, Operation
from app.gate import Gate
from datasources.api_keys import ApiKeys
from datasources.ports import RecordStore
from domain.callers import Caller
from domain.errors import Code, DomainError
from domain.times import from_epoch
from tests.school import School

FIXED = "da2-fixedfixedfixedfixedfixedf"


class Clock:
    def __init__(self) -> None:
        self.time = time.time()

    def __call__(self) -> float:
        return self.time


def gate(school: School, clock: Clock, *fixed: str) -> tuple[Gate, Authenticator]:
    """Of a process whose settings list these keys."""
    config = AuthConfig(providers=(), api_keys=ApiKeyConfig(fixed), iam=None, lambda_authorizer=None)
    authenticator = Authenticator(
        config, stored_keys=ApiKeys(school.store), lambda_authorizer=None, key_sets={}, clock=clock
    )
    return Gate(authenticator, school.accounts), authenticator


async def caller_of(authenticator: Authenticator, key: str) -> Caller:
    credentials = Credentials("POST", "/graphql", headers=(("x-api-key", key),))
    return await authenticator.authenticate(credentials, operation=Operation)


async def refused(passing: Gate, caller: Caller) -> bool:
    try:
        await passing.readmit(caller)
    except DomainError as refusal:
        return refusal.code is Code.UNAUTHORIZED_REQUEST
    return False


async def test_a_revoked_key_is_readmitted_for_three_seconds_at_most(store: RecordStore, school: School) -> None:
    clock = Clock()
    key, text = await ApiKeys(store).create(from_epoch(clock()))
    passing, authenticator = gate(school, clock)
    caller = await caller_of(authenticator, text)
    assert await passing.readmit(caller) == caller

    await ApiKeys(store).revoke(key.id, from_epoch(clock()))
    clock.time += 3

    assert await refused(passing, caller)


async def test_a_key_that_left_the_settings_is_not_readmitted(school: School) -> None:
    """By a process that was started with the new ones."""
    clock = Clock()
    before, authenticator = gate(school, clock, FIXED)
    caller = await caller_of(authenticator, FIXED)
    assert await before.readmit(caller) == caller

    after, _ = gate(school, clock)

    assert await refused(after, caller)


@pytest.mark.parametrize("anew", [False, True])
async def test_whoever_is_admitted_is_readmitted_as_the_same(school: School, anew: bool) -> None:
    passing, _ = gate(school, Clock())
    caller = school.as_("ada", session_id="s1").caller
    admitted = await passing.admit(caller)
    if anew:
        passing.forget(caller)
    assert await passing.readmit(caller) == admitted
