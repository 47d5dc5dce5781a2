"""Changes on their way through DynamoDB's streams, SNS and SQS to the steps: all that follows, and once."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.change_route import ChangeRoute, followers, open_change_route
from app.inbox import Inbox, InboxReader
from app.notification_steps import notification_steps
from app.settings import Settings, SettingsFault
from app.worker_steps import FeedStep, Step, TimedStep, all_steps
from app.workers import Workers
from datasources import counts
from datasources.aws.change_queue import arrival_of
from datasources.aws.dynamodb import DynamoDBStore
from datasources.aws.stream_records import event_of, written
from datasources.courses import CourseCounts, Courses
from datasources.ports import Arrival, ChangeQueue, FeedEvent, RecordStore, Write
from datasources.set_aside import SetAsides
from datasources.tables import ENROLLMENTS
from tests.app.test_inbox import now
from tests.datasources.test_enrollments import drop, enroll
from tests.learning import published_course
from tests.moto_services import REGION, Waiting, waiting
from tests.school import School


async def count(events: Sequence[FeedEvent]) -> Sequence[Write]:
    return counts.count(events)


COUNTING = FeedStep("counts", ENROLLMENTS, count)


@pytest.fixture
async def way(aws: str) -> AsyncIterator[Waiting]:
    async with waiting(aws) as opened:
        yield opened


class Impatient:
    """A queue that does not wait for changes, and shows at once again what it was given back."""

    def __init__(self, way: Waiting) -> None:
        self._way = way

    async def most_tries(self) -> int:
        return await self._way.queue.most_tries()

    async def receive(self, *, seconds: int) -> list[Arrival]:
        return await self._way.queue.receive(seconds=0)

    async def done(self, arrivals: Sequence[Arrival]) -> None:
        await self._way.queue.done(arrivals)

    async def give_back(self, arrivals: Sequence[Arrival]) -> None:
        await self._way.queue.give_back(arrivals)
        await self._way.show_again([arrival.receipt for arrival in arrivals])


async def tell(store: RecordStore, way: Waiting, *steps: Step) -> None:
    """Let the process with the lease do what it has to."""
    await Workers(store, way.route.led(steps), now, "one").drain()


async def handle(store: RecordStore, way: Waiting, *steps: Step, times: int = 10) -> None:
    """Let a process handle what waits in the queue."""
    reader = InboxReader(store, Impatient(way), Inbox(store, followers(steps), now))
    for _ in range(times):
        await reader.cycle()


async def test_what_follows_from_a_change_follows_through_the_queue(school: School, way: Waiting) -> None:
    """The whole product's steps: who moves up is counted, told and shown."""
    ben, eve = school.as_("ben"), school.as_("eve")
    steps = [
        *all_steps(school.store, school.sources, school.clock.now, school.publish),
        *notification_steps(school.store, school.clock.now, school.publish, school.senders),
    ]
    course = await published_course(school.store, capacity=1)
    for client in (ben, eve):
        await client.data("{ getMe { id } }")
        await enroll(school.store, course.id, client.id, wait=True)
    await drop(school.store, course.id, ben.id)

    for _ in range(3):  # what follows from what follows
        await tell(school.store, way, *steps)
        await handle(school.store, way, *steps, times=30)

    assert await Courses(school.store).counts([course.id]) == [CourseCounts(1, 0)]
    listed = (await eve.data("{ listNotifications { items { id title } } }"))["listNotifications"]["items"]
    assert [item["title"] for item in listed] == ["You have a seat"]
    assert school.published.count(("publishNotification", {"user_id": eve.id, "id": listed[0]["id"]})) == 1
    assert await SetAsides(school.store).dead(most=10) == []
    assert await way.queue.receive(seconds=0) == []


async def test_a_change_that_is_told_and_delivered_twice_counts_once(
    dynamodb_store: DynamoDBStore, way: Waiting
) -> None:
    course = await published_course(dynamodb_store)
    await enroll(dynamodb_store, course.id, "ben")
    [event] = (await dynamodb_store.changes(ENROLLMENTS, None)).events
    await way.topic.publish("counts", [event])
    [arrival] = await way.queue.receive(seconds=0)
    body = body_of("counts", event)
    await way.queue.done([arrival])

    for number in range(3):  # so late that SQS does not know it any more
        await way.sqs.send_message(
            QueueUrl=way.url, MessageBody=body, MessageGroupId="any", MessageDeduplicationId=f"late-{number}"
        )
    await handle(dynamodb_store, way, COUNTING)

    assert await Courses(dynamodb_store).counts([course.id]) == [CourseCounts(1, 0)]


async def test_a_process_that_dies_before_it_deletes_leaves_no_trace_in_the_counts(
    dynamodb_store: DynamoDBStore, way: Waiting
) -> None:
    course = await published_course(dynamodb_store)
    for number in range(3):
        await enroll(dynamodb_store, course.id, f"user-{number}")
    await tell(dynamodb_store, way, COUNTING)

    arrivals = await way.queue.receive(seconds=0)
    assert await Inbox(dynamodb_store, [COUNTING], now).handle(arrivals, 3) == []
    await way.show_again([arrival.receipt for arrival in arrivals])
    await handle(dynamodb_store, way, COUNTING)

    assert len(arrivals) == 3
    assert await Courses(dynamodb_store).counts([course.id]) == [CourseCounts(3, 0)]
    assert await way.queue.receive(seconds=0) == []


