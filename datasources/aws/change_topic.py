"""Changes on their way out: a FIFO topic of Amazon SNS, from which each queue gets those that it subscribes to."""

import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aioboto3
import msgspec

from datasources import trace_context
from datasources.aws.sns_envelope import TRACE
from datasources.aws.stream_records import written
from datasources.aws.vendor_errors import FAULTS, client_config
from datasources.ports import FeedEvent
from domain.errors import dependency_failed

LARGEST_REQUEST = 250 * 1024
"""Bytes of the messages of one request; SNS takes 256 KB with what is around them."""
_AT_ONCE = 10


@asynccontextmanager
async def open_change_topic(
    arn: str, *, region: str, endpoint_url: str | None = None
) -> "AsyncIterator[SnsChangeTopic]":
    """`endpoint_url` None is AWS's own."""
    session = aioboto3.Session()
    async with session.client("sns", region_name=region, endpoint_url=endpoint_url, config=client_config()) as client:
        yield SnsChangeTopic(client, arn)


class _Entry(msgspec.Struct, frozen=True):
    """A message; `order` is the same for all that have to stay in order."""

    text: str
    size: int
    order: str
    id: str


class SnsChangeTopic:
    """A `ChangeTopic`. Each message names its step in an attribute, for subscriptions that want some of them only.

    Args:
        client: aioboto3's "sns" client.
        arn: of a FIFO topic.
    """

    def __init__(self, client: Any, arn: str) -> None:
        self._client = client
        self._arn = arn

    async def publish(self, step: str, events: Sequence[FeedEvent]) -> None:
        for entries in _requests(step, events):
            await self._publish(step, entries)

    async def _publish(self, step: str, entries: Sequence[_Entry]) -> None:
        attributes = {"step": {"DataType": "String", "StringValue": step}}
        if trace := trace_context.current():
            attributes[TRACE] = {"DataType": "String", "StringValue": trace}
        try:
            answer = await self._client.publish_batch(
                TopicArn=self._arn,
                PublishBatchRequestEntries=[
                    {
                        "Id": str(number),
                        "Message": entry.text,
                        "MessageGroupId": entry.order,
                        "MessageDeduplicationId": entry.id,
                        "MessageAttributes": attributes,
                    }
                    for number, entry in enumerate(entries)
                ],
            )
        except FAULTS:
            raise dependency_failed("Amazon SNS") from None
        if answer.get("Failed"):
            raise dependency_failed("Amazon SNS")


def _requests(step: str, events: Sequence[FeedEvent]) -> Iterator[list[_Entry]]:
    """No two changes of one item are in one request: SNS may take the second and refuse the first."""
    entries: list[_Entry] = []
    for event in events:
        entry = _entry(step, event)
        is_full = len(entries) == _AT_ONCE or sum(each.size for each in entries) + entry.size > LARGEST_REQUEST
        if is_full or any(each.order == entry.order for each in entries):
            yield entries
            entries = []
        entries.append(entry)
    if entries:
        yield entries


def _entry(step: str, event: FeedEvent) -> _Entry:
    """Raises ValueError for one that no request can hold."""
    body = written(step, event)
    if len(body) > LARGEST_REQUEST:
        raise ValueError(f"the change has {len(body)} bytes, and a message {LARGEST_REQUEST}")
    order = msgspec.json.encode([step, event.table, event.key], order="sorted")
    return _Entry(body.decode(), len(body), _digest(order), _digest(f"{step}#{event.event_id}".encode()))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
