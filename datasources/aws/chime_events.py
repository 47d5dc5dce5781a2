"""Chime's events: from EventBridge through a queue."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from datasources.aws.queue_messages import Queue
from datasources.aws.sns_envelope import content


class ChimeEvents:
    """An `EventQueue` over Amazon SQS. The queue's redrive policy says how often an event comes."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    async def receive(self, handle: Callable[[Any], Awaitable[None]]) -> None:
        async def handle_body(body: str) -> None:
            await handle(msgspec.json.decode(content(body)))

        await self._queue.handle_all(handle_body)