async def test_a_step_that_fails_leaves_its_change_among_the_dead_letters_and_others_go_on(
    dynamodb_store: DynamoDBStore, way: Waiting
) -> None:
    course = await published_course(dynamodb_store)
    for number in range(3):
        await enroll(dynamodb_store, course.id, f"user-{number}")
    handled: list[str] = []

    async def choke(events: Sequence[FeedEvent]) -> Sequence[Write]:
        users = [event.key["userId"] for event in events]
        if "user-1" in users:
            raise ValueError
        handled.extend(users)
        return ()

    steps = (FeedStep("choking", ENROLLMENTS, choke), COUNTING)
    await tell(dynamodb_store, way, *steps)
    await handle(dynamodb_store, way, *steps, times=20)

    assert set(handled) == {"user-0", "user-2"}
    assert await Courses(dynamodb_store).counts([course.id]) == [CourseCounts(3, 0)]
    [row] = await SetAsides(dynamodb_store).dead(most=10)
    assert (row.step, row.key["userId"], row.error) == ("choking", "user-1", "ValueError")
    [letter] = await way.dead()
    assert (letter["step"], letter["record"]["eventID"]) == ("choking", row.event_id)


async def test_a_deployment_that_turns_to_the_queue_goes_on_where_its_steps_stand(
    dynamodb_store: DynamoDBStore, way: Waiting
) -> None:
    course = await published_course(dynamodb_store)
    await enroll(dynamodb_store, course.id, "before")
    await Workers(dynamodb_store, [COUNTING], now, "one").drain()
    await enroll(dynamodb_store, course.id, "after")

    await tell(dynamodb_store, way, COUNTING)
    await handle(dynamodb_store, way, COUNTING)

    assert await Courses(dynamodb_store).counts([course.id]) == [CourseCounts(2, 0)]


async def test_lambdas_do_the_same_with_the_same_functions(dynamodb_store: DynamoDBStore, way: Waiting) -> None:
    """One that a stream invokes, and one that the queue invokes and that answers with the failures of its batch."""
    course = await published_course(dynamodb_store)
    await enroll(dynamodb_store, course.id, "ben")
    [event] = (await dynamodb_store.changes(ENROLLMENTS, None)).events
    record = json.loads(body_of("counts", event))["record"]  # as a stream hands it to a Lambda

    async def of_stream(invocation: dict[str, Any]) -> None:
        await way.topic.publish("counts", [event_of(ENROLLMENTS, each) for each in invocation["Records"]])

    async def of_queue(invocation: dict[str, Any]) -> list[str]:
        arrivals = [arrival_of(each["messageId"], each["body"], each["attributes"]) for each in invocation["Records"]]
        return [undone.receipt for undone in await Inbox(dynamodb_store, [COUNTING], now).handle(arrivals, 3)]

    await of_stream({"Records": [record]})
    [message] = (await way.sqs.receive_message(QueueUrl=way.url, AttributeNames=["All"]))["Messages"]
    unknown = json.dumps({**json.loads(message["Body"]), "step": "unknown"})
    shared = {"messageId": message["MessageId"], "body": message["Body"], "attributes": message["Attributes"]}
    failed = await of_queue({"Records": [shared, {**shared, "messageId": "another", "body": unknown}]})

    assert failed == ["another"]
    assert await Courses(dynamodb_store).counts([course.id]) == [CourseCounts(1, 0)]


def body_of(step: str, event: FeedEvent) -> str:
    return written(step, event).decode()


async def rest(_: str | None) -> str:
    return "-"


TIMED = TimedStep("timed", 1, rest)


async def test_who_leads_reads_feeds_tells_of_them_or_leaves_them_to_others(way: Waiting) -> None:
    steps = [COUNTING, TIMED]

    assert ChangeRoute().led(steps) == steps
    assert ChangeRoute(queue=way.queue).led(steps) == [TIMED]
    told = ChangeRoute(topic=way.topic).led(steps)
    assert [step.name for step in told] == ["timed", "counts"]
    assert COUNTING not in told


async def test_the_settings_choose_the_way(aws: str, way: Waiting, tmp_path: Path) -> None:
    chosen = {"DATA_DIR": str(tmp_path), "AWS_ENDPOINT_URL": aws, "AWS_REGION": REGION}
    async with open_change_route(Settings.load(chosen)) as route:
        assert route == ChangeRoute()
    ours = {"CHANGES_TOPIC_ARN": way.topic_arn, "CHANGES_QUEUE_URL": way.url}
    async with open_change_route(Settings.load({**chosen, **ours})) as route:
        queue: ChangeQueue | None = route.queue
        assert route.topic is not None
        assert queue is not None
        assert await queue.most_tries() == 3
    for name, value in (("CHANGES_TOPIC_ARN", "arn:aws:sns:x:1:plain"), ("CHANGES_QUEUE_URL", f"{aws}/1/plain")):
        with pytest.raises(SettingsFault, match=name):
            Settings.load({name: value})
