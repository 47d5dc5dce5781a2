"""Arguments are filters: an event is delivered if, and only if, all that were given equal the payload's fields."""

from itertools import product
from typing import Any

import orjson
from graphql import GraphQLEnumType, GraphQLField, GraphQLSchema, get_named_type

from app.execution import Executor, GraphQLRequest
from app.realtime.operations import read
from subscriptions.bus import Bus
from subscriptions.hub import Hub, Topic
from subscriptions.ledger import Ledger
from tests.subscriptions.listeners import Listener
from tests.waiting import until

ABSENT = object()
END = "onTheEnd"


def values(field: GraphQLField, argument: str) -> list[Any]:
    """Two different ones that the argument takes."""
    type_ = get_named_type(field.args[argument].type)
    return list(type_.values)[:2] if isinstance(type_, GraphQLEnumType) else ["one", "other"]


async def test_every_subscription_delivers_what_equals_its_arguments_and_nothing_else(
    bound_schema: GraphQLSchema,
) -> None:
    """Arguments left out, null or one of two values, against payloads of null or one of the two: all combinations."""
    root = bound_schema.subscription_type
    assert root is not None
    executor = Executor(bound_schema)
    async with Hub(Bus("memory://"), lambda user_id: None, Ledger({})) as hub:
        for name, field in root.fields.items():
            arguments = list(field.args)
            known = {argument: values(field, argument) for argument in arguments}
            listeners = []
            for chosen in product(*([ABSENT, None, *known[argument]] for argument in arguments)):
                given = {key: value for key, value in zip(arguments, chosen, strict=True) if value is not ABSENT}
                topic, listener = topic_of(executor, name, field, given), Listener()
                hub.join(topic, listener)
                listeners.append((given, topic, listener))
            payloads = [
                dict(zip(arguments, chosen, strict=True))
                for chosen in product(*([None, *known[argument]] for argument in arguments))
            ]
            for number, payload in enumerate(payloads):
                hub.publish([name], {**payload, "number": number})
            end = Listener()
            hub.join(Topic(END, (), None, name, _numbered), end)
            hub.publish([END], {"number": 0})  # events are handed out one after the other
            await until(lambda end=end: bool(end.events))  # type: ignore[misc]

            for given, topic, listener in listeners:
                wanted = [
                    number
                    for number, payload in enumerate(payloads)
                    if all(payload[key] == value for key, value in given.items())
                ]
                assert listener.events == wanted, (name, given)
                hub.leave(topic, listener)


def topic_of(executor: Executor, name: str, field: GraphQLField, given: dict[str, Any]) -> Topic:
    """As a client's document and variables make it, but for the gate."""
    declared = ", ".join(f"${argument}: {field.args[argument].type}" for argument in given)
    passed = ", ".join(f"{argument}: ${argument}" for argument in given)
    head, call = (f"subscription ({declared})", f"{name}({passed})") if given else ("subscription", name)
    asked = read(executor, GraphQLRequest(f"{head} {{ {call} {{ __typename }} }}", given), "request")
    return Topic(asked.name, asked.arguments, None, repr(given), _numbered)


def _numbered(payload: Any) -> bytes:
    return orjson.dumps(payload["number"])
