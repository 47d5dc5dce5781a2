"""A Lambda authorizer that runs on AWS Lambda."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aioboto3
import msgspec
from aiohttp import ClientError as ConnectionFault
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from domain.errors import DomainError, dependency_failed

CONNECT_SECONDS = 2
READ_SECONDS = 10

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_lambda(name: str, *, region: str, endpoint_url: str | None = None) -> "AsyncIterator[LambdaFunction]":
    """A function by its name or ARN; it is not asked twice for one request. `endpoint_url` None is AWS's own."""
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": 1, "mode": "standard"},
    )
    session = aioboto3.Session()
    async with session.client("lambda", region_name=region, endpoint_url=endpoint_url, config=config) as client:
        yield LambdaFunction(client, name)


class LambdaFunction:
    """A function called by its name or ARN.

    Args:
        client: aioboto3's "lambda" client; it should not retry, and give up reading after 10 seconds.
        name: function name, partial or full ARN, with a version or alias if wanted.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    async def authorize(self, event: Mapping[str, Any]) -> Any:
        try:
            answer = await self._client.invoke(FunctionName=self._name, Payload=msgspec.json.encode(event))
            payload = await answer["Payload"].read()
        except (BotoCoreError, ClientError, ConnectionFault, TimeoutError, OSError) as error:
            raise _failed(type(error).__name__) from None
        if "FunctionError" in answer:
            # The payload then describes the exception, whose text may hold the token.
            raise _failed("FunctionError")
        try:
            return msgspec.json.decode(payload)
        except (msgspec.DecodeError, RecursionError):
            raise _failed("no JSON in the answer") from None


def _failed(why: str) -> DomainError:
    _log.warning("The Lambda authorizer could not be asked: %s.", why)
    return dependency_failed("The Lambda authorizer")
