"""A GraphQL endpoint that takes signed requests: AppSync's, or another server of ours."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aioboto3
import msgspec
from aiohttp import ClientSession, ClientTimeout
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from datasources.aws.vendor_errors import CONNECT_SECONDS, FAULTS
from domain.errors import dependency_failed

SERVICE = "appsync"
LARGEST_ANSWER = 1024 * 1024


@asynccontextmanager
async def open_appsync(
    url: str, *, region: str, seconds: float, session: aioboto3.Session | None = None
) -> "AsyncIterator[AppSyncEndpoint]":
    """
    Args:
        seconds: for one request to be answered.
        session: whose credentials sign; None is AWS's usual chain.
    """
    timeout = ClientTimeout(total=seconds, connect=min(seconds, CONNECT_SECONDS))
    async with ClientSession(timeout=timeout) as http:
        yield AppSyncEndpoint(http, url, region, session or aioboto3.Session())


class AppSyncEndpoint:
    """Requests are signed with credentials that are read anew for each, as those of a role change by the hour."""

    def __init__(self, http: ClientSession, url: str, region: str, session: Any) -> None:
        self._http = http
        self._url = url
        self._region = region
        self._session = session

    async def execute(self, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer's payload, `data` and `errors`.

        Raises:
            DomainError: DEPENDENCY_FAILED, for an endpoint that does not answer, or refuses the signature.
        """
        body = msgspec.json.encode({"query": query, "variables": variables})
        try:
            headers = await self._signed(body)
            async with self._http.post(self._url, data=body, headers=headers) as answer:
                text = await answer.content.read(LARGEST_ANSWER)
                payload = msgspec.json.decode(text) if answer.status == 200 else None
        except (*FAULTS, msgspec.DecodeError):
            raise dependency_failed("AWS AppSync") from None
        if not isinstance(payload, Mapping):
            raise dependency_failed("AWS AppSync")
        return payload

    async def _signed(self, body: bytes) -> dict[str, str]:
        credentials = await self._session.get_credentials()
        if credentials is None:
            raise dependency_failed("AWS AppSync")
        frozen = await credentials.get_frozen_credentials()
        request = AWSRequest("POST", self._url, headers={"content-type": "application/json"}, data=body)
        SigV4Auth(frozen, SERVICE, self._region).add_auth(request)
        return dict(request.headers.items())
