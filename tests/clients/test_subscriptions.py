"""Subscriptions through clients that know AppSync or graphql-transport-ws and nothing of us, over a real server."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.credentials import Credentials
from gql import Client, GraphQLRequest, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.appsync_auth import (
    AppSyncApiKeyAuthentication,
    AppSyncAuthentication,
    AppSyncIAMAuthentication,
    AppSyncJWTAuthentication,
)
from gql.transport.appsync_websockets import AppSyncWebsocketsTransport
from gql.transport.exceptions import TransportQueryError, TransportServerError
from gql.transport.websockets import WebsocketsTransport

from tests.clients.conftest import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Service
from tests.server_process import server_process
from tests.waiting import PATIENCE_SECONDS

NOTICES = "subscription Notices($severity: NoticeSeverity) { onServiceNotice(severity: $severity) { title severity } }"
NOTIFY = gql('mutation { publishServiceNotice(input: {severity: WARNING, title: "Tonight"}) { title severity } }')
HEARD = {"onServiceNotice": {"title": "Tonight", "severity": "WARNING"}}
FORBIDDEN = "Not Authorized to access onServiceNotice on type Subscription"


def host(service: Service) -> str:
    return service.endpoint.split("/")[2]


def iam(service: Service) -> AppSyncIAMAuthentication:
    return AppSyncIAMAuthentication(
        host(service),
        region_name=REGION,
        credentials=Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY),
        session=botocore.session.Session(),
    )


@asynccontextmanager
async def notices(service: Service) -> AsyncIterator[None]:
    """Our backend sends the same notice again and again: clients do not say when they have subscribed."""

    async def send() -> None:
        transport = AIOHTTPTransport(url=service.endpoint, auth=iam(service))
        async with Client(transport=transport) as session:
            while True:
                await session.execute(NOTIFY)
                await asyncio.sleep(0.2)

    task = asyncio.create_task(send())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Node:
    """A client in Node that prints one JSON object a line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self, *kinds: str) -> dict[str, Any]:
        """The next line that has one of these keys."""
        assert self._process.stdout is not None
        while True:
            text = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_SECONDS)
            assert text, (await self._faults()).decode()
            line: dict[str, Any] = json.loads(text)
            if line.keys() & set(kinds):
                return line

    async def _faults(self) -> bytes:
        assert self._process.stderr is not None
        return await self._process.stderr.read()


@asynccontextmanager
async def running(script: Path, environment: Mapping[str, str] | None = None, /, **job: Any) -> AsyncIterator[Node]:
    process = await asyncio.create_subprocess_exec(
        "node",
        script,
        env={**os.environ, **(environment or {})},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(job).encode())
    process.stdin.close()
    try:
        yield Node(process)
    finally:
        if process.returncode is None:
            process.kill()
        await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)  # wait() alone may wait for unread lines


class TestGql:
    """Python gql shows its credentials in the query string."""

    async def heard(self, service: Service, auth: AppSyncAuthentication, path: str) -> Any:
        url = f"ws://{host(service)}{path}"
        async with (
            Client(transport=AppSyncWebsocketsTransport(url=url, auth=auth)) as session,
            notices(service),
        ):
            async for event in session.subscribe(GraphQLRequest(NOTICES, variable_values={"severity": "WARNING"})):
                return event
        raise AssertionError("the subscription ended")

    @pytest.mark.parametrize("path", ["/graphql", "/graphql/realtime"])
    async def test_a_token_hears_events(self, service: Service, path: str) -> None:
        auth = AppSyncJWTAuthentication(host(service), service.token("gql-listener"))
        assert await self.heard(service, auth, path) == HEARD

    async def test_a_lambda_authorizers_token_hears_events(self, service: Service) -> None:
        auth = AppSyncJWTAuthentication(host(service), "letmein:lambda-listener:Students")
        assert await self.heard(service, auth, "/graphql") == HEARD

    async def test_an_openid_token_hears_events(self, service: Service) -> None:
        auth = AppSyncJWTAuthentication(host(service), service.issuer.token("oidc-listener", "Students"))
        assert await self.heard(service, auth, "/graphql") == HEARD

    @pytest.mark.parametrize("mode", ["api key", "iam"])
    async def test_keys_and_signatures_are_accepted_and_then_held_to_the_schema(
        self, service: Service, mode: str
    ) -> None:
        key = AppSyncApiKeyAuthentication(host(service), service.api_key)
        with pytest.raises(TransportQueryError) as refused:
            await self.heard(service, key if mode == "api key" else iam(service), "/graphql")
        [payload] = refused.value.errors or []
        assert payload["errors"][0]["errorType"] == "Unauthorized"
        assert payload["errors"][0]["message"] == FORBIDDEN

    async def test_bad_credentials_are_told(self, service: Service) -> None:
        auth = AppSyncApiKeyAuthentication(host(service), "da2-" + "x" * 26)
        with pytest.raises(TransportServerError, match="You are not authorized to make this call"):
            await self.heard(service, auth, "/graphql")

    async def test_the_newer_protocol_works_at_the_same_address(self, service: Service) -> None:
        transport = WebsocketsTransport(
            url=f"ws://{host(service)}/graphql",
            init_payload={"Authorization": service.token("gql-listener")},
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        )
        async with Client(transport=transport) as session, notices(service):
            async for event in session.subscribe(gql(NOTICES)):
                assert event == HEARD
                return


