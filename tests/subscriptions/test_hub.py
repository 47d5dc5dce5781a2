"""Events find their listeners in one process."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from subscriptions import hub as hub_module
from subscriptions.bus import Bus
from subscriptions.filters import parsed
from subscriptions.hub import MOST_BYTES, Hub, Topic
from subscriptions.ledger import Ledger
from tests.subscriptions.listeners import Listener, topic
from tests.waiting import until


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with Hub(Bus("memory://"), lambda user_id: None, Ledger({})) as hub:
        yield hub


async def heard(hub: Hub, topic: Topic, *payloads: dict[str, Any]) -> list[Any]:
    """What a listener gets of these events, told by an event for everybody that ends them."""
    listener, witness = Listener(), Listener()
    hub.join(topic, listener)
    hub.join(Topic("onEnd", (), None, None, orjson.dumps), witness)
    for payload in payloads:
        hub.publish(["onTodo"], payload)
    hub.publish(["onEnd"], {})
    await until(lambda: bool(witness.events), "the last event")
    return listener.events


async def test_events_come_in_order_to_those_whose_field_they_are_for(hub: Hub) -> None:
    events = [{"id": number} for number in range(500)]
    assert await heard(hub, topic(), *events) == events
    assert await heard(hub, topic("onOther"), *events) == []


async def test_one_event_may_be_for_several_fields(hub: Hub) -> None:
    one, other = Listener(), Listener()
    hub.join(topic("onOne"), one)
    hub.join(topic("onOther"), other)
    hub.publish(["onOne", "onOther"], {"id": 1})
    await until(lambda: bool(one.events and other.events))


async def test_every_given_argument_must_equal_the_payloads_field(hub: Hub) -> None:
    events = [{"room": "a", "user": "1"}, {"room": "a", "user": "2"}, {"room": "b", "user": "1"}, {"room": "a"}]
    assert await heard(hub, topic(room="a"), *events) == [events[0], events[1], events[3]]
    assert await heard(hub, topic(room="a", user="1"), *events) == [events[0]]
    assert await heard(hub, topic(), *events) == events


async def test_an_explicit_null_wants_a_field_that_is_null_or_absent(hub: Hub) -> None:
    events: list[dict[str, Any]] = [{"user": "1"}, {"user": None}, {}]
    assert await heard(hub, topic(user=None), *events) == events[1:]


async def test_lists_and_objects_equal_no_argument(hub: Hub) -> None:
    assert await heard(hub, topic(user="1"), {"user": ["1"]}, {"user": {"1": 1}}) == []


async def test_a_filter_narrows_what_the_arguments_let_through(hub: Hub) -> None:
    written = {"filterGroup": [{"filters": [{"fieldName": "level", "operator": "ge", "value": 5}]}]}
    events = [{"room": "a", "level": 1}, {"room": "a", "level": 7}, {"room": "b", "level": 7}]
    assert await heard(hub, topic(room="a", filter=parsed(written)), *events) == [events[1]]


async def test_what_equal_listeners_are_shown_is_made_once(hub: Hub) -> None:
    made: list[Any] = []

    def encode(payload: Any) -> bytes:
        made.append(payload)
        return orjson.dumps(payload)

    listeners = [Listener() for _ in range(1_000)]
    for number, listener in enumerate(listeners):
        hub.join(Topic("onTodo", (), None, number % 2, encode), listener)
    hub.publish(["onTodo"], {"id": 1})
    await until(lambda: all(listener.events for listener in listeners))
    assert len(made) == 2


async def test_who_has_left_or_is_ended_hears_nothing_more(hub: Hub) -> None:
    left, ended = Listener(), Listener()
    hub.join(topic(), left)
    hub.join(topic(), ended)
    hub.leave(topic(), left)
    ended.live = False
    assert len(await heard(hub, topic(), {"id": 1})) == 1
    assert left.events == ended.events == []


async def test_who_is_ended_between_an_event_and_its_delivery_does_not_get_it(hub: Hub) -> None:
    listener = Listener()
    hub.join(topic(), listener)
    hub.publish(["onTodo"], {"id": 1})
    listener.live = False
    assert await heard(hub, topic(), {"id": 2}) == [{"id": 1}, {"id": 2}]
    assert listener.events == []


async def test_nothing_of_topics_that_were_left_stays_behind(hub: Hub) -> None:
    listener = Listener()
    for number in range(100):
        hub.join(topic(room=str(number)), listener)
    for number in range(100):
        hub.leave(topic(room=str(number)), listener)
    assert not hub._index.hears("onTodo")


async def test_leaving_what_was_never_joined_is_nothing(hub: Hub) -> None:
    hub.leave(topic(room="a"), Listener())


async def test_an_event_that_is_too_large_is_a_gap_to_its_field_and_nobody_else(hub: Hub) -> None:
    listener, other = Listener(), Listener()
    hub.join(topic(), listener)
    hub.join(topic("onOther"), other)
    hub.publish(["onTodo"], {"text": "x" * MOST_BYTES})
    await until(lambda: listener.gaps == 1)
    assert listener.events == []
    assert other.gaps == 0


async def test_an_event_that_cannot_be_shown_is_a_gap_and_does_not_stop_the_next(hub: Hub) -> None:
    def broken(payload: Any) -> bytes:
        raise RuntimeError("a bug")

    listener = Listener()
    hub.join(Topic("onTodo", (), None, None, broken), listener)
    hub.publish(["onTodo"], {"id": 1})
    await until(lambda: listener.gaps == 1)
    assert await heard(hub, topic("onTodo", group="other"), {"id": 2}) == [{"id": 2}]


async def test_more_events_than_can_wait_are_a_gap_and_no_growing_heap(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "MOST_WAITING", 50)
    listener = Listener()
    hub.join(topic(), listener)
    for number in range(51):
        hub.publish(["onTodo"], {"id": number})
    assert listener.gaps == 1
    assert await heard(hub, topic(group="later"), {"id": 99}) == [{"id": 99}]


async def test_others_get_their_turn_during_a_large_delivery(hub: Hub) -> None:
    for _ in range(2_000):
        hub.join(topic(), Listener())
    hub.publish(["onTodo"], {"id": 1})
    turns = 0
    while hub._waiting or turns < 3:
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 3
