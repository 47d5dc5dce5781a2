"""What came back of mail sent over SES: permanent bounces and complaints, from SES through SNS and a queue."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aioboto3
import msgspec

from datasources.aws.sns_envelope import content
from datasources.aws.vendor_errors import FAULTS, client_config
from domain.errors import dependency_failed

_AT_ONCE = 10
_MOST_ROUNDS = 100

Suppress = Callable[[str, str], Awaitable[None]]
"""`suppress(address, why)`, why being BOUNCE or COMPLAINT."""


@asynccontextmanager
async def open_mail_feedback(
    queue_url: str, *, region: str, endpoint_url: str | None = None
) -> "AsyncIterator[MailFeedback]":
    """`endpoint_url` None is AWS's own."""
    session = aioboto3.Session()
    async with session.client("sqs", region_name=region, endpoint_url=endpoint_url, config=client_config()) as client:
        yield MailFeedback(client, queue_url)


class MailFeedback:
    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    async def read(self, suppress: Suppress) -> int:
        """Handles what waits in the queue, at most a thousand messages; how many that were.

        A message leaves the queue when all its addresses are suppressed, or when it says nothing of any.
        """
        handled = 0
        for _ in range(_MOST_ROUNDS):
            try:
                answer = await self._client.receive_message(
                    QueueUrl=self._queue_url, MaxNumberOfMessages=_AT_ONCE, WaitTimeSeconds=0
                )
                messages = answer.get("Messages", [])
                if not messages:
                    break
                for message in messages:
                    for address, why in unwanted(message["Body"]):
                        await suppress(address, why)
                    await self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])
            except FAULTS:
                raise dependency_failed("Amazon SQS") from None
            handled += len(messages)
        return handled


def unwanted(body: str) -> Iterator[tuple[str, str]]:
    """Addresses that shall get no more mail, and why, out of one message; nothing of a message of another kind."""
    try:
        told = msgspec.json.decode(content(body))
        kind = told.get("eventType") or told.get("notificationType")
        if kind == "Bounce" and told["bounce"]["bounceType"] == "Permanent":
            yield from [(each["emailAddress"], "BOUNCE") for each in told["bounce"]["bouncedRecipients"]]
        elif kind == "Complaint":
            yield from [(each["emailAddress"], "COMPLAINT") for each in told["complaint"]["complainedRecipients"]]
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError):
        return
