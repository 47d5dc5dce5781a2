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
import msgspec
import orjson
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.httpsession import get_cert_path

from datasources.aws.http_connections import Answer, BrokenAnswer, HttpConnections
from datasources.aws.json_signatures import JsonSigner

_CONTENT_TYPE = "application/x-amz-json-1.0"
_TARGET = "DynamoDB_20120810."


class QueryAnswer(TypedDict, total=False):
    """What is read of it. Items are JSON still, for who asks to decode as they need them."""

    Items: list[msgspec.Raw]
    Count: int
    ScannedCount: int
    LastEvaluatedKey: dict[str, Any]


class DynamoDBClient:
    """Its methods are those of aioboto3's client. Binary values in answers are text in base64.

    All raise ClientError for what DynamoDB refuses, BotoCoreError or BrokenAnswer for what did not reach it or
    came back.

    Args:
        http: to the endpoint.
        credentials: botocore's, which renew themselves.
        now: epoch seconds.
    """

    def __init__(
        self,
        http: HttpConnections,
        endpoint_url: str,
        region: str,
        credentials: Any,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._http = http
        self._credentials = credentials
        self._signer = JsonSigner("dynamodb", region, urlsplit(endpoint_url).netloc, _CONTENT_TYPE)
        self._query_answers = msgspec.json.Decoder(QueryAnswer)
        self._now = now

    async def get_item(self, **request: Any) -> dict[str, Any]:
        return await self._answer("GetItem", request)

    async def batch_get_item(self, **request: Any) -> dict[str, Any]:
        return await self._answer("BatchGetItem", request)

    async def query(self, **request: Any) -> QueryAnswer:
        body = await self._body("Query", request)
        try:
            return self._query_answers.decode(body)
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
        credentials = await self._credentials.get_frozen_credentials()
        answer = await self._http.exchange(self._signer.request(credentials, _TARGET + operation, body, self._now()))
        told = answer.headers.get(b"x-amz-crc32")
        if told is not None and told != b"%d" % zlib.crc32(answer.body):
            raise BrokenAnswer
        if answer.status != 200:
            raise ClientError(_refusal(answer), operation)
        return answer.body


@asynccontextmanager
async def open_client(
    *, region: str, endpoint_url: str | None, session: aioboto3.Session
) -> AsyncIterator[DynamoDBClient]:
    """One per process. Credentials come from the session; `endpoint_url` None is AWS's own."""
    endpoint = endpoint_url or await _endpoint(session, region)
    parts = urlsplit(endpoint)
    trust = ssl.create_default_context(cafile=get_cert_path(True)) if parts.scheme == "https" else None
    proxy = None if proxy_bypass(parts.hostname or "") else getproxies().get("https")
    http = HttpConnections(endpoint, trust, proxy)
    try:
        yield DynamoDBClient(http, endpoint, region, await session.get_credentials())
    finally:
        http.close()


async def _endpoint(session: aioboto3.Session, region: str) -> str:
    """Of the region's partition, or what the environment says."""
    async with session.client("dynamodb", region_name=region) as client:
        return str(client.meta.endpoint_url)


def _binary(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BrokenAnswer from None
    if not isinstance(document, dict):
        raise BrokenAnswer
    return document


def _refusal(answer: Answer) -> dict[str, Any]:
    """As botocore tells it; what stands before DynamoDB may say anything, and is named by its status."""
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        told = {}
    if not isinstance(told, dict):
        told = {}
    code = str(told.pop("__type", answer.status)).rpartition("#")[2]
    message = str(told.pop("message", "") or told.pop("Message", ""))
    metadata = {"HTTPStatusCode": answer.status}
    return {**told, "Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
