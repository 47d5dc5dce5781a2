"""Changes on their way in: a FIFO queue of Amazon SQS that is subscribed to the topic of changes."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from datasources.aws.sns_envelope import TRACE, content, trace
from datasources.aws.sqs import LONGEST_WAIT_SECONDS, call, sqs_client
from datasources.aws.stream_records import read
from datasources.ports import HANDLING_SECONDS, Arrival

AT_ONCE = 10
_LONGEST_PAUSE_SECONDS = 900

_log = logging.getLogger("educonnect.changes")


@asynccontextmanager
async def open_change_queue(
    url: str, *, region: str, endpoint_url: str | None = None
) -> "AsyncIterator[SqsChangeQueue]":
    """`endpoint_url` None is AWS's own."""
    async with sqs_client(region=region, endpoint_url=endpoint_url) as client:
        yield SqsChangeQueue(client, url)


class SqsChangeQueue:
    """A `ChangeQueue`. What cannot be read comes as often as anything else, and then lies among the dead letters.

    Args:
        client: aioboto3's "sqs" client.
        url: of a FIFO queue with a redrive policy.
    """

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url
        self._most_tries: int | None = None

    async def most_tries(self) -> int:
        if self._most_tries is None:
            answer = await call(self._client, self._url, "get_queue_attributes", AttributeNames=["RedrivePolicy"])
            policy = answer.get("Attributes", {}).get("RedrivePolicy")
            if policy is None:
                raise ValueError("the queue of changes has no queue for dead letters")
            self._most_tries = int(msgspec.json.decode(policy)["maxReceiveCount"])
        return self._most_tries

    async def receive(self, *, seconds: int) -> list[Arrival]:
        answer = await call(
            self._client,
            self._url,
            "receive_message",
            MaxNumberOfMessages=AT_ONCE,
            WaitTimeSeconds=min(seconds, LONGEST_WAIT_SECONDS),
            VisibilityTimeout=HANDLING_SECONDS,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
            MessageAttributeNames=[TRACE],
        )
        arrivals: list[Arrival] = []
        for message in answer.get("Messages", []):
            try:
                arrival = arrival_of(message["ReceiptHandle"], message["Body"], message["Attributes"])
                arrivals.append(_traced(arrival, message.get("MessageAttributes", {})))
            except ValueError as error:
                _log.error("a message holds no change: %s", type(error).__name__)
        return arrivals

    async def done(self, arrivals: Sequence[Arrival]) -> None:
        entries = [{"Id": str(number), "ReceiptHandle": each.receipt} for number, each in enumerate(arrivals)]
        await self._each("delete_message_batch", entries)

    async def give_back(self, arrivals: Sequence[Arrival]) -> None:
        most = await self.most_tries()
        entries = [
            {"Id": str(number), "ReceiptHandle": each.receipt, "VisibilityTimeout": _pause(each.tries, most)}
            for number, each in enumerate(arrivals)
        ]
        await self._each("change_message_visibility_batch", entries)

    async def _each(self, operation: str, entries: list[dict[str, Any]]) -> None:
        """What SQS refuses of it comes again by itself."""
        if entries:
            answer = await call(self._client, self._url, operation, Entries=entries)
            if answer.get("Failed"):
                _log.info("%d messages were held for too long", len(answer["Failed"]))


def arrival_of(receipt: str, body: str, attributes: dict[str, str]) -> Arrival:
    """Of a message as SQS gives it, or as a Lambda gets it. Raises ValueError when it holds no change."""
    try:
        published, told_by = content(body), trace(body)
    except msgspec.DecodeError as error:
        raise ValueError("the message is no JSON") from error
    step, event = read(published)
    event = msgspec.structs.replace(event, trace=told_by)
    return Arrival(receipt, step, event, int(attributes["ApproximateReceiveCount"]))


def _traced(arrival: Arrival, attributes: dict[str, Any]) -> Arrival:
    """With the trace that an attribute names, where the subscription delivers messages without an envelope."""
    attribute = attributes.get(TRACE)
    if attribute is None:
        return arrival
    event = msgspec.structs.replace(arrival.event, trace=attribute.get("StringValue"))
    return msgspec.structs.replace(arrival, event=event)


def _pause(tries: int, most: int) -> int:
    """Seconds; none before the move to the dead letters, as what comes behind has to wait for it."""
    return 0 if tries >= most else min(_LONGEST_PAUSE_SECONDS, 2**tries)
