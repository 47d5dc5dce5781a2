"""Queues that are emptied now and then: each message is handled, then leaves."""

from collections.abc import Awaitable, Callable
from typing import Any

from datasources.aws.vendor_errors import FAULTS
from domain.errors import dependency_failed

_AT_ONCE = 10
_MOST_ROUNDS = 100


async def handle_all(client: Any, queue_url: str, handle: Callable[[str], Awaitable[None]]) -> int:
    """What waits in an SQS queue, at most a thousand messages; how many that were.

    A message whose handling fails comes again. Raises DEPENDENCY_FAILED, and what `handle` raises.
    """
    handled = 0
    for _ in range(_MOST_ROUNDS):
        try:
            answer = await client.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=_AT_ONCE, WaitTimeSeconds=0)
            messages = answer.get("Messages", [])
            for message in messages:
                await handle(message["Body"])
                await client.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        except FAULTS:
            raise dependency_failed("Amazon SQS") from None
        if not messages:
            break
        handled += len(messages)
    return handled
