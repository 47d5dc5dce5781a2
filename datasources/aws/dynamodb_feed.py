"""A table's change feed, read from DynamoDB Streams.

A stream is a forest of shards that open, close and split; a shard is read only after its parent, so that
the changes of one item stay in order. A position is JSON: for each shard begun, the sequence number of its
last change read ("" for none yet), or null once it is closed and read to its end.
"""

import time
from typing import Any

import msgspec

from datasources.aws.dynamodb_calls import SERVICE, Missing, Refused, send
from datasources.aws.stream_records import event_of
from datasources.limits import MAX_PAGE
from datasources.ports import FeedEvent, FeedPage
from datasources.tables import Table
from domain.errors import dependency_failed

_SHARDS_SECONDS = 30
"""How long a list of shards is believed; shards live for hours, and DescribeStream is for 10 calls a second."""
_MAX_SHARD_PAGES = 20

Position = dict[str, str | None]


class _Iterator(msgspec.Struct, frozen=True):
    """Where DynamoDB goes on in a shard, good for some minutes, while the position is still `sequence`."""

    sequence: str
    token: str


class Feed:
    """The changes of one table."""

    def __init__(self, client: Any, streams: Any, prefix: str, table: Table) -> None:
        self._client = client
        self._streams = streams
        self._table = table
        self._name = prefix + table.name
        self._arn: str | None = None
        self._parents: dict[str, str | None] = {}
        self._believed_until = 0.0
        self._iterators: dict[str, _Iterator] = {}

    async def read(self, position: str | None, limit: int) -> FeedPage:
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError(f"a page has 1 to {MAX_PAGE} changes")
        before: Position = {} if position is None else msgspec.json.decode(position, type=Position)
        parents = await self._shards()
        after: Position = {shard: sequence for shard, sequence in before.items() if shard in parents}
        events: list[FeedEvent] = []
        open_shards = [shard for shard in parents if _may_be_read(shard, parents, after)]
        for left, shard in zip(range(len(open_shards), 0, -1), open_shards, strict=True):
            # Each gets its share, so that a busy shard does not hold up the others.
            share = max(1, (limit - len(events)) // left)
            if len(events) < limit:
                found, after[shard] = await self._read_shard(shard, after.get(shard) or "", share)
                events += found
                if after[shard] is None:
                    self._believed_until = 0.0  # its children are to be read next
        return FeedPage(events, msgspec.json.encode(after).decode())

    async def _shards(self) -> dict[str, str | None]:
        """Each shard's parent; parents first."""
        if time.monotonic() < self._believed_until:
            return self._parents
        parents: dict[str, str | None] = {}
        request: dict[str, Any] = {"StreamArn": await self._stream_arn()}
        for _ in range(_MAX_SHARD_PAGES):
            try:
                answer = await send(self._streams, "describe_stream", repeatable=True, **request)
            except Missing:  # the stream was replaced: ask for the new one next time
                self._arn = None
                raise
            stream = answer["StreamDescription"]
            parents |= {shard["ShardId"]: shard.get("ParentShardId") for shard in stream["Shards"]}
            if "LastEvaluatedShardId" not in stream:
                break
            request["ExclusiveStartShardId"] = stream["LastEvaluatedShardId"]
        self._parents = dict(sorted(parents.items()))  # a shard's id begins with its time of birth
        self._iterators = {shard: known for shard, known in self._iterators.items() if shard in parents}
        self._believed_until = time.monotonic() + _SHARDS_SECONDS
        return self._parents

    async def _stream_arn(self) -> str:
        if self._arn is None:
            answer = await send(self._client, "describe_table", repeatable=True, TableName=self._name)
            self._arn = answer["Table"].get("LatestStreamArn")
            if self._arn is None:
                raise dependency_failed(SERVICE)
        return self._arn

    async def _read_shard(self, shard: str, sequence: str, limit: int) -> tuple[list[FeedEvent], str | None]:
        """Up to `limit` changes behind `sequence`, and the position behind them."""
        known = self._iterators.pop(shard, None)
        token = known.token if known is not None and known.sequence == sequence else None
        try:
            answer = await self._records(token or await self._begin(shard, sequence), limit)
        except Refused as refused:
            # The iterator is too old, or the changes are: begin anew at the position, or at the oldest kept.
            trimmed = refused.code == "TrimmedDataAccessException"
            answer = await self._records(await self._begin(shard, "" if trimmed else sequence), limit)
        events = [event_of(self._table, record) for record in answer["Records"]]
        if answer["Records"]:
            sequence = answer["Records"][-1]["dynamodb"]["SequenceNumber"]
        following = answer.get("NextShardIterator")
        if following is None:
            return events, None
        self._iterators[shard] = _Iterator(sequence, following)
        return events, sequence

    async def _begin(self, shard: str, sequence: str) -> str:
        request: dict[str, Any] = {"StreamArn": await self._stream_arn(), "ShardId": shard}
        if sequence:
            request |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": sequence}
        else:
            request["ShardIteratorType"] = "TRIM_HORIZON"
        answer = await send(self._streams, "get_shard_iterator", repeatable=True, **request)
        return str(answer["ShardIterator"])

    async def _records(self, iterator: str, limit: int) -> dict[str, Any]:
        return await send(self._streams, "get_records", repeatable=True, ShardIterator=iterator, Limit=limit)


def _may_be_read(shard: str, parents: dict[str, str | None], position: Position) -> bool:
    """Not finished itself, and its parent finished or gone."""
    parent = parents[shard]
    finished = shard in position and position[shard] is None
    return not finished and (parent not in parents or (parent in position and position[parent] is None))
