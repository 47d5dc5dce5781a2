"""Changes as records of DynamoDB Streams: its API's, a Lambda's, and those that our messages carry as JSON."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from datasources import tables
from datasources.aws.attributes import from_wire, to_wire
from datasources.ports import FeedEvent
from datasources.tables import Table
from domain.times import Timestamp, from_epoch, moment, timestamp

_TABLES = {table.name: table for table in tables.ALL}


class ChangeMessage(msgspec.Struct, frozen=True):
    """A change for one step, as JSON. `table` is without a deployment's prefix."""

    step: str
    table: str
    record: dict[str, Any]


def event_of(table: Table, record: Mapping[str, Any]) -> FeedEvent:
    change = record["dynamodb"]
    old, new = change.get("OldImage"), change.get("NewImage")
    return FeedEvent(
        event_id=record["eventID"],
        table=table.name,
        kind=record["eventName"],
        key=from_wire(change["Keys"]),
        old=None if old is None else table.shown(from_wire(old)),
        new=None if new is None else table.shown(from_wire(new)),
        at=_moment(change.get("ApproximateCreationDateTime")),
    )


def _moment(at: Any) -> Timestamp | None:
    """As the client reads it, or in seconds as a Lambda is given it."""
    if isinstance(at, datetime):
        return timestamp(at)
    return from_epoch(at) if isinstance(at, int | float) else None


def written(step: str, event: FeedEvent) -> bytes:
    images = {"OldImage": event.old, "NewImage": event.new}
    change: dict[str, Any] = {name: to_wire(image) for name, image in images.items() if image is not None}
    if event.at is not None:
        change["ApproximateCreationDateTime"] = moment(event.at).timestamp()
    record = {
        "eventID": event.event_id,
        "eventName": event.kind,
        "dynamodb": {"Keys": to_wire(event.key), **change},
    }
    return msgspec.json.encode(ChangeMessage(step, event.table, record))


def read(body: str | bytes) -> tuple[str, FeedEvent]:
    """A message's step and change. Raises ValueError for a text that is none."""
    try:
        message = msgspec.json.decode(body, type=ChangeMessage)
        return message.step, event_of(_TABLES[message.table], message.record)
    except (msgspec.DecodeError, LookupError, TypeError, AttributeError) as error:
        raise ValueError("the message holds no change") from error
