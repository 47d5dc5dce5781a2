"""DynamoDB's requests without botocore's layers, which cost several times what the request itself does.

Tables are made, and streams read, through aioboto3. Errors are botocore's, so that who reads them knows one kind.
"""

import base64
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypedDict
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aioboto3
import aiohttp
import msgspec
import orjson
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.httpsession import get_cert_path

from datasources.aws.json_signatures import JsonSigner

CONNECT_SECONDS = 2
READ_SECONDS = 4
CONNECTIONS = 50
MOST_ANSWER_BYTES = 32 * 1024 * 1024
"""Twice what DynamoDB ever answers."""
_CONTENT_TYPE = "application/x-amz-json-1.0"
_TARGET = "DynamoDB_20120810."
_OWN_HEADERS = ("Accept", "Accept-Encoding", "User-Agent")


class BrokenAnswer(aiohttp.ClientError):
    """What came is not what DynamoDB sent."""


class RowsAnswer(TypedDict, total=False):
    """To a query. Items are JSON still, for who asks to decode as they need them."""

    Items: list[msgspec.Raw]
    ScannedCount: int
    LastEvaluatedKey: dict[str, Any]


class DynamoDBClient:
    """Its methods are those of aioboto3's client, and `query_rows`. Binary values in answers are text in base64.

    All raise ClientError for what DynamoDB refuses, BotoCoreError or aiohttp.ClientError for what did not reach it or
    never came back.

    Args:
        http: for this endpoint alone, bounded in time.
        credentials: botocore's, which renew themselves.
        now: epoch seconds.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        endpoint_url: str,
        region: str,
        credentials: Any,
        now: Callable[[], float] = time.time,
    ) -> None:
        parts = urlsplit(endpoint_url)
        self._http = http
        self._url = f"{parts.scheme}://{parts.netloc}/"
        self._proxy = None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
        self._credentials = credentials
        self._signer = JsonSigner("dynamodb", region, parts.netloc, _CONTENT_TYPE)
        self._rows_answers = msgspec.json.Decoder(RowsAnswer)
        self._now = now

    async def get_item(self, **request: Any) -> dict[str, Any]:
        return await self._answer("GetItem", request)

    async def batch_get_item(self, **request: Any) -> dict[str, Any]:
        return await self._answer("BatchGetItem", request)

    async def query(self, **request: Any) -> dict[str, Any]:
        return await self._answer("Query", request)

    async def query_rows(self, **request: Any) -> RowsAnswer:
        body = await self._body("Query", request)
        try:
            return self._rows_answers.decode(body)
        except msgspec.DecodeError:
            raise BrokenAnswer from None

    async def put_item(self, **request: Any) -> dict[str, Any]:
        return await self._answer("PutItem", request)

    async def update_item(self, **request: Any) -> dict[str, Any]:
        return await self._answer("UpdateItem", request)

    async def delete_item(self, **request: Any) -> dict[str, Any]:
        return await self._answer("DeleteItem", request)

    async def batch_write_item(self, **request: Any) -> dict[str, Any]:
        return await self._answer("BatchWriteItem", request)

    async def transact_write_items(self, **request: Any) -> dict[str, Any]:
        return await self._answer("TransactWriteItems", request)

    async def describe_table(self, **request: Any) -> dict[str, Any]:
        return await self._answer("DescribeTable", request)

    async def _answer(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        return _document(await self._body(operation, request))

    async def _body(self, operation: str, request: Mapping[str, Any]) -> bytes:
        if self._credentials is None:
            raise NoCredentialsError
        body = orjson.dumps(request, default=_binary)
        headers = self._signer.headers(
            await self._credentials.get_frozen_credentials(), _TARGET + operation, body, self._now()
        )
        async with self._http.post(
            self._url, data=body, headers=headers, proxy=self._proxy, allow_redirects=False
        ) as response:
            answer = await _read(response)
            if response.status == 200:
                return answer
            raise ClientError(_refusal(response, answer), operation)


@asynccontextmanager
async def open_client(
    *, region: str, endpoint_url: str | None, session: aioboto3.Session
) -> AsyncIterator[DynamoDBClient]:
    """One per process. Credentials come from the session; `endpoint_url` None is AWS's own."""
    endpoint = endpoint_url or await _endpoint(session, region)
    trust: ssl.SSLContext | bool = True
    if endpoint.startswith("https:"):
        trust = ssl.create_default_context(cafile=get_cert_path(True))
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, ssl=trust),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_OWN_HEADERS,
        auto_decompress=False,
    ) as http:
        yield DynamoDBClient(http, endpoint, region, await session.get_credentials())


async def _endpoint(session: aioboto3.Session, region: str) -> str:
    """Of the region's partition, or what the environment says."""
    async with session.client("dynamodb", region_name=region) as client:
        return str(client.meta.endpoint_url)


def _binary(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError


async def _read(response: aiohttp.ClientResponse) -> bytes:
    if response.content_length is None or response.content_length > MOST_ANSWER_BYTES:
        raise BrokenAnswer
    body = await response.read()
    told = response.headers.get("x-amz-crc32")
    if told is not None and told != str(zlib.crc32(body)):
        raise BrokenAnswer
    return body


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BrokenAnswer from None
    if not isinstance(document, dict):
        raise BrokenAnswer
    return document


def _refusal(response: aiohttp.ClientResponse, body: bytes) -> dict[str, Any]:
    """As botocore tells it; what stands before DynamoDB may say anything, and is named by its status."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        told = {}
    if not isinstance(told, dict):
        told = {}
    code = str(told.pop("__type", response.status)).rpartition("#")[2]
    message = str(told.pop("message", "") or told.pop("Message", ""))
    metadata = {"HTTPStatusCode": response.status, "RequestId": response.headers.get("x-amzn-requestid", "")}
    return {**told, "Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
