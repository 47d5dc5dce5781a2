"""A Lambda authorizer that runs on AWS Lambda."""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import ClientError as ConnectionFault
from botocore.exceptions import BotoCoreError, ClientError

from domain.errors import DomainError, dependency_failed

_log = logging.getLogger(__name__)


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
