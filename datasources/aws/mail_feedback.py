"""What came back of mail sent over SES: permanent bounces and complaints, from SES through SNS and a queue."""

from collections.abc import Awaitable, Callable, Iterator

import msgspec

from datasources.aws.queue_messages import Queue
from datasources.aws.sns_envelope import content

Suppress = Callable[[str, str], Awaitable[None]]
"""`suppress(address, why)`, why being BOUNCE or COMPLAINT."""


class SesFeedback:
    """A `MailFeedback`."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    async def read(self, suppress: Suppress) -> int:
        """Handles what waits in the queue, at most a thousand messages; how many that were.

        A message leaves the queue when all its addresses are suppressed, or when it says nothing of any.
        """

        async def handle(body: str) -> None:
            for address, why in unwanted(body):
                await suppress(address, why)

        return await self._queue.handle_all(handle)


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
