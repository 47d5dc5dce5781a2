"""Both runtimes let the same callers subscribe to the same, and deliver the same events to them."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLField, GraphQLSchema, get_named_type

from app.auth.local_issuer import user_id
from domain.callers import Caller, Mode
from domain.errors import DomainError
from tests.parity.generated import Known
from tests.parity.twins import Twins
from tests.runtimes import Hears, Runtime
from tests.school import School

ABSENT = object()
KINDS = {"onRoomUpdated": "room", "onMeetingUpdated": "meeting"}
"""Of which thing a subscription's `id` is."""


def callers(school: School) -> list[Caller]:
    people = [school.as_("ada", "Mentors"), school.as_("ben"), school.as_("root", "Admins")]
    return [*(each.caller for each in people), Caller(Mode.API_KEY), Caller(Mode.IAM)]


def possible(name: str, field: GraphQLField, known: Known) -> Iterator[tuple[str, list[Any]]]:
    """Values of each argument: absent, null, two that mean something, one that does not."""
    for argument, definition in field.args.items():
        type_ = get_named_type(definition.type)
        if isinstance(type_, GraphQLEnumType):
            yield argument, [ABSENT, None, *list(type_.values)[:2]]
        else:
            kind = KINDS.get(name, "") if argument == "id" else argument.removesuffix("Id")
            ids = [user_id("ada"), user_id("ben")] if kind in ("user", "owner", "requestedBy") else known.get(kind, ())
            yield argument, [ABSENT, None, *ids[:2], "unknown"]


async def outcome(runtime: Runtime, query: str, given: Mapping[str, Any], caller: Caller) -> Hears | str:
    try:
        return await runtime.subscribe(query, given, caller)
    except DomainError as refusal:
        return refusal.code.value


@pytest.fixture(scope="module")
def subscriptions(bound_schema: GraphQLSchema) -> Mapping[str, GraphQLField]:
    root = bound_schema.subscription_type
    assert root is not None
    return root.fields


async def test_the_same_subscriptions_begin_and_hear_the_same(
    alike: Twins, known: Known, subscriptions: Mapping[str, GraphQLField]
) -> None:
    begun = set()
    for name, field in subscriptions.items():
        values = dict(possible(name, field, known))
        payloads = [
            dict(zip(values, chosen, strict=True)) for chosen in product(*(each[1:] for each in values.values()))
        ]
        for caller, chosen in product(callers(alike.server), product(*values.values())):
            given = {key: value for key, value in zip(values, chosen, strict=True) if value is not ABSENT}
            query = document(name, field, given)
            server = await outcome(alike.server.runtime, query, given, caller)
            appsync = await outcome(alike.appsync.runtime, query, given, caller)
            if isinstance(server, str) or isinstance(appsync, str):
                assert appsync == server, (name, given, caller)
                continue
            begun.add(name)
            assert [appsync(payload) for payload in payloads] == [server(payload) for payload in payloads], (
                name,
                given,
            )
    assert begun >= {"onServiceNotice", "onMessage", "onReadReceipt", "onEnrollmentChanged", "onNotification"}


def document(name: str, field: GraphQLField, given: Mapping[str, Any]) -> str:
    declared = ", ".join(f"${argument}: {field.args[argument].type}" for argument in given)
    passed = ", ".join(f"{argument}: ${argument}" for argument in given)
    head, call = (f"subscription ({declared})", f"{name}({passed})") if given else ("subscription", name)
    return f"{head} {{ {call} {{ __typename }} }}"