class TestAmplify:
    """aws-amplify v6 in Node; the endpoint in capitals makes it dial ws:// instead of wss://."""

    def listening(self, service: Service, node: Path, mode: str, **sign_in: Any) -> Any:
        return running(
            node / "amplify_subscribe.mjs",
            endpoint=service.endpoint.replace("http:", "HTTP:"),
            region=REGION,
            mode=mode,
            query=NOTICES,
            variables={"severity": "WARNING"},
            **sign_in,
        )

    @pytest.mark.parametrize("mode", ["userPool", "oidc", "lambda"])
    async def test_users_hear_events(self, service: Service, node: Path, mode: str) -> None:
        sign_in: dict[str, Any] = {
            "userPool": {"accessToken": service.token("amplify-listener")},
            "oidc": {"accessToken": service.issuer.token("oidc-listener", "Students")},
            "lambda": {"lambdaToken": "letmein:lambda-listener:Students"},
        }[mode]
        async with self.listening(service, node, mode, **sign_in) as client, notices(service):
            assert await client.line("data", "errors") == {"data": HEARD}

    @pytest.mark.parametrize("mode", ["apiKey", "iam"])
    async def test_keys_and_signatures_are_accepted_and_then_held_to_the_schema(
        self, service: Service, node: Path, mode: str
    ) -> None:
        sign_in: dict[str, Any] = {
            "apiKey": {"apiKey": service.api_key},
            "iam": {"credentials": {"accessKeyId": ACCESS_KEY_ID, "secretAccessKey": SECRET_ACCESS_KEY}},
        }[mode]
        async with self.listening(service, node, mode, **sign_in) as client:
            line = await client.line("data", "errors")
            assert FORBIDDEN in line["errors"][0]["message"]

    async def test_bad_credentials_are_told_at_once(self, service: Service, node: Path) -> None:
        async with self.listening(service, node, "apiKey", apiKey="da2-" + "x" * 26) as client:
            line = await client.line("data", "errors")
            assert "UnauthorizedException" in line["errors"][0]["message"]


async def test_apollo_over_the_appsync_link_hears_events(service: Service, node: Path) -> None:
    auth = {"type": "AMAZON_COGNITO_USER_POOLS", "jwtToken": service.token("apollo-listener")}
    client = running(node / "apollo_subscribe.mjs", endpoint=service.endpoint, region=REGION, auth=auth, query=NOTICES)
    async with client as listening, notices(service):
        heard = await listening.line("data", "errors")
        assert {key: heard["data"]["onServiceNotice"][key] for key in ("title", "severity")} == HEARD["onServiceNotice"]


class TestGraphqlWs:
    def listening(self, service: Service, node: Path, token: str, query: str = NOTICES) -> Any:
        params = {"Authorization": token}
        url = f"ws://{host(service)}/graphql"
        return running(node / "graphql_ws_subscribe.mjs", url=url, connectionParams=params, query=query)

    async def test_a_user_hears_events(self, service: Service, node: Path) -> None:
        async with self.listening(service, node, service.token("ws-listener")) as client, notices(service):
            assert await client.line("data", "errors", "closed") == {"data": HEARD}

    async def test_a_refused_subscription_is_an_error(self, service: Service, node: Path) -> None:
        query = "subscription { onSessionRevoked { id } }"
        async with self.listening(service, node, service.token("ws-listener"), query) as client:
            line = await client.line("data", "errors", "closed")
            assert line["errors"][0]["errorType"] == "BAD_REQUEST"

    async def test_bad_credentials_close_the_socket(self, service: Service, node: Path) -> None:
        async with self.listening(service, node, "no-token") as client:
            assert await client.line("data", "errors", "closed") == {"closed": {"code": 4403, "reason": "Forbidden"}}


async def test_amplify_over_tls_needs_no_other_spelling(node: Path, tmp_path: Path) -> None:
    """Only the server's own authority has to be trusted."""
    with server_process(tmp_path / "data", TLS="true") as server:
        token = server.app("token", "tls-listener")
        job = {"endpoint": server.endpoint, "region": REGION, "mode": "userPool", "accessToken": token}
        query = "subscription { onEnrollmentChanged { id } }"
        trust = {"NODE_EXTRA_CA_CERTS": str(server.authority)}
        async with running(node / "amplify_subscribe.mjs", trust, query=query, **job) as client:
            line = await client.line("data", "errors")
            assert "One of the filters userId and courseId is required" in line["errors"][0]["message"]
