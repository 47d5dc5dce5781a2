"""Amazon SQS, as the queues of ours use it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aioboto3

from datasources.aws.vendor_errors import FAULTS, client_config
from domain.errors import dependency_failed

LONGEST_WAIT_SECONDS = 20
"""That SQS lets a request wait for a message."""


@asynccontextmanager
async def sqs_client(*, region: str, endpoint_url: str | None) -> AsyncIterator[Any]:
    """Lets requests wait for messages. `endpoint_url` None is AWS's own."""
    config = client_config(read_seconds=LONGEST_WAIT_SECONDS + 10)
    session = aioboto3.Session()
    async with session.client("sqs", region_name=region, endpoint_url=endpoint_url, config=config) as client:
        yield client


async def call(client: Any, url: str, operation: str, **request: Any) -> dict[str, Any]:
    """SQS's answer about the queue of this URL. Raises DomainError DEPENDENCY_FAILED."""
    try:
        answer: dict[str, Any] = await getattr(client, operation)(QueueUrl=url, **request)
    except FAULTS:
        raise dependency_failed("Amazon SQS") from None
    return answer
