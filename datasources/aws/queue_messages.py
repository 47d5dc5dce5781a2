"""Queues that others fill and that are emptied now and then: each message is handled, then leaves."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from datasources.aws.sqs import LONGEST_WAIT_SECONDS, call, sqs_client
from domain.errors import RETRYABLE, DomainError

_AT_ONCE = 10
_MOST_ROUNDS = 100

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_queue(
    url: str, *, region: str, endpoint_url: str | None = None, wait_seconds: int = LONGEST_WAIT_SECONDS
) -> "AsyncIterator[Queue]":
    """See `Queue`. `endpoint_url` None is AWS's own."""
    async with sqs_client(region=region, endpoint_url=endpoint_url) as client:
        yield Queue(client, url, wait_seconds=wait_seconds)


class Queue:
    """
    Args:
        client: aioboto3's "sqs" client.
        wait_seconds: how long an empty queue is listened to, so that it is not asked again and again.
    """

    def __init__(self, client: Any, url: str, *, wait_seconds: int) -> None:
        self._client = client
        self._url = url
        self._wait_seconds = wait_seconds

    async def handle_all(self, handle: Callable[[str], Awaitable[None]]) -> int:
        """Handles what waits in the queue or comes while it is listened to, at most a thousand messages; how many came.

        A message leaves the queue when it was handled. One that cannot be handled is told to the log and comes again,
        as often as the queue's redrive policy says. May be cancelled at any moment: what was received comes again.

        Args:
            handle: takes a message's body.

        Raises:
            DomainError: DEPENDENCY_FAILED; and what `handle` raises that passes by itself.
        """
        number = 0
        for round_number in range(_MOST_ROUNDS):
            messages = await self._receive(0 if round_number else self._wait_seconds)
            if not messages:
                break
            number += len(messages)
            for message in messages:
                try:
                    await handle(message["Body"])
                except Exception as error:
                    if isinstance(error, DomainError) and error.code in RETRYABLE:
                        raise
                    _log.error("a message could not be handled", exc_info=error)
                else:
                    await call(self._client, self._url, "delete_message", ReceiptHandle=message["ReceiptHandle"])
        return number

    async def _receive(self, wait_seconds: int) -> list[dict[str, Any]]:
        answer = await call(
            self._client, self._url, "receive_message", MaxNumberOfMessages=_AT_ONCE, WaitTimeSeconds=wait_seconds
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found
