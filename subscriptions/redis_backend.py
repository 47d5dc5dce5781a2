"""broadcaster's Redis, with what its own backend lacks: time limits, and errors that are noticed.

broadcaster 0.3.1 loses the exception of a listener that ends, reads into a queue without bound, and waits
for ever on a Redis that accepts and does not answer.
"""

import asyncio
from typing import Any

from broadcaster import BroadcastBackend, Event
from redis import asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

SECONDS = 2.0
"""For any one answer of Redis."""


class RedisBackend(BroadcastBackend):
    """One connection to listen and one to publish. It is used until its first error and then thrown away."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url, socket_connect_timeout=SECONDS, retry=Retry(NoBackoff(), 0), health_check_interval=0
        )
        self._listening = self._client.pubsub()
        self._subscribed = asyncio.Event()
        self.failed = asyncio.Event()

    async def connect(self) -> None:
        async with asyncio.timeout(SECONDS):
            await self._listening.connect()  # type: ignore[no-untyped-call] # redis-py gives it no types

    async def disconnect(self) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                await self._listening.aclose()  # type: ignore[no-untyped-call] # redis-py gives it no types
                await self._client.aclose()
        except (RedisError, OSError, TimeoutError):
            return  # there is nothing left to be closed

    async def subscribe(self, group: str) -> None:
        async with asyncio.timeout(SECONDS):
            await self._listening.subscribe(group)
        self._subscribed.set()

    async def unsubscribe(self, group: str) -> None:
        """Closing the connection does that."""

    async def publish(self, channel: str, message: Any) -> None:
        async with asyncio.timeout(SECONDS):
            await self._client.publish(channel, message)

    async def next_published(self) -> Event:
        try:
            await self._subscribed.wait()
            while True:
                message = await self._listening.get_message(timeout=None)
                if message is not None and message["type"] == "message":
                    return Event(message["channel"].decode(), message["data"].decode(errors="replace"))
        except Exception:
            self.failed.set()
            raise
