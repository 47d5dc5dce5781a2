"""What came back of mail sent over SES: permanent bounces and complaints, from SES through SNS and a queue."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aioboto3
import msgspec

from datasources.aws.queue_messages import handle_all
from datasources.aws.sns_envelope import content
from datasources.aws.vendor_errors import client_config

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

        async def handle(body: str) -> None:
            for address, why in unwanted(body):
                await suppress(address, why)

        return await handle_all(self._client, self._queue_url, handle)


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
