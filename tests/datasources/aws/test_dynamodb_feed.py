"""The change feed over a stream whose shards open, close, split and age, which the emulator's never do."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from datasources.aws.dynamodb_feed import Feed
from datasources.tables import USERS
from domain.errors import Code, DomainError


class Shard:
    def __init__(self, parent: str | None = None) -> None:
        self.parent = parent
        self.records: list[int] = []
        self.closed = False
        self.trimmed_before = 0


class Streams:
    """DynamoDB Streams in memory, and its table's description."""

    def __init__(self) -> None:
        self.shards: dict[str, Shard] = {}
        self.calls: list[str] = []
        self.iterators_expire = False
        self._sequence = 0

    def open(self, name: str, parent: str | None = None) -> None:
        self.shards[name] = Shard(parent)

    def add(self, shard: str, number: int) -> None:
        self.shards[shard].records += [self._sequence + step for step in range(1, number + 1)]
        self._sequence += number

    async def describe_table(self, TableName: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.calls.append("describe_table")
        return {"Table": {"LatestStreamArn": f"arn/{TableName}"}}

    async def describe_stream(self, StreamArn: str, ExclusiveStartShardId: str | None = None) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Two shards an answer."""
        self.calls.append("describe_stream")
        names = list(self.shards)
        start = names.index(ExclusiveStartShardId) + 1 if ExclusiveStartShardId else 0
        part = names[start : start + 2]
        shards = [
            {"ShardId": name} | ({"ParentShardId": parent} if (parent := self.shards[name].parent) else {})
            for name in part
        ]
        more = {"LastEvaluatedShardId": part[-1]} if names[start + 2 :] else {}
        return {"StreamDescription": {"Shards": shards, **more}}

    async def get_shard_iterator(
        self,
        StreamArn: str,  # noqa: N803 - boto3's names
        ShardId: str,  # noqa: N803 - boto3's names
        ShardIteratorType: str,  # noqa: N803 - boto3's names
        SequenceNumber: str = "0",  # noqa: N803 - boto3's names
    ) -> dict[str, Any]:
        self.calls.append(ShardIteratorType)
        shard = self.shards[ShardId]
        if SequenceNumber != "0" and int(SequenceNumber) < shard.trimmed_before:
            raise ClientError({"Error": {"Code": "TrimmedDataAccessException"}}, "GetShardIterator")
        return {"ShardIterator": f"fresh {ShardId} {SequenceNumber}"}

    async def get_records(self, ShardIterator: str, Limit: int) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.calls.append("get_records")
        age, name, sequence = ShardIterator.split()
        if self.iterators_expire and age == "used":
            raise ClientError({"Error": {"Code": "ExpiredIteratorException"}}, "GetRecords")
        shard = self.shards[name]
        left = [number for number in shard.records if number > int(sequence) and number >= shard.trimmed_before]
        read = left[:Limit]
        answer: dict[str, Any] = {"Records": [record(number) for number in read]}
        if not (shard.closed and read == left):
            answer["NextShardIterator"] = f"used {name} {read[-1] if read else sequence}"
        return answer


def record(number: int) -> dict[str, Any]:
    key = {"userId": {"S": str(number)}}
    change = {
        "Keys": key,
        "NewImage": key | {"n": {"N": "1"}},
        "SequenceNumber": str(number),
        "ApproximateCreationDateTime": datetime.fromtimestamp(1_800_000_000 + number, UTC),
    }
    return {"eventID": f"event{number}", "eventName": "INSERT", "dynamodb": change}


@pytest.fixture
def streams() -> Streams:
    return Streams()


@pytest.fixture
def feed(streams: Streams) -> Feed:
    return Feed(streams, streams, "t-", USERS)


async def read(feed: Feed, position: str | None, limit: int = 100) -> tuple[list[int], str]:
    page = await feed.read(position, limit)
    assert len(page.events) <= limit
    return [int(event.key["userId"]) for event in page.events], page.position


async def test_a_parent_is_read_to_its_end_before_its_children(feed: Feed, streams: Streams) -> None:
    streams.open("s0")
    streams.add("s0", 5)
    first, position = await read(feed, None, limit=2)
    streams.shards["s0"].closed = True
    streams.open("s1", parent="s0")
    streams.open("s2", parent="s0")
    streams.add("s1", 2)
    streams.add("s2", 2)
    seen = first
    for _ in range(10):
        more, position = await read(feed, position, limit=2)
        seen += more
    assert seen[:5] == [1, 2, 3, 4, 5]
    assert sorted(seen) == list(range(1, 10))


async def test_a_fresh_reader_begins_with_the_oldest_shard(streams: Streams) -> None:
    streams.open("s0")
    streams.add("s0", 3)
    streams.shards["s0"].closed = True
    streams.open("s1", parent="s0")
    streams.add("s1", 3)
    feed = Feed(streams, streams, "t-", USERS)
    first, position = await read(feed, None)
    second, _ = await read(feed, position)
    assert (first, second) == ([1, 2, 3], [4, 5, 6])


async def test_a_child_whose_parent_has_aged_away_is_read(feed: Feed, streams: Streams) -> None:
    streams.open("s1", parent="gone")
    streams.add("s1", 2)
    assert (await read(feed, None))[0] == [1, 2]


async def test_a_busy_shard_does_not_hold_up_the_others(feed: Feed, streams: Streams) -> None:
    streams.open("s0")
    streams.open("s1")
    streams.open("s2")
    streams.add("s0", 50)
    streams.add("s2", 1)
    seen, _ = await read(feed, None, limit=10)
    assert 51 in seen


async def test_another_process_goes_on_where_the_position_says(feed: Feed, streams: Streams) -> None:
    streams.open("s0")
    streams.add("s0", 4)
    _, position = await read(feed, None, limit=2)
    other = Feed(streams, streams, "t-", USERS)
    again, _ = await read(other, position)
    assert again == [3, 4]
    repeated, _ = await read(other, None)
    assert repeated == [1, 2, 3, 4]


async def test_a_steady_reader_asks_only_for_records(feed: Feed, streams: Streams) -> None:
    streams.open("s0")
    _, position = await read(feed, None)
    streams.calls.clear()
    for _ in range(5):
        streams.add("s0", 1)
        seen, position = await read(feed, position)
        assert len(seen) == 1
    assert streams.calls == ["get_records"] * 5


async def test_an_expired_iterator_is_renewed(feed: Feed, streams: Streams) -> None:
    streams.open("s0")
    streams.add("s0", 2)
    _, position = await read(feed, None)
    streams.iterators_expire = True
    streams.add("s0", 2)
    assert (await read(feed, position))[0] == [3, 4]


async def test_after_more_than_a_day_a_reader_goes_on_with_what_is_kept(streams: Streams) -> None:
    streams.open("s0")
    streams.add("s0", 2)
    _, position = await read(Feed(streams, streams, "t-", USERS), None)
    streams.add("s0", 5)
    streams.shards["s0"].trimmed_before = 5
    seen, _ = await read(Feed(streams, streams, "t-", USERS), position)
    assert seen == [5, 6, 7]


async def test_a_position_forgets_shards_that_are_gone(streams: Streams) -> None:
    streams.open("s0")
    streams.add("s0", 1)
    streams.shards["s0"].closed = True
    _, position = await read(Feed(streams, streams, "t-", USERS), None)
    assert msgspec.json.decode(position) == {"s0": None}
    del streams.shards["s0"]
    streams.open("s9")
    _, position = await read(Feed(streams, streams, "t-", USERS), position)
    assert msgspec.json.decode(position) == {"s9": ""}


async def test_a_table_without_a_stream_is_a_fault(
    feed: Feed, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_stream(TableName: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        return {"Table": {}}

    monkeypatch.setattr(streams, "describe_table", no_stream)
    with pytest.raises(DomainError) as refused:
        await feed.read(None, 10)
    assert refused.value.code == Code.DEPENDENCY_FAILED


async def test_a_position_that_is_none_of_ours_is_refused(feed: Feed) -> None:
    for position in ("17", "not JSON", '{"s0": 5}'):
        with pytest.raises(ValueError):  # noqa: PT011 - what it says is not the point
            await feed.read(position, 10)
