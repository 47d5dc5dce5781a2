"""Python gql, unmodified, with its AppSync sign-in classes."""

import botocore.session
import pytest
from botocore.credentials import Credentials
from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.appsync_auth import (
    AppSyncApiKeyAuthentication,
    AppSyncAuthentication,
    AppSyncIAMAuthentication,
    AppSyncJWTAuthentication,
)
from gql.transport.exceptions import TransportQueryError

from tests.clients.conftest import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Service

CATALOG = gql("query { listCourses(limit: 2) { items { id title owner { displayName } } nextToken } }")
ME = gql("query { getMe { id displayName roles } }")
RENAME = gql('mutation { updateProfile(input: {displayName: "Grace"}) { displayName } }')
NOTICE = gql(
    """mutation { publishServiceNotice(input: {severity: INFO, title: "Maintenance tonight"}) { severity title } }"""
)


def client(service: Service, auth: AppSyncAuthentication) -> Client:
    return Client(transport=AIOHTTPTransport(url=service.endpoint, auth=auth))


def host(service: Service) -> str:
    return service.endpoint.split("/")[2]


async def test_an_api_key_reads_the_public_catalog(service: Service) -> None:
    async with client(service, AppSyncApiKeyAuthentication(host(service), service.api_key)) as session:
        courses = (await session.execute(CATALOG))["listCourses"]

    assert len(courses["items"]) == 2
    assert courses["nextToken"]


async def test_an_api_key_may_not_ask_who_it_is(service: Service) -> None:
    async with client(service, AppSyncApiKeyAuthentication(host(service), service.api_key)) as session:
        with pytest.raises(TransportQueryError) as refused:
            await session.execute(ME)

    assert refused.value.data == {"getMe": None}
    assert refused.value.errors is not None
    assert refused.value.errors[0]["errorType"] == "Unauthorized"
    assert refused.value.errors[0]["message"] == "Not Authorized to access getMe on type Query"


async def test_a_user_pool_token_reads_and_writes_as_its_user(service: Service) -> None:
    auth = AppSyncJWTAuthentication(host(service), service.token("gql-user", "Mentors"))
    async with client(service, auth) as session:
        me = (await session.execute(ME))["getMe"]
        renamed = (await session.execute(RENAME))["updateProfile"]

    assert me["roles"] == ["MENTOR"]
    assert renamed == {"displayName": "Grace"}


async def test_iam_signatures_of_botocore_open_the_backends_operations(service: Service) -> None:
    auth = AppSyncIAMAuthentication(
        host(service),
        region_name=REGION,
        credentials=Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY),
        session=botocore.session.Session(),
    )
    async with client(service, auth) as session:
        notice = (await session.execute(NOTICE))["publishServiceNotice"]

    assert notice == {"severity": "INFO", "title": "Maintenance tonight"}


async def test_a_bad_key_is_told_as_appsync_tells_it(service: Service) -> None:
    async with client(service, AppSyncApiKeyAuthentication(host(service), "da2-" + "x" * 26)) as session:
        with pytest.raises(TransportQueryError) as refused:
            await session.execute(CATALOG)

    assert refused.value.errors is not None
    assert refused.value.errors[0]["errorType"] == "UnauthorizedException"
    assert refused.value.errors[0]["message"] == "You are not authorized to make this call."
