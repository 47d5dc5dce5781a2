"""Events that a Lambda publishes, signed, to an endpoint that speaks AppSync and checks signatures: our own server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aioboto3
import pytest
from gql import Client, GraphQLRequest, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.appsync_auth import AppSyncJWTAuthentication
from gql.transport.appsync_websockets import AppSyncWebsocketsTransport
from graphql import GraphQLSchema

from app.appsync.publishing import AppSyncPublisher, NotPublished
from datasources.aws.appsync import open_appsync
from domain.callers import Mode
from domain.errors import Code, DomainError
from tests.clients.conftest import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Service
from tests.waiting import PATIENCE_SECONDS

CREATE = gql('mutation { createRoom(input: {kind: PUBLIC, name: "Shore birds"}) { id } }')
HEAR = "subscription ($id: ID!) { onRoomUpdated(id: $id) { id name memberCount version } }"


@asynccontextmanager
async def publisher(
    service: Service, schema: GraphQLSchema, secret: str = SECRET_ACCESS_KEY, **given: Any
) -> AsyncIterator[AppSyncPublisher]:
    session = aioboto3.Session(ACCESS_KEY_ID, secret, region_name=REGION)
    url = given.get("url", service.endpoint)
    async with open_appsync(url, region=REGION, seconds=PATIENCE_SECONDS, session=session) as endpoint:
        yield AppSyncPublisher(schema, frozenset({Mode.COGNITO}), endpoint, relayed={"publishMessage"})


async def new_room(service: Service) -> str:
    transport = AIOHTTPTransport(url=service.endpoint, headers={"Authorization": service.token("publisher-owner")})
    async with Client(transport=transport) as session:
        room_id: str = (await session.execute(CREATE))["createRoom"]["id"]
        return room_id


async def test_subscribers_hear_every_field_that_they_ask_for(service: Service, bound_schema: GraphQLSchema) -> None:
    room_id = await new_room(service)
    host = service.endpoint.split("/")[2]
    auth = AppSyncJWTAuthentication(host, service.token("publisher-owner"))
    listening = AppSyncWebsocketsTransport(url=f"ws://{host}/graphql", auth=auth)
    heard: list[Any] = []

    async with Client(transport=listening) as session, publisher(service, bound_schema) as publishing:

        async def listen() -> None:
            async for event in session.subscribe(GraphQLRequest(HEAR, variable_values={"id": room_id})):
                heard.append(event["onRoomUpdated"])
                if len(heard) == 5:
                    return

        async def publish() -> None:
            """Again and again: gql does not say when it has subscribed."""
            while True:
                await publishing.publish_and_wait("publishRoom", id=room_id)
                await asyncio.sleep(0.05)

        publishes = asyncio.create_task(publish())
        await asyncio.wait_for(listen(), PATIENCE_SECONDS)
        publishes.cancel()
        await asyncio.gather(publishes, return_exceptions=True)

    assert heard[-1] == {"id": room_id, "name": "Shore birds", "memberCount": 1, "version": 1}


async def test_a_record_that_is_gone_is_no_fault(service: Service, bound_schema: GraphQLSchema) -> None:
    async with publisher(service, bound_schema) as publishing:
        await publishing.publish_and_wait("publishRoom", id="01M7ZTZRWD6A5RG62NGJ2E7KXD")


async def test_a_refused_signature_passes_when_the_role_is_right_again(
    service: Service, bound_schema: GraphQLSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.appsync.publishing.PAUSE_SECONDS", 0)
    async with publisher(service, bound_schema, secret="another") as publishing:
        with pytest.raises(DomainError) as failed:
            await publishing.publish_and_wait("publishRoom", id="r")
        assert failed.value.code is Code.DEPENDENCY_FAILED


async def test_a_call_is_answered_though_its_event_finds_no_endpoint(
    service: Service, bound_schema: GraphQLSchema, caplog: pytest.LogCaptureFixture
) -> None:
    async with publisher(service, bound_schema, url="http://127.0.0.1:9/graphql") as publishing:
        await publishing.publish("publishRoom", id="r")
        assert "publishRoom could not be published: AppSync does not answer" in caplog.text

        caplog.clear()
        await publishing.publish("publishMessage", id="m")
        assert caplog.text == "", "messages are published from the change feed"


async def test_what_cannot_be_published_is_told(service: Service, bound_schema: GraphQLSchema) -> None:
    async with publisher(service, bound_schema) as publishing:
        for mutation, key in (("publishRoom", {}), ("createRoom", {"id": "r"})):
            with pytest.raises(NotPublished):
                await publishing.publish_and_wait(mutation, **key)
