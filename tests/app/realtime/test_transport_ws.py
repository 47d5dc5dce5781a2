"""The graphql-transport-ws protocol, frame by frame."""

import functools
import hashlib
from typing import Any

import pytest

from tests.app.realtime.site import Site, Talk, running_site

PROTOCOL = "graphql-transport-ws"
DEEP = functools.reduce(lambda inside, _: {"a": inside}, range(100), dict[str, Any]())
NOTE = "subscription ($r: ID) { onNote(roomId: $r) { id text } }"


async def connect(site: Site, **payload: Any) -> Talk:
    talk = await site.dial("/graphql", PROTOCOL)
    await talk.say({"type": "connection_init", "payload": payload or {"Authorization": "ada"}})
    assert await talk.hear() == {"type": "connection_ack"}
    return talk


def subscribe(id: str, query: str = NOTE, **variables: Any) -> dict[str, Any]:
    return {"id": id, "type": "subscribe", "payload": {"query": query, "variables": variables or {"r": "a"}}}


@pytest.mark.parametrize("path", ["/graphql", "/graphql/realtime"])
async def test_life_of_a_subscription(site: Site, path: str) -> None:
    talk = await site.dial(path, PROTOCOL)
    assert talk.protocol == PROTOCOL
    await talk.say({"type": "connection_init", "payload": {"AUTHORIZATION": "ada"}})
    assert await talk.hear() == {"type": "connection_ack"}
    await talk.say(subscribe("1"))
    await talk.say({"type": "ping", "payload": {"now": 1}}, {"type": "ping"})
    assert await talk.hear_all(2) == [{"type": "pong", "payload": {"now": 1}}, {"type": "pong"}]
    await site.write("n1", text="Hello")
    note = {"id": "n1", "text": "Hello"}
    assert await talk.hear() == {"id": "1", "type": "next", "payload": {"data": {"onNote": note}}}
    await talk.say({"type": "complete", "id": "1"}, {"type": "complete", "id": "1"}, {"type": "ping"})
    assert await talk.hear() == {"type": "pong"}
    await site.write("n2")
    await talk.say(subscribe("1"), {"type": "ping"})
    assert await talk.hear() == {"type": "pong"}


async def test_credentials_may_come_with_the_handshake(site: Site) -> None:
    talk = await site.dial("/graphql", PROTOCOL, headers={"Authorization": "ada"})
    await talk.say({"type": "connection_init"})
    assert await talk.hear() == {"type": "connection_ack"}


@pytest.mark.parametrize(
    ("frames", "code", "reason"),
    [
        ([subscribe("1")], 4401, "Unauthorized"),
        (["meow"], 4400, "A frame is a JSON object."),
        (["[]"], 4400, "A frame is a JSON object."),
        ([{"type": "start"}], 4400, "There is no such type of frame."),
        ([{"type": "connection_init", "payload": {"Authorization": "wrong"}}], 4403, "Forbidden"),
        ([{"type": "connection_init", "payload": "ada"}], 4400, "A connection_init's payload is an object."),
    ],
)
async def test_a_bad_beginning_closes_the_socket_with_the_protocols_code(
    site: Site, frames: list[Any], code: int, reason: str
) -> None:
    talk = await site.dial("/graphql", PROTOCOL)
    await talk.say(*frames)
    assert await talk.closing() == (code, reason)


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([{"type": "connection_init"}], 4429),
        ([subscribe("1"), subscribe("1")], 4409),
        ([{"type": "subscribe", "id": "1"}], 4400),
        ([{"type": "subscribe", "id": 1, "payload": {"query": NOTE}}], 4400),
        ([{"type": "subscribe", "id": "1", "payload": {"query": 5}}], 4400),
        ([{"type": "subscribe", "id": "1", "payload": {"query": NOTE, "variables": []}}], 4400),
        ([{"type": "complete"}], 4400),
        (["{" * 9000], 4400),
        ([{"type": "ping", "payload": DEEP}], 4400),
        ([subscribe("1", r=DEEP)], 4400),
    ],
)
async def test_what_breaks_the_protocol_closes_the_socket_with_its_code(
    site: Site, frames: list[Any], code: int
) -> None:
    talk = await connect(site)
    await talk.say(*frames)
    assert (await talk.closing())[0] == code


async def test_who_says_nothing_is_sent_away() -> None:
    async with running_site(socket_init_seconds=0.05) as site:
        talk = await site.dial("/graphql", PROTOCOL)
        assert (await talk.closing())[0] == 4408


@pytest.mark.parametrize(
    ("query", "error_type"),
    [
        ("{ note(id: 1) { id } }", "BAD_REQUEST"),
        ("mutation { leave(roomId: 1, userId: 2) }", "BAD_REQUEST"),
        ("subscription {", "MalformedHttpRequestException"),
        ("subscription { nothing }", None),
        ("subscription { onNote { id } }", "BAD_REQUEST"),
        ("subscription { onStaffNote { id } }", "Unauthorized"),
    ],
)
async def test_what_cannot_be_subscribed_is_an_error_and_the_socket_lives_on(
    site: Site, query: str, error_type: str | None
) -> None:
    talk = await connect(site)
    await talk.say(subscribe("1", query))
    frame = await talk.hear()
    assert (frame["type"], frame["id"]) == ("error", "1")
    assert frame["payload"][0].get("errorType") == error_type
    await talk.say(subscribe("1"), {"type": "pong"}, {"type": "ping"})
    assert await talk.hear() == {"type": "pong"}


async def test_a_socket_has_so_many_subscriptions() -> None:
    async with running_site(max_subscriptions=1) as site:
        talk = await connect(site)
        await talk.say(subscribe("1"), subscribe("2"))
        frame = await talk.hear()
        assert frame["id"] == "2"
        assert frame["payload"][0]["errorType"] == "MaxSubscriptionsReachedError"


async def test_a_subscription_may_name_its_document(site: Site) -> None:
    talk = await connect(site)
    named = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(NOTE.encode()).hexdigest()}}
    asked = {"extensions": named, "variables": {"r": "a"}}
    await talk.say({"id": "1", "type": "subscribe", "payload": asked})
    unknown = {"errorType": "PERSISTED_QUERY_NOT_FOUND", "message": "PersistedQueryNotFound"}
    assert await talk.hear() == {"id": "1", "type": "error", "payload": [unknown]}
    await talk.say(
        {"id": "1", "type": "subscribe", "payload": {"query": NOTE, **asked}},
        {"id": "2", "type": "subscribe", "payload": asked},
        {"type": "ping"},
    )
    assert await talk.hear() == {"type": "pong"}
    await site.write("n1", text="Hello")
    note = {"id": "n1", "text": "Hello"}
    heard = await talk.hear_all(2)
    assert sorted(frame["id"] for frame in heard) == ["1", "2"]
    assert all(frame["payload"] == {"data": {"onNote": note}} for frame in heard)
