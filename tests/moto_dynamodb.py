"""moto's DynamoDB and its streams: requests in, answers out, without what makes moto slow.

Most of its time goes into finding the service among the addresses of all of AWS, into copying whole tables for each
action of a transaction, and into looking for every member of an answer under several names.
"""

import base64
import copy
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from moto.core import responses
from moto.core.request import Request
from moto.core.responses import ActionResult
from moto.core.utils import method_names_from_class
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler, DynamoResult
from moto.dynamodbstreams.responses import DynamoDBStreamsHandler

REGION = "eu-central-1"
ACCOUNT = "123456789012"

Headers = Mapping[str, str]


class MotoDynamoDB:
    """All tables of one account in one region. It answers one request after the other: it has no locks."""

    def __init__(self) -> None:
        self._backend = _Backend(REGION, ACCOUNT)
        dynamodb_backends[ACCOUNT][REGION] = self._backend  # where the streams look for their tables
        responses.method_names_from_class = cache(method_names_from_class)  # moto asks for every request

    def answer(self, url: str, headers: Headers, body: bytes) -> tuple[int, Headers, str]:
        """Status, headers and text for a POST request."""
        request = Request.from_primitives("POST", url, headers, body)
        target = headers["X-Amz-Target"]
        handler = _StreamsHandler if target.startswith("DynamoDBStreams") else _Handler
        status, answered, text = handler.dispatch(request)
        return status, answered, text

    def empty(self) -> None:
        """All tables as they were made; making them anew takes a hundred times longer."""
        for table in self._backend.tables.values():
            table.items.clear()
            if table.stream_shard is not None:
                table.stream_shard.items.clear()


class _Handler(DynamoHandler):
    """Answers with items are sent as they are: they have the wire's form already."""

    _OF_ITEMS = frozenset(
        {"GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "TransactGetItems"}
    )

    def serialized(self, action_result: ActionResult) -> Any:
        if isinstance(action_result, DynamoResult) and self._get_action() in self._OF_ITEMS:
            return 200, dict(self.response_headers), json.dumps(action_result.result, default=_written)
        return super().serialized(action_result)


class _StreamsHandler(DynamoDBStreamsHandler):
    """So are changes."""

    def serialized(self, action_result: ActionResult) -> Any:
        if isinstance(action_result.result, dict) and self._get_action() == "GetRecords":
            return 200, dict(self.response_headers), json.dumps(action_result.result, default=_written)
        return super().serialized(action_result)


def _written(value: bytes | datetime) -> str | float:
    return value.timestamp() if isinstance(value, datetime) else base64.b64encode(value).decode()


class _Table(Table):
    """moto copies the tables of a transaction; `_Backend` undoes one without."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Table":
        return self

    def set_stream_specification(self, streams: dict[str, Any] | None) -> None:
        """moto goes on writing to a stream that was ended, and fails."""
        super().set_stream_specification(streams)
        if not (streams and streams.get("StreamEnabled")):
            self.stream_shard = None
            self.latest_stream_label = None


class _Backend(DynamoDBBackend):
    def create_table(self, *arguments: Any, **named: Any) -> Table:
        table = super().create_table(*arguments, **named)
        table.__class__ = _Table
        return table

    def transact_write_items(self, transact_items: list[dict[str, Any]]) -> None:
        undo = [self._restoring(write) for action in transact_items for write in action.values()]
        try:
            super().transact_write_items(transact_items)
        except BaseException:
            for restore in undo:
                restore()
            raise

    def _restoring(self, write: Mapping[str, Any]) -> Callable[[], None]:
        """What puts the item of a write, and the stream of its table, back to what they are now."""
        table = self.get_table(write["TableName"])
        hash_key, range_key = self.get_keys_value(table, write.get("Key") or write["Item"])
        before = copy.deepcopy(table.get_item(hash_key, range_key))
        streamed = len(table.stream_shard.items) if table.stream_shard is not None else 0

        def restore() -> None:
            shelf, key = (table.items[hash_key], range_key) if range_key else (table.items, hash_key)
            if before is None:
                shelf.pop(key, None)
            else:
                shelf[key] = before
            if table.stream_shard is not None:
                del table.stream_shard.items[streamed:]

        return restore
