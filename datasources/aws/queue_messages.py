"""Queues that are emptied now and then: each message is handled, then leaves."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from datasources.aws.vendor_errors import FAULTS
from domain.errors import RETRYABLE, DomainError, dependency_failed

_AT_ONCE = 10
_MOST_ROUNDS = 100

_log = logging.getLogger(__name__)


async def handle_all(client: Any, queue_url: str, handle: Callable[[str], Awaitable[None]]) -> int:
    """Handles what waits in a queue, at most a thousand messages; how many came.

    A message leaves the queue when it was handled. One that cannot be handled is told to the log and comes again, as
    often as the queue's redrive policy says.

    Args:
        client: aioboto3's "sqs" client.
        handle: takes a message's body.

    Raises:
        DomainError: DEPENDENCY_FAILED; and what `handle` raises that passes by itself.
    """
    number = 0
    for _ in range(_MOST_ROUNDS):
        messages = await _receive(client, queue_url)
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
                await _delete(client, queue_url, message)
    return number


async def _receive(client: Any, url: str) -> list[dict[str, Any]]:
    try:
        answer = await client.receive_message(QueueUrl=url, MaxNumberOfMessages=_AT_ONCE, WaitTimeSeconds=0)
    except FAULTS:
        raise dependency_failed("Amazon SQS") from None
    found: list[dict[str, Any]] = answer.get("Messages", [])
    return found


async def _delete(client: Any, url: str, message: dict[str, Any]) -> None:
    try:
        await client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    except FAULTS:
        raise dependency_failed("Amazon SQS") from None
