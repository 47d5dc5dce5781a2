"""Chime's events: from EventBridge through a queue."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aioboto3
import msgspec

from datasources.aws.queue_messages import handle_all
from datasources.aws.sns_envelope import content
from datasources.aws.vendor_errors import client_config


@asynccontextmanager
async def open_chime_events(
    queue_url: str, *, region: str, endpoint_url: str | None = None
) -> "AsyncIterator[ChimeEvents]":
    """`endpoint_url` None is AWS's own."""
    session = aioboto3.Session()
    async with session.client("sqs", region_name=region, endpoint_url=endpoint_url, config=client_config()) as client:
        yield ChimeEvents(client, queue_url)


class ChimeEvents:
    """An `EventQueue` over Amazon SQS. The queue's redrive policy says how often an event comes.

    Args:
        client: aioboto3's "sqs" client.
    """

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    async def receive(self, handle: Callable[[Any], Awaitable[None]]) -> None:
        async def handle_body(body: str) -> None:
            await handle(msgspec.json.decode(content(body)))

        await handle_all(self._client, self._queue_url, handle_body)
