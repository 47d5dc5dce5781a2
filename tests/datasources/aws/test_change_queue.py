"""Changes through SNS and SQS: whole, in order, none twice, and what cannot be handled out of the way."""

import json
from typing import Any

import pytest

from datasources.aws import change_topic
from datasources.aws.change_topic import SnsChangeTopic, open_change_topic
from datasources.aws.stream_records import read, written
from datasources.ports import Arrival, FeedEvent
from domain.errors import DomainError
from tests.moto_services import REGION, Waiting, waiting


def change(number: int, user: str = "ben", **new: Any) -> FeedEvent:
    key = {"userId": user, "courseId": "c1"}
    return FeedEvent(f"event-{user}-{number}", "Enrollments", "MODIFY", key, key, {**key, "version": number, **new})


async def received(queue: Waiting) -> list[Arrival]:
    """What comes at once, and then is done."""
    arrivals: list[Arrival] = []
    while found := await queue.queue.receive(seconds=0):
        await queue.queue.done(found)
        arrivals += found
    return arrivals


@pytest.mark.parametrize("raw", [True, False])
async def test_a_change_arrives_as_it_was(aws: str, raw: bool) -> None:
    values = {"n": 2**70, "f": 0.1, "text": "Grüße 🦆\n", "bytes": b"\x00\xff", "none": None, "list": [True, {"a": 1}]}
    whole = change(1, **values)
    gone = FeedEvent("event-2", "RoomMembers", "REMOVE", {"userId": "eve", "roomId": "r1"}, {"userId": "eve"}, None)
    async with waiting(aws, raw=raw) as queue:
        await queue.topic.publish("counts", [whole, gone])

        arrivals = await received(queue)

    assert [(arrival.step, arrival.event, arrival.tries) for arrival in arrivals] == [
        ("counts", whole, 1),
        ("counts", gone, 1),
    ]


async def test_changes_of_an_item_stay_in_order_and_a_repeat_is_dropped(aws: str) -> None:
    changes = [change(number, user) for number in range(12) for user in ("ben", "eve")]
    async with waiting(aws) as queue:
        await queue.topic.publish("counts", changes[:20])
        await queue.topic.publish("counts", changes)

        arrivals = await received(queue)

    for user in ("ben", "eve"):
        events = [arrival.event for arrival in arrivals if arrival.event.key["userId"] == user]
        assert events == [event for event in changes if event.key["userId"] == user]


async def test_the_same_change_reaches_each_step(aws: str) -> None:
    async with waiting(aws) as queue:
        for step in ("counts", "events"):
            await queue.topic.publish(step, [change(1)])

        assert sorted(arrival.step for arrival in await received(queue)) == ["counts", "events"]


async def test_what_is_given_back_comes_again_and_in_the_end_lies_among_the_dead_letters(aws: str) -> None:
    async with waiting(aws, most_tries=2) as queue:
        assert await queue.queue.most_tries() == 2
        await queue.topic.publish("counts", [change(1), change(2, "eve")])

        for tries in (1, 2):
            arrivals = await queue.queue.receive(seconds=0)
            assert [arrival.tries for arrival in arrivals] == [tries, tries][: len(arrivals)]
            [his] = [arrival for arrival in arrivals if arrival.event.key["userId"] == "ben"]
            await queue.queue.done([arrival for arrival in arrivals if arrival != his])
            await queue.queue.give_back([his])
            await queue.show_again([his.receipt])
        assert await queue.queue.receive(seconds=0) == []

        assert [letter["record"]["eventID"] for letter in await queue.dead()] == ["event-ben-1"]


async def test_a_message_that_holds_no_change_ends_among_the_dead_letters(aws: str) -> None:
    bodies = ["no JSON", "[]", '{"step": "counts", "table": "None", "record": {}}', '{"Message": "{}"}']
    async with waiting(aws, most_tries=1) as queue:
        for number, body in enumerate(bodies):
            await queue.sqs.send_message(
                QueueUrl=queue.url, MessageBody=body, MessageGroupId=str(number), MessageDeduplicationId=str(number)
            )

        assert await queue.queue.receive(seconds=0) == []


async def test_a_queue_without_a_place_for_dead_letters_is_no_queue_for_changes(aws: str) -> None:
    async with waiting(aws) as queue:
        await queue.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"RedrivePolicy": ""})

        with pytest.raises(ValueError, match="dead letters"):
            await queue.queue.most_tries()


class Sns:
    """Notes what it was asked to publish, and refuses entries as it is bidden."""

    def __init__(self, failed: list[dict[str, str]] | None = None) -> None:
        self.requests: list[list[dict[str, Any]]] = []
        self._failed = failed or []

    async def publish_batch(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request["PublishBatchRequestEntries"])
        return {"Failed": self._failed}


async def test_no_two_changes_of_an_item_are_in_one_request_and_no_request_is_too_large() -> None:
    sns = Sns()
    changes = [change(1), change(2, "eve"), change(3), *(change(4, f"user-{number}") for number in range(12))]
    large = [change(5, f"user-{number}", text="x" * 100_000) for number in range(5)]

    await SnsChangeTopic(sns, "arn:changes.fifo").publish("counts", [*changes, *large])

    sizes = [sum(len(entry["Message"]) for entry in request) for request in sns.requests]
    assert [len(request) for request in sns.requests] == [2, 10, 5, 2, 1]
    assert max(sizes) <= change_topic.LARGEST_REQUEST
    for request in sns.requests:
        assert len({entry["MessageGroupId"] for entry in request}) == len(request)
        assert not any("ben" in entry["MessageGroupId"] + entry["MessageDeduplicationId"] for entry in request)


async def test_a_change_that_no_message_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="bytes"):
        await SnsChangeTopic(Sns(), "arn").publish("counts", [change(1, text="x" * 300_000)])


async def test_what_sns_refuses_is_to_be_told_again(aws: str) -> None:
    with pytest.raises(DomainError, match="Amazon SNS"):
        await SnsChangeTopic(Sns(failed=[{"Id": "0"}]), "arn").publish("counts", [change(1)])
    unknown = "arn:aws:sns:eu-central-1:123456789012:none.fifo"
    async with open_change_topic(unknown, region=REGION, endpoint_url=aws) as topic:
        with pytest.raises(DomainError, match="Amazon SNS"):
            await topic.publish("counts", [change(1)])


def test_a_lambdas_record_is_read_as_the_streams_own() -> None:
    """Lambda gives records as JSON, in which bytes are base64."""
    body = json.loads(written("counts", change(1, bytes=b"\x00\xff")))
    assert body["record"]["dynamodb"]["NewImage"]["bytes"] == {"B": "AP8="}
    assert read(json.dumps(body)) == ("counts", change(1, bytes=b"\x00\xff"))
